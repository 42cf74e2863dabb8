package devcloud

import (
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestSequencerNeverGoesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sequencer")
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { return now }
	last := ""
	take := func(s *sequencer) {
		t.Helper()
		n, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		if !sequencerRE.MatchString(n) || n <= last {
			t.Fatalf("%q after %q", n, last)
		}
		last = n
	}
	open := func() *sequencer {
		t.Helper()
		s, err := openSequencer(path, clock)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	take(s)
	take(s) // the clock stands still
	now = now.Add(time.Hour)
	take(s)
	now = now.Add(-48 * time.Hour) // the clock is set back
	take(s)
	for range 3 { // the process is killed, before and after the block is used up
		s = open()
		take(s)
		take(s)
		now = now.Add(sequencerBlock + 1)
		take(s)
	}
	now = now.Add(72 * time.Hour)
	take(s)
	if want := now.UnixNano(); s.last != want {
		t.Errorf("after the clock has caught up: %d, want its time %d", s.last, want)
	}
}

func TestSequencerWithoutDisk(t *testing.T) {
	dir := t.TempDir()
	now := time.Unix(1_800_000_000, 0)
	s, err := openSequencer(filepath.Join(dir, "sequencer"), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	s.path = filepath.Join(dir, "missing", "sequencer")
	if _, err := s.next(); err != nil {
		t.Errorf("within the reserved block: %v", err)
	}
	now = now.Add(sequencerBlock + 1)
	if n, err := s.next(); err == nil {
		t.Errorf("generated %s without a reservation on disk", n)
	}
}

func TestSequencerConcurrent(t *testing.T) {
	s, err := openSequencer(filepath.Join(t.TempDir(), "sequencer"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				n, err := s.next()
				mu.Lock()
				if err != nil || seen[n] {
					t.Errorf("%q twice, or %v", n, err)
				}
				seen[n] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}
