package lambdafn_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/hostiletest"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/service/lambdafn"
)

// TestMaliciousUploader sends the malicious uploader's list through the function, one event for each
// upload.
func TestMaliciousUploader(t *testing.T) {
	store := mem.New("sources", "outputs")
	r := hostiletest.Recipe(t, "sources", "outputs")
	var log bytes.Buffer
	h := &lambdafn.Handler{
		Process: mill.New(store, r).ProcessWithin,
		Log:     outcome.NewLog(&log),
	}
	hostiletest.Play(t, r, hostiletest.Place{
		Store: store,
		Upload: func(key string, data []byte, a bucket.Attributes) (string, error) {
			etag, err := store.Put(t.Context(), "sources", key, data, a, bucket.Condition{})
			if err != nil {
				return "", err
			}
			payload, err := event.Notification(event.Change{Bucket: "sources", Key: key, Size: int64(len(data)), ETag: etag, Sequencer: "01"})
			if err != nil {
				return "", err
			}
			if _, err := h.Handle(t.Context(), "req-1", payload); err != nil {
				t.Errorf("%q: %v", key, err)
			}
			return key, nil
		},
		Settle: func() (string, []outcome.Change) {
			var lines []outcome.Change
			for text := range strings.Lines(log.String()) {
				line, ok := outcome.ParseLine(text)
				if !ok || line.Message != outcome.ChangeMessage {
					t.Errorf("a line of the log: %q", text)
				}
				lines = append(lines, line.Change)
			}
			return log.String(), lines
		},
	})
}
