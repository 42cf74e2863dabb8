package devcloud

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestKeptQueue: what a cloud buried can be given back after it was stopped, and comes when it runs again.
func TestKeptQueue(t *testing.T) {
	log, dir := slog.New(slog.DiscardHandler), filepath.Join(t.TempDir(), "cloud")
	if _, err := OpenQueue(t.Context(), dir, log); !errors.Is(err, ErrNoCloud) {
		t.Errorf("without a cloud: %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("looking for a cloud has made its folder")
	}
	c := start(t, testConfig(dir))
	if err := c.Queue().Publish(t.Context(), "", []byte("body")); err != nil {
		t.Fatal(err)
	}
	got, err := c.Queue().Fetch(t.Context(), 1, soon)
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

	for round := range 2 { // the second finds the folder free again, and nothing buried
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
		t.Errorf("what comes in the next cloud: %v, %v", got, err)
	}
}
