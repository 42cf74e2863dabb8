package cli_test

import (
	"context"
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// TestKillPoints kills dev before each system call that changes the journal, the queue or the
// sequencer: once on an empty folder, then on one in which it has worked before. After each kill, the
// next start must make the variant of every upload that was acknowledged.
//
// Without IMGMILL_KILL_POINTS, which `make kills` sets, it tries a few of them.
func TestKillPoints(t *testing.T) {
	step := 31
	if s := os.Getenv("IMGMILL_KILL_POINTS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("IMGMILL_KILL_POINTS: %q is not the distance of two points", s)
		}
		step = n
	} else if testing.Short() {
		t.Skip("takes seconds for each point")
	}
	pictures := distinctPictures(t, 1000)
	for _, first := range []bool{true, false} {
		name := "first start"
		if !first {
			name = "next start"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &killer{T: t, pictures: pictures, acked: map[string]string{}, tried: map[string][]string{}}
			k.move()
			if !first {
				k.recover() // an earlier start
			}
			points, begin := 0, 1+rand.IntN(1+step/2)
			for n := begin; ; n += step {
				if first {
					k.move()
				}
				if k.round(n) || t.Failed() {
					break
				}
				k.recover()
				points++
			}
			t.Logf("%d points, every %d from %d on", points, step, begin)
			if points == 0 {
				t.Error("nothing was killed")
			}
		})
	}
}

// killer is a folder of dev, and what was uploaded there.
type killer struct {
	*testing.T
	dir, port string
	pictures  [][]byte
	next      int                 // of the pictures
	acked     map[string]string   // the ETag of the last acknowledged upload of a key
	tried     map[string][]string // the ETags of all its uploads
}

// move goes on with an empty folder.
func (k *killer) move() {
	port, err := findPort()
	if err != nil {
		k.Fatal(err)
	}
	k.dir, k.port = k.TempDir(), strconv.Itoa(port)
	clear(k.acked)
	clear(k.tried)
}

func (k *killer) args() []string { return []string{"dev", "--dir", k.dir, "--port", k.port} }

// round runs dev until it is killed before the nth change, with a new and a replaced picture, and
// stops it once both have variants. It reports true if there were fewer changes.
func (k *killer) round(n int) (over bool) {
	k.Helper()
	s3Dir := filepath.Join(k.dir, "s3")
	p, tr := runUntil(k.T, n, func(path string) bool {
		return below(path, filepath.Join(s3Dir, "journal")) ||
			// Files that may be written under another name.
			filepath.Dir(path) == k.dir && strings.Contains(filepath.Base(path), "events") ||
			filepath.Dir(path) == s3Dir && strings.Contains(path, "sequencer")
	}, k.args()...)
	if where, ok := k.started(p); ok {
		store := once(where)
		for _, key := range []string{"new-" + strconv.Itoa(n) + ".jpg", "replaced.jpg"} {
			k.put(store, key)
		}
		k.awaitVariants(store, p)
		p.cmd.Process.Signal(os.Interrupt)
	}
	select {
	case err := <-p.ended:
		p.ended <- err
		if err == nil {
			return true
		}
	case <-time.After(waitTimeout):
		k.Errorf("change %d: dev neither ends nor is killed", n)
		return true
	}
	if len(tr.calls) != n {
		k.Errorf("change %d: dev has ended by itself after %d changes", n, len(tr.calls))
		return true
	}
	return false
}

// recover starts dev on what the kill has left, and checks all uploads. It makes one more, and stops
// dev.
func (k *killer) recover() {
	k.Helper()
	p := run(k.T, k.args()...)
	store := once(p.ready(k.T))
	k.put(store, "replaced.jpg")
	k.awaitVariants(store, p)
	for key := range k.acked {
		source, err := store.Head(k.Context(), "photos-input", key)
		if err != nil || !slices.Contains(k.tried[key], source.ETag) {
			k.Errorf("%s was acknowledged: %s, %v", key, source.ETag, err)
			continue
		}
		checkVariant(k.T, store, key, source.ETag)
	}
	clear(k.acked)
	p.interrupt(k.T)
}

var readyRE = regexp.MustCompile("Press Ctrl-C to stop")

// started waits until dev is ready, or has been killed.
func (k *killer) started(p *process) (s3.Options, bool) {
	k.Helper()
	for deadline := time.Now().Add(waitTimeout); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		p.mu.Lock()
		ready := slices.ContainsFunc(p.log, readyRE.MatchString)
		p.mu.Unlock()
		if ready {
			return p.ready(k.T), true
		}
		if ended(p) {
			return s3.Options{}, false
		}
	}
	k.Fatal("dev is neither ready nor killed")
	return s3.Options{}, false
}

func ended(p *process) bool {
	select {
	case err := <-p.ended:
		p.ended <- err
		return true
	default:
		return false
	}
}

func (k *killer) put(store *s3.Store, key string) {
	data := k.pictures[k.next%len(k.pictures)]
	k.next++
	k.tried[key] = append(k.tried[key], fmt.Sprintf("%x", md5.Sum(data)))
	ctx, cancel := context.WithTimeout(k.Context(), waitTimeout)
	defer cancel()
	if etag, err := store.Put(ctx, "photos-input", key, data, bucket.Attributes{}, bucket.Condition{}); err == nil {
		k.acked[key] = etag
	}
}

// awaitVariants waits until each acknowledged upload has the variant of what is there now, or dev has
// ended.
func (k *killer) awaitVariants(store *s3.Store, p *process) {
	k.Helper()
	deadline := time.Now().Add(waitTimeout)
	for key := range k.acked {
		for !ended(p) {
			source, err1 := store.Head(k.Context(), "photos-input", key)
			variant, err2 := store.Head(k.Context(), "photos-output", key)
			if err1 == nil && err2 == nil && variant.Metadata[outcome.MetadataSourceETag] == source.ETag {
				break
			}
			if time.Now().After(deadline) {
				k.Fatalf("%s has no variant: %v, %v", key, err1, err2)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}
