package mill_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestOpen reads objects outside of a change: whole, in parts, compressed, too large, of an unknown encoding, and
// replaced in between.
func TestOpen(t *testing.T) {
	ctx := t.Context()
	photo := sample.Photo(60, 40)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write(photo); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	store := mem.New("photos")
	put := func(key string, data []byte, encoding string) {
		attr := bucket.Attributes{ContentEncoding: encoding, Metadata: map[string]string{"focal": "0.2,0.7"}}
		if _, err := store.Put(ctx, "photos", key, data, attr, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	put("plain.jpg", photo, "")
	put("zipped.jpg", zipped.Bytes(), "gzip")
	put("odd.jpg", []byte("not as a picture begins"), "br")
	put("empty.jpg", nil, "")
	limits := recipe.Default(formats.All()).Limits
	for _, key := range []string{"plain.jpg", "zipped.jpg"} {
		o, err := mill.Open(ctx, store, "photos", key, limits)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, photo) {
			t.Errorf("%s: %d bytes of %d (%v)", key, len(got), len(photo), err)
		}
		if o.Info().Metadata["focal"] != "0.2,0.7" || o.Info().ETag == "" {
			t.Errorf("%s: %+v", key, o.Info())
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := mill.Open(ctx, store, "photos", "none.jpg", limits); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("no object: %v", err)
	}
	if _, err := mill.Open(ctx, store, "photos", "empty.jpg", limits); verdictOf(err) != outcome.Skipped {
		t.Errorf("an empty object: %v", err)
	}
	small := limits
	small.Bytes = 10
	if _, err := mill.Open(ctx, store, "photos", "plain.jpg", small); !errors.Is(err, codec.ErrLimit) {
		t.Errorf("over the limit: %v", err)
	}

	o, err := mill.Open(ctx, store, "photos", "odd.jpg", limits)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if err := o.Explain(codec.ErrNotImage); !strings.Contains(err.Error(), `Content-Encoding "br"`) {
		t.Errorf("another encoding: %v", err)
	}

	o, err = mill.Open(ctx, store, "photos", "plain.jpg", limits)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	parts, ok := o.Reader.(codec.Ranges)
	if !ok {
		t.Fatal("no parts can be asked for")
	}
	part := make([]byte, 5)
	if _, err := parts.ReadAt(part, 3); err != nil || !bytes.Equal(part, photo[3:8]) {
		t.Errorf("a part: %v (%v)", part, err)
	}
	put("plain.jpg", photo[:len(photo)-1], "")
	_, err = parts.ReadAt(part, 3)
	if err = o.Explain(err); !errors.Is(err, bucket.ErrTransient) || verdictOf(err) != outcome.Retry {
		t.Errorf("replaced in between: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	o, err = mill.Open(ended, store, "photos", "zipped.jpg", limits)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	cancel()
	if _, err := io.ReadAll(o); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}

// stalled is a store that sends ten bytes and no more.
type stalled struct{ bucket.Store }

func (s stalled) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	o, err := s.Store.Get(ctx, name, key, cond)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil {
		o.Body = io.NopCloser(io.MultiReader(io.LimitReader(o.Body, 10), waiting{ctx}))
	}
	return o, err
}

type waiting struct{ context.Context }

func (w waiting) Read([]byte) (int, error) {
	<-w.Done()
	return 0, w.Err()
}

// TestOpenSlow checks that the network, and not the picture, is to blame for a download that does not end.
func TestOpenSlow(t *testing.T) {
	store := mem.New("photos")
	if _, err := store.Put(t.Context(), "photos", "a.jpg", sample.Photo(60, 40), bucket.Attributes{}, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	limits := recipe.Default(formats.All()).Limits
	limits.Timeout = time.Second / 2
	ctx, cancel := context.WithTimeout(t.Context(), limits.Timeout)
	defer cancel()
	o, err := mill.Open(ctx, stalled{store}, "photos", "a.jpg", limits)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	_, err = io.ReadAll(o)
	if err = o.Explain(err); !errors.Is(err, bucket.ErrTransient) || !strings.Contains(err.Error(), "500ms were over after 10 of ") {
		t.Error(err)
	}
	if _, err := mill.Open(ctx, stalled{store}, "photos", "a.jpg", limits); !errors.Is(err, bucket.ErrTransient) {
		t.Error(err)
	}
}

func verdictOf(err error) outcome.Verdict { v, _ := mill.Classify(err); return v }

// TestAttributesOutside checks what an output has that is written outside of a change.
func TestAttributesOutside(t *testing.T) {
	for text, want := range map[string]string{
		"target: {bucket: web}\n":                                  "image/webp ",
		"target: {bucket: web, key: \"{stem}-{hash}.{format}\"}\n": "image/webp public, max-age=31536000, immutable",
		"target: {bucket: web, key: \"{stem}-{hash}.{format}\", cache_control: no-cache, storage_class: STANDARD_IA}\n": "image/webp no-cache",
	} {
		r, err := recipe.Parse(formats.All(), "test", []byte("source: {bucket: photos}\n"+text+"variants: {v: {width: 9, format: webp}}\n"))
		if err != nil {
			t.Fatal(err)
		}
		attr := mill.Attributes(r, r.Plan("x.jpg").Outputs[0], r.Formats.Named("webp"))
		if got := attr.ContentType + " " + attr.CacheControl; got != want || attr.StorageClass != r.Target.Attributes.StorageClass || len(attr.Metadata) > 0 {
			t.Errorf("%s: %+v", text, attr)
		}
	}
}
