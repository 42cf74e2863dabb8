package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// TestKill kills dev over and over while clients upload. Every upload that dev has acknowledged
// must get its variant.
func TestKill(t *testing.T) {
	const clients = 6
	uploads, kills := 200, 5
	if os.Getenv("IMGMILL_KILL_POINTS") != "" {
		uploads, kills = 500, 10
	} else if testing.Short() {
		uploads, kills = 100, 3
	}
	port, err := findPort()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"dev", "--dir", t.TempDir(), "--port", strconv.Itoa(port)}
	p := run(t, args...)
	where := p.ready(t)
	once := awss3.Options{RetryMaxAttempts: 1} // so that the test sees refused uploads
	where.Apply(&once)
	store := s3.New(awss3.New(once))

	pictures := distinctPictures(t, uploads)
	etags := make([]string, uploads)
	var next, acknowledged, refused atomic.Int64
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < uploads; i = int(next.Add(1)) - 1 {
				etags[i] = putUntilAcknowledged(t, store, keyOf(i), pictures[i], &refused)
				acknowledged.Add(1)
			}
		})
	}
	for k := range kills {
		// Each kill hits uploads in progress, and the worker while it processes earlier ones.
		for mark := int64((k + 1) * uploads / (kills + 1)); acknowledged.Load() < mark && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		p.kill(t)
		p = run(t, args...)
	}
	restarted := time.Now()
	if again := p.ready(t); again != where {
		t.Errorf("after a restart dev is at %v, before at %v", again, where)
	}
	group.Wait()
	if t.Failed() {
		return
	}
	if refused.Load() == 0 {
		t.Error("no upload was refused, so the kills have hit nothing")
	}

	awaitAll(t, store, uploads, restarted.Add(time.Minute))
	for i, etag := range etags {
		checkVariant(t, store, keyOf(i), etag)
	}
	t.Logf("%d uploads, %d kills, %d attempts refused; all variants were there %v after the last restart",
		uploads, kills, refused.Load(), time.Since(restarted).Round(time.Millisecond))
	p.interrupt(t)
}

func keyOf(i int) string { return fmt.Sprintf("trip %d/夏 %03d.jpg", i%7, i) }

// distinctPictures returns n small pictures, all different.
func distinctPictures(t *testing.T, n int) [][]byte {
	t.Helper()
	seen := map[string]bool{}
	pictures := make([][]byte, n)
	for i := range pictures {
		m := sample.Landscape(64, 48)
		for bit := range 16 { // squares of the size of JPEG's blocks, so that each survives
			if i>>bit&1 == 1 {
				draw.Draw(m, image.Rect(0, 0, 8, 8).Add(image.Pt(bit%8*8, bit/8*8)), image.Black, image.Point{}, draw.Src)
			}
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, m, nil); err != nil {
			t.Fatal(err)
		}
		pictures[i] = b.Bytes()
		if seen[b.String()] {
			t.Fatal("two pictures are equal")
		}
		seen[b.String()] = true
	}
	return pictures
}

// putUntilAcknowledged repeats an upload until it succeeds, like a client that must not lose a
// picture.
func putUntilAcknowledged(t *testing.T, store *s3.Store, key string, data []byte, refused *atomic.Int64) (etag string) {
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		etag, err := store.Put(ctx, "photos-input", key, data, bucket.Attributes{}, bucket.Condition{})
		cancel()
		if err == nil {
			return etag
		}
		if t.Context().Err() != nil || t.Failed() {
			return ""
		}
		refused.Add(1)
		time.Sleep(20 * time.Millisecond)
	}
}

// awaitAll waits until there are n variants, and reports those that are missing at the deadline.
func awaitAll(t *testing.T, store *s3.Store, n int, deadline time.Time) {
	t.Helper()
	for {
		there := map[string]bool{}
		for info, err := range store.List(t.Context(), "photos-output", "") {
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(info.Key, ".imgmill-probe-") { // left by a process that was killed as it started
				there[info.Key] = true
			}
		}
		if len(there) >= n {
			return
		}
		if time.Now().After(deadline) {
			for i := range n {
				if !there[keyOf(i)] {
					t.Errorf("%s has no variant", keyOf(i))
				}
			}
			t.FailNow()
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// checkVariant checks that a variant is a complete picture, made from the acknowledged upload.
func checkVariant(t *testing.T, store *s3.Store, key, etag string) {
	t.Helper()
	o, err := store.Get(t.Context(), "photos-output", key, bucket.Condition{})
	if err != nil {
		t.Errorf("variant of %s: %v", key, err)
		return
	}
	defer o.Body.Close()
	if from := o.Metadata[outcome.MetadataSourceETag]; from != etag {
		t.Errorf("the variant of %s was made from %s, want %s, which was acknowledged", key, from, etag)
	}
	m, err := jpeg.Decode(o.Body)
	if err != nil || m.Bounds().Dx() != 64 || m.Bounds().Dy() != 48 {
		t.Errorf("the variant of %s is not a picture of 64×48: %v", key, err)
	}
}
