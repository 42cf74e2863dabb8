package sync_test

import (
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
	if err := known.Close(); err != nil {
		t.Fatal(err)
	}
	if known, err = sync.OpenKnown(file); err != nil {
		t.Fatal(err)
	}
	check()
	if err := known.Close(); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"something else", "imgmill1 but too short"} {
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
