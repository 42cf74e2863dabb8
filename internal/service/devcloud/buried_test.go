package devcloud

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

// TestBuriedWhileRunning asks a running cloud for its buried messages from outside, and puts one back.
// Without the account's secret there is no answer.
func TestBuriedWhileRunning(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cloud := start(t, cfg)
	if err := cloud.Queue().Publish(t.Context(), "", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	got, err := cloud.Queue().Fetch(t.Context(), 1, 10*time.Second)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d messages, %v", len(got), err)
	}
	if err := got[0].Bury(t.Context(), "no such luck"); err != nil {
		t.Fatal(err)
	}
	address, err := FindRunning(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	q := address.Buried()
	list, err := q.Buried(t.Context(), 10)
	if err != nil || len(list) != 1 || list[0].Reason != "no such luck" || string(list[0].Body) != "{}" || list[0].Attempts != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := q.Unbury(t.Context(), "9999"); !errors.Is(err, queue.ErrNotBuried) {
		t.Errorf("an ID that does not exist: %v", err)
	}
	stranger := address
	stranger.Secret = "guessed"
	if _, err := stranger.Buried().Buried(t.Context(), 10); err == nil || !strings.Contains(err.Error(), "wrong credentials") {
		t.Errorf("with another secret: %v", err)
	}
	if err := stranger.Buried().Unbury(t.Context(), list[0].ID); err == nil {
		t.Error("a message is put back for another secret")
	}
	if err := q.Unbury(t.Context(), list[0].ID); err != nil {
		t.Error(err)
	}
	if list, err := q.Buried(t.Context(), 10); err != nil || len(list) != 0 {
		t.Errorf("afterwards: %+v, %v", list, err)
	}
	if got, err := cloud.Queue().Fetch(t.Context(), 1, 10*time.Second); err != nil || len(got) != 1 {
		t.Errorf("put back: %d messages, %v", len(got), err)
	}
}
