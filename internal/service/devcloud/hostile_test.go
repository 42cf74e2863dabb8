package devcloud

import (
	"bytes"
	"context"
	"log/slog"
	"path"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/hostiletest"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/service/worker"
)

// TestMaliciousUploader sends the malicious uploader's list through the cloud and its worker, with the
// log that `dev` writes.
func TestMaliciousUploader(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	r, store, cl := hostiletest.Recipe(t, source, target), openStore(t, c), client(c)
	var mu sync.Mutex
	var log bytes.Buffer
	var lines []outcome.Change
	m := mill.New(store, r)
	w := &worker.Worker{
		Queue: c.Queue(), Concurrency: 4, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Process: func(ctx context.Context, ch event.Change) mill.Result {
			result := m.Process(ctx, ch)
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, result.LogLine(ch))
			return result
		},
	}
	work, stopWork := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(work) }()
	uploads := 0
	hostiletest.Play(t, r, hostiletest.Place{
		Store: store,
		Upload: func(key string, data []byte, a bucket.Attributes) (string, error) {
			_, err := cl.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String(source), Key: &key, Body: bytes.NewReader(data), Metadata: a.Metadata,
				ContentType: &a.ContentType, CacheControl: &a.CacheControl, ContentDisposition: &a.ContentDisposition,
			})
			if err == nil {
				uploads++
			}
			// The cloud keeps objects in files, and cleans their paths.
			return path.Clean("/" + key)[1:], err
		},
		Settle: func() (string, []outcome.Change) {
			until(t, "all uploads to be settled", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(lines) >= uploads
			})
			until(t, "the queue to be empty", func() bool {
				n, err := c.Queue().Waiting(t.Context())
				return err == nil && n == 0
			})
			stopWork()
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(waitTimeout):
				t.Fatal("the worker does not end")
			}
			return log.String(), lines
		},
	})
}
