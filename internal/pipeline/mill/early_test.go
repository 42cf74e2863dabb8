package mill_test

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// meter is a store that counts the bytes read from sources, and checks that they are closed before
// anything is written.
type meter struct {
	*mem.Store
	t    *testing.T
	read int64
	open int
}

func (m *meter) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	o, err := m.Store.Get(ctx, name, key, cond)
	if err == nil {
		m.open++
		o.Body = &metered{o.Body, m}
	}
	return o, err
}

func (m *meter) Put(ctx context.Context, name, key string, body []byte, attr bucket.Attributes, cond bucket.Condition) (string, error) {
	if m.open > 0 {
		m.t.Errorf("%s is written while its source is still open", key)
	}
	return m.Store.Put(ctx, name, key, body, attr, cond)
}

// metered is the body of an object in a meter.
type metered struct {
	io.ReadCloser
	m *meter
}

func (b *metered) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.m.read += int64(n)
	return n, err
}

func (b *metered) Close() error {
	b.m.open--
	return b.ReadCloser.Close()
}

// progressive returns a progressive JPEG whose first scans suffice for a thumbnail.
func progressive(t *testing.T, photo []byte) []byte {
	t.Helper()
	engine := &render.Engine{Formats: formats.All()}
	_, out, err := engine.Make(t.Context(), bytes.NewReader(photo), codec.Limits{},
		[]render.Variant{{Encoding: setting.Values{"quality": "90", "effort": "high"}}})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Data
}

// TestPartialDownload checks that the download ends once the variants are complete, and that they
// are the same as those of the whole object.
func TestPartialDownload(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // more threads read further ahead
	run := func(photo []byte, variants string) (*bench, *meter) {
		r, err := recipe.Parse(formats.All(), "test", []byte("source: {bucket: sources}\ntarget: {bucket: outputs, key: '{variant}/{key}'}\nvariants: {"+variants+"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		s := &meter{Store: mem.New("sources", "outputs"), t: t}
		b := &bench{t, s.Store, mill.New(s, r)}
		res := b.want(b.upload("p.jpg", photo, bucket.Attributes{}), outcome.Done, "")
		if res.Source.Bytes != int64(len(photo)) || s.open != 0 {
			t.Errorf("%d bytes in, %d streams open", res.Source.Bytes, s.open)
		}
		return b, s
	}
	tall := sample.Photo(1000, 4000)
	b, s := run(tall, "a: {width: 200, height: 100, fit: cover}")
	if s.read > int64(len(tall))*2/3 {
		t.Errorf("crop: %d of %d bytes were read", s.read, len(tall))
	}
	_, got := b.get("a/p.jpg")
	b, s = run(tall, "a: {width: 200, height: 100, fit: cover}, whole: {width: 200}")
	if s.read != int64(len(tall)) {
		t.Errorf("crop and the whole: %d of %d bytes were read", s.read, len(tall))
	}
	if _, want := b.get("a/p.jpg"); !bytes.Equal(got, want) {
		t.Error("crop: the variant differs from that of the whole download")
	}

	// Scans that a thumbnail does not need may even be missing.
	scans := progressive(t, sample.Photo(1800, 1200))
	b, s = run(scans, "a: {width: 200}")
	if s.read > int64(len(scans))/2 {
		t.Errorf("progressive: %d of %d bytes were read", s.read, len(scans))
	}
	_, got = b.get("a/p.jpg")
	b, _ = run(scans[:s.read], "a: {width: 200}")
	if _, want := b.get("a/p.jpg"); !bytes.Equal(got, want) {
		t.Error("progressive: the variant differs if the later scans are missing")
	}
	if _, s = run(scans, "whole: {width: 1800}"); s.read != int64(len(scans)) {
		t.Errorf("whole: %d of %d bytes were read", s.read, len(scans))
	}
}
