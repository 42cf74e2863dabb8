package devcloud

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestKeptQueue checks that a buried message can be queued again while the cloud is stopped, and is
// delivered by the next one.
func TestKeptQueue(t *testing.T) {
	log, dir := slog.New(slog.DiscardHandler), filepath.Join(t.TempDir(), "cloud")
	if _, err := OpenQueue(t.Context(), dir, log); !errors.Is(err, ErrNoCloud) {
		t.Errorf("without a cloud: %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("OpenQueue has created a folder")
	}
	c := start(t, testConfig(dir))
	if err := c.Queue().Publish(t.Context(), "", []byte("body")); err != nil {
		t.Fatal(err)
	}
	got, err := c.Queue().Fetch(t.Context(), 1, waitTimeout)
	if err != nil || len(got) != 1 {
		t.Fatalf("fetch: %d messages, %v", len(got), err)
	}
	if err := got[0].Bury(t.Context(), "because"); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenQueue(t.Context(), dir, log); !errors.Is(err, ErrInUse) {
		t.Errorf("while the cloud runs: %v", err)
	}
	stop(t, c)

	for round := range 2 { // in the second round the folder is free again, and nothing is buried
		k, err := OpenQueue(t.Context(), dir, log)
		if err != nil {
			t.Fatal(err)
		}
		list, err := k.Buried(t.Context(), 10)
		if err != nil || len(list) != 1-round {
			t.Fatalf("round %d: buried %+v, %v", round, list, err)
		}
		for _, b := range list {
			if b.Reason != "because" || b.Attempts != 1 {
				t.Errorf("buried: %+v", b)
			}
			if err := k.Unbury(t.Context(), b.ID); err != nil {
				t.Error(err)
			}
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}
	again := start(t, testConfig(dir))
	got, err = again.Queue().Fetch(t.Context(), 1, 5*time.Second)
	if err != nil || len(got) != 1 || string(got[0].Body()) != "body" || got[0].Attempt() != 1 {
		t.Errorf("the next cloud delivers %v, %v", got, err)
	}
}
