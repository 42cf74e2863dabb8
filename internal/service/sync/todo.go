package sync

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/klauspost/compress/gzip"
)

// Only selects what is to be done. Removed selects those orphans whose source is gone, and Replaced those
// that target.keep_replaced no longer keeps.
type Only struct{ Missing, Stale, Bad, Orphaned, Removed, Replaced bool }

// deletes reports whether an orphan is to be deleted.
func (o Only) deletes(removed, replaced bool) bool {
	return o.Orphaned || o.Removed && removed || o.Replaced && replaced
}

// variants returns the variants to make of a picture.
func (o Only) variants(f Finding) (names []string) {
	if o.Bad {
		names = append(names, f.Failed...)
	}
	if o.Missing {
		names = append(append(names, f.Missing...), f.Unsure...)
	}
	if o.Stale {
		names = append(names, f.Stale...)
	}
	return names
}

// Item is one thing to do: to make variants of a picture, or to delete an orphan.
type Item struct {
	Key      string   `json:"k"`
	ETag     string   `json:"e,omitempty"`
	Size     int64    `json:"s"`
	Modified int64    `json:"m,omitempty"` // in nanoseconds since 1970
	Variants []string `json:"v,omitempty"` // none for an orphan
	Unsure   bool     `json:"u,omitempty"` // some of them have keys that no listing can find
}

// Todo is a list of things to do, on disk: pictures and orphans in a file each, which vanish with it.
// It is filled by Add, as Comparison.Each, and read by Items.
type Todo struct {
	Only Only
	// Pictures counts what is to be made: the pictures to read, with their bytes, and the objects to
	// write. Stale is how many of the objects exist.
	Pictures Tally
	Stale    int64
	Orphans  Tally // what is to be deleted

	pictures, orphans spool
}

// Reset empties the list.
func (t *Todo) Reset() error {
	err := t.Close()
	*t = Todo{Only: t.Only}
	return err
}

// Close deletes the files.
func (t *Todo) Close() error { return errors.Join(t.pictures.close(), t.orphans.close()) }

// Add notes what is to be done about a finding.
func (t *Todo) Add(f Finding) error {
	if f.Orphan {
		if !t.Only.deletes(f.Removed, f.Replaced) {
			return nil
		}
		t.Orphans.Objects++
		t.Orphans.Bytes += f.Size
		return t.orphans.add(Item{Key: f.Key, ETag: f.ETag, Size: f.Size})
	}
	names := t.Only.variants(f)
	if len(names) == 0 {
		return nil
	}
	t.Pictures.add(len(names), f.Size)
	if t.Only.Stale {
		t.Stale += int64(len(f.Stale))
	}
	return t.pictures.add(Item{f.Key, f.ETag, f.Size, f.modified, names, len(f.Unsure) > 0 && slices.Contains(names, f.Unsure[0])})
}

// spool is a list of items in a compressed file. The file loses its name at once, where the system
// allows that, so that it vanishes with a process that is killed.
type spool struct {
	file *os.File
	zip  *gzip.Writer
	json *json.Encoder
}

func (s *spool) add(i Item) error {
	if s.file == nil {
		f, err := os.CreateTemp("", "imgmill-sync-")
		if err != nil {
			return fmt.Errorf("list of things to do: %w", err)
		}
		s.file = f
		_ = os.Remove(f.Name()) // Windows refuses, and close tries again
		if s.zip, err = gzip.NewWriterLevel(f, gzip.BestSpeed); err != nil {
			return err
		}
		s.json = json.NewEncoder(s.zip)
	}
	if err := s.json.Encode(i); err != nil {
		return fmt.Errorf("list of things to do: %w", err)
	}
	return nil
}

// each calls f with every item, until f returns an error. Nothing can be added any more.
func (s *spool) each(f func(Item) error) error {
	if s.file == nil {
		return nil
	}
	if err := s.zip.Close(); err != nil {
		return fmt.Errorf("list of things to do: %w", err)
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r, err := gzip.NewReader(bufio.NewReader(s.file))
	if err != nil {
		return fmt.Errorf("list of things to do: %w", err)
	}
	for d := json.NewDecoder(r); ; {
		var i Item
		if err := d.Decode(&i); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("list of things to do: %w", err)
		}
		if err := f(i); err != nil {
			return err
		}
	}
}

func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if gone := os.Remove(s.file.Name()); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	s.file = nil
	return err
}
