package devcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// entry is one write in progress: a file in the journal from before its first effect until its
// event is stored. If the process dies in between, the next start repairs and announces the object
// that the entry names.
type entry struct {
	object
	// Before is the object that the write may replace or remove; nil if there was none.
	Before *snapshot `json:"before,omitempty"`
	// Settled means that the object's attributes are consistent and only the event is missing.
	Settled bool `json:"settled,omitempty"`

	path string
	at   time.Time // of the file
}

// snapshot holds what is needed to detect whether an object's bytes were replaced, and to restore
// its attributes if not.
type snapshot struct {
	Size       int64             `json:"size"`
	Modified   int64             `json:"modified"` // nanoseconds since 1970
	Attributes map[string][]byte `json:"attributes"`
}

// journal is the folder of entries. Its files are not synced to the disk: they protect against a
// crash of the process, not of the machine.
type journal struct {
	dir    string
	prefix string

	count atomic.Int64

	mu   sync.Mutex
	left []*entry // writes that ended without being announced
}

// openJournal opens the journal and reads the entries that an earlier process left.
func openJournal(dir string) (*journal, error) {
	j := &journal{dir: dir, prefix: fmt.Sprintf("%016X", time.Now().UnixNano())}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".") { // an unfinished replaceFile
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				return nil, fmt.Errorf("journal: %w", err)
			}
			continue
		}
		e := &entry{path: filepath.Join(dir, f.Name())}
		info, err := f.Info()
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		e.at = info.ModTime()
		data, err := os.ReadFile(e.path)
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		if json.Unmarshal(data, e) != nil {
			// The process died while it wrote the entry, so that its write had not begun.
			if err := os.Remove(e.path); err != nil {
				return nil, fmt.Errorf("journal: %w", err)
			}
			continue
		}
		j.left = append(j.left, e)
	}
	return j, nil
}

// add writes the entry's file.
func (j *journal) add(e *entry) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	e.path = filepath.Join(j.dir, fmt.Sprintf("%s-%d.json", j.prefix, j.count.Add(1)))
	if err := os.WriteFile(e.path, data, 0o600); err != nil {
		return errors.Join(fmt.Errorf("journal: %w", err), os.RemoveAll(e.path))
	}
	return nil
}

// done removes the entry of a write that was stored and announced, or had no effect.
func (j *journal) done(e *entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.left = slices.DeleteFunc(j.left, func(l *entry) bool { return l == e })
	if err := os.Remove(e.path); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// leave keeps the entry for a later attempt to announce it. If it fails to store Settled, nothing
// is lost: a restart then repairs the object once more.
func (j *journal) leave(e *entry) error {
	if info, err := os.Stat(e.path); err == nil && e.at.IsZero() {
		e.at = info.ModTime()
	}
	j.mu.Lock()
	j.left = append(j.left, e)
	j.mu.Unlock()
	if !e.Settled {
		return nil
	}
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return replaceFile(e.path, data)
}

// pending lists the entries that wait for such an attempt.
func (j *journal) pending() []*entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.left)
}
