package main

import (
	"bytes"
	"context"
	"io"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
)

func TestDrawnPicturesAreGood(t *testing.T) {
	w := newWork(0)
	found := map[string]bool{}
	for i, file := range drawn() {
		h, _, err := mill.Make(context.Background(), &w.engine, bytes.NewReader(file), w.recipe.Limits, w.recipe.Variants)
		if err != nil {
			t.Errorf("picture %d: %v", i, err)
			continue
		}
		found[h.Format.Name] = true
	}
	for _, name := range []string{"ico", "pnm", "qoi", "psd"} {
		if !found[name] {
			t.Errorf("none in %s", name)
		}
	}
}

// TestKeepsTheSlowest checks that the slowest candidates are kept, in order.
func TestKeepsTheSlowest(t *testing.T) {
	all := formats.All()
	s := newSearch(all.Named("pnm"), 1)
	worst := s.run(drawn()[4:], func() bool { return s.tried < 40 })
	if len(s.best) != kept || !bytes.Equal(worst, s.best[0].file) {
		t.Fatalf("%d kept, %d tried", len(s.best), s.tried)
	}
	if !slices.IsSortedFunc(s.best, func(a, b candidate) int { return int(b.took - a.took) }) {
		t.Error("not in order")
	}
}

func TestChecksumsAreRight(t *testing.T) {
	// IEND of section 11.2.5, with another checksum.
	file := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x00IEND????")
	fixChecksums(file)
	if want := "IEND\xae\x42\x60\x82"; string(file[12:]) != want {
		t.Errorf("%q", file[12:])
	}
	fixChecksums(file[:11]) // shorter than a chunk
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{{}, {"-formats", "avif", "."}, {"-for", "0s", "."}, {"-nonsense"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
