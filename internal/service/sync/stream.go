package sync

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// errDisorder means that a store does not list keys in byte order.
var errDisorder = errors.New("the store does not list keys in byte order")

// entry is a listed object of the target, as small as millions of them need.
type entry struct {
	key, etag string
	size      int64
	modified  int64 // in nanoseconds since 1970
	claimed   bool  // a source wants it
}

func newEntry(info bucket.Info) entry {
	return entry{key: info.Key, etag: info.ETag, size: info.Size, modified: info.Modified.UnixNano()}
}

// time returns when the object was stored.
func (e entry) time() time.Time { return time.Unix(0, e.modified) }

const (
	pageSize = 1000 // objects that are handed on at a time, as in an answer of S3
	// defaultWindow is how many objects a stream holds, give or take a page.
	defaultWindow = 40_000
)

// page is a part of a listing.
type page struct {
	entries []entry
	last    bool // of the listing
	err     error
}

// errStopped means that a listing ended early, because its context did.
var errStopped = errors.New("stopped")

// listPages reads a listing ahead, in the background until ctx ends.
func listPages(ctx context.Context, store bucket.Store, name, prefix string, owns func(key string) bool) <-chan page {
	pages := make(chan page, 2)
	go func() {
		defer close(pages)
		send := func(p page) bool {
			select {
			case pages <- p:
				return true
			case <-ctx.Done():
				return false
			}
		}
		var p page
		for info, err := range store.List(ctx, name, prefix) {
			if err != nil {
				send(page{err: err})
				return
			}
			if !owns(info.Key) {
				continue
			}
			if p.entries = append(p.entries, newEntry(info)); len(p.entries) == pageSize {
				if !send(p) {
					return
				}
				p = page{entries: make([]entry, 0, pageSize)}
			}
		}
		p.last = true
		send(p)
	}()
	return pages
}

// eachEntry calls f with every entry of a listing.
func eachEntry(pages <-chan page, f func(entry) error) error {
	for p := range pages {
		if p.err != nil {
			return p.err
		}
		for _, e := range p.entries {
			if err := f(e); err != nil {
				return err
			}
		}
		if p.last {
			return nil
		}
	}
	return errStopped
}

// stream is a listing of the target under one prefix, and a window of the objects that it has
// passed:
//
//	key order   ──────────────────────────────────────────────►
//	listing     dropped ≤ | held, found by binary search | to be read
//	            at least `dropped`              last key: `last`
type stream struct {
	pages   <-chan page
	window  int  // how many objects are held at most
	whole   bool // holds everything, in any order of the listing, instead
	held    []entry
	last    string // the last key that was read
	dropped string // the greatest key that was dropped, or ""
	ended   bool
	// forgotten is called with each object that falls out of the window, or is left at the end, and
	// that no source wants.
	forgotten func(entry)
}

// more reads a page.
func (s *stream) more() error {
	p, ok := <-s.pages
	switch {
	case !ok:
		return errStopped
	case p.err != nil:
		return p.err
	}
	s.ended = p.last
	for _, e := range p.entries {
		if e.key <= s.last && s.last != "" && !s.whole {
			return errDisorder
		}
		s.last = e.key
	}
	s.held = append(s.held, p.entries...)
	if len(s.held) > s.window && !s.whole {
		s.drop(len(s.held) - s.window/2)
	}
	return nil
}

// all reads the whole listing and sorts it.
func (s *stream) all() error {
	for !s.ended {
		if err := s.more(); err != nil {
			return err
		}
	}
	slices.SortFunc(s.held, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return nil
}

// drop removes the first n objects from the window.
func (s *stream) drop(n int) {
	for _, e := range s.held[:n] {
		if !e.claimed {
			s.forgotten(e)
		}
	}
	if n > 0 {
		s.dropped = s.held[n-1].key
	}
	rest := make([]entry, len(s.held)-n, s.window+pageSize)
	copy(rest, s.held[n:])
	s.held = rest
}

// find claims the object at a key. It returns nil if there is none, and unsure if it may have fallen
// out of the window.
func (s *stream) find(key string) (found *entry, unsure bool, err error) {
	for !s.ended && s.last < key {
		if err := s.more(); err != nil {
			return nil, false, err
		}
	}
	if i, ok := s.search(key); ok {
		s.held[i].claimed = true
		return &s.held[i], false, nil
	}
	return nil, s.dropped != "" && key <= s.dropped, nil
}

func (s *stream) search(key string) (int, bool) {
	return slices.BinarySearchFunc(s.held, key, func(e entry, key string) int { return strings.Compare(e.key, key) })
}

// match claims all objects whose keys begin with prefix and fulfil is. Those that may have fallen out
// of the window are missing from the result, which is then unsure.
func (s *stream) match(prefix string, is func(key string) bool) (found []entry, unsure bool, err error) {
	for !s.ended && (s.last < prefix || strings.HasPrefix(s.last, prefix)) {
		if err := s.more(); err != nil {
			return nil, false, err
		}
	}
	for i, _ := s.search(prefix); i < len(s.held) && strings.HasPrefix(s.held[i].key, prefix); i++ {
		if is(s.held[i].key) {
			s.held[i].claimed = true
			found = append(found, s.held[i])
		}
	}
	return found, s.dropped != "" && prefix <= s.dropped, nil
}

// finish reads the rest of the listing.
func (s *stream) finish() error {
	for !s.ended {
		if err := s.more(); err != nil {
			return err
		}
	}
	s.drop(len(s.held))
	return nil
}
