package sync_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgmill/imgmill/internal/service/sync"
)

// TestKnownFacts adds many facts, cuts the file off as a kill would, and compares with a map.
func TestKnownFacts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "folder", "known")
	known, err := sync.OpenKnown(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sync.OpenKnown(file); !errors.Is(err, sync.ErrKnownInUse) {
		t.Errorf("a second process: %v", err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	has := map[uint64]bool{}
	for i := range 20_000 { // several times as many as fit the first table
		sum := rng.Uint64() | 1
		if i%50 == 0 {
			sum = ^uint64(i) // neighbours, which share clusters at the end of the table
		}
		has[sum] = true
		if err := known.Add(sum); err != nil {
			t.Fatal(err)
		}
	}
	check := func() {
		t.Helper()
		for sum := range has {
			if ok, err := known.Has(sum); err != nil || !ok {
				t.Fatalf("%x: %v, %v", sum, ok, err)
			}
			if ok, err := known.Has(sum ^ 1<<63); err != nil || ok != has[sum^1<<63] {
				t.Fatalf("%x: %v, %v", sum^1<<63, ok, err)
			}
		}
	}
	check()
	writer := known
	if known, err = sync.ReadKnown(file); err != nil {
		t.Fatalf("reading while another process writes: %v", err)
	}
	check()
	if err := errors.Join(known.Add(2), known.Close(), writer.Close()); err != nil {
		t.Fatal(err)
	}
	if known, err = sync.OpenKnown(file); err != nil {
		t.Fatal(err)
	}
	check()
	if err := known.Close(); err != nil {
		t.Fatal(err)
	}
	if known, err := sync.ReadKnown(file + "-none"); known != nil || err != nil {
		t.Errorf("reading no file: %v, %v", known, err)
	}
	for _, text := range []string{"something else", "s", "imgmill but of another kind"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sync.OpenKnown(file); err == nil {
			t.Errorf("%q was taken for a checkpoint", text)
		}
		if data, err := os.ReadFile(file); err != nil || string(data) != text {
			t.Errorf("the file was changed to %q, %v", data, err)
		}
	}
}

// TestKnownDamaged: what was a set once is set aside, and the new one works.
func TestKnownDamaged(t *testing.T) {
	const slots = 64
	full := append([]byte("imgmill1"), bytes.Repeat([]byte{1}, 8*slots)...)
	for name, content := range map[string][]byte{
		"too short": []byte("imgmill1 and no more"), "cut in its first bytes": []byte("img"), "zeros": make([]byte, 8*(slots+1)),
		"an odd length": append(make([]byte, 8*slots), full[:9]...), "without an empty slot": full,
		"of another number of slots": full[:8*(slots-1)],
	} {
		file := filepath.Join(t.TempDir(), "known")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		known, err := sync.OpenKnown(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if kept, err := os.ReadFile(known.Damaged); err != nil || !bytes.Equal(kept, content) {
			t.Errorf("%s: %q holds %q, %v", name, known.Damaged, kept, err)
		}
		if err := known.Add(7); err != nil {
			t.Error(err)
		}
		if ok, err := known.Has(7); !ok || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
		if err := known.Close(); err != nil {
			t.Error(err)
		}
		if known, err = sync.OpenKnown(file); err != nil || known.Damaged != "" {
			t.Fatalf("%s, again: %+v, %v", name, known, err)
		}
		if err := known.Close(); err != nil {
			t.Error(err)
		}
	}
}
