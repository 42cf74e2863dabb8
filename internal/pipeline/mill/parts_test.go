package mill_test

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// partial is a store that counts reads of objects and of parts of objects.
type partial struct {
	*mem.Store
	gets, parts int
	before      func() // each read of a part
}

func (p *partial) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	p.gets++
	return p.Store.Get(ctx, name, key, cond)
}

func (p *partial) ReadAt(ctx context.Context, name, key, etag string, b []byte, offset int64) error {
	p.parts++
	if p.before != nil {
		p.before()
	}
	return p.Store.ReadAt(ctx, name, key, etag, b, offset)
}

// gray is a TIFF file of one gray strip for every 16 rows, whose directory is behind them, as most
// programs write it.
func gray(w, h int) []byte {
	file := append([]byte("II*\x00"), 0, 0, 0, 0)
	for y := range h {
		for x := range w {
			file = append(file, byte(x*255/w+y%3))
		}
	}
	strips := (h + 15) / 16
	table := len(file)
	for i := range strips {
		file = binary.LittleEndian.AppendUint32(file, uint32(8+16*i*w))
	}
	for i := range strips {
		file = binary.LittleEndian.AppendUint32(file, uint32(min(16, h-16*i)*w))
	}
	binary.LittleEndian.PutUint32(file[4:], uint32(len(file)))
	entries := [][3]uint32{
		{256, 1, uint32(w)}, {257, 1, uint32(h)}, {258, 1, 8}, {259, 1, 1}, {262, 1, 1},
		{273, uint32(strips), uint32(table)}, {277, 1, 1}, {278, 1, 16}, {279, uint32(strips), uint32(table + 4*strips)},
	}
	file = binary.LittleEndian.AppendUint16(file, uint16(len(entries)))
	for _, e := range entries {
		file = binary.LittleEndian.AppendUint16(file, uint16(e[0]))
		file = binary.LittleEndian.AppendUint16(file, 4)
		file = binary.LittleEndian.AppendUint32(file, e[1])
		file = binary.LittleEndian.AppendUint32(file, e[2])
	}
	return append(file, 0, 0, 0, 0)
}

// TestPartsOfASource checks for which pictures parts are asked for, that they keep the memory small, and
// that they are of the version that the event is about.
func TestPartsOfASource(t *testing.T) {
	run := func(key string, file []byte, verdict outcome.Verdict, reason string, before func(*partial)) *partial {
		t.Helper()
		r, err := recipe.Parse(formats.All(), "test", []byte("source: {bucket: sources}\n"+
			"target: {bucket: outputs}\nlimits: {memory: 4mb}\nvariants: {a: {width: 100, format: jpeg}}\n"))
		if err != nil {
			t.Fatal(err)
		}
		s := &partial{Store: mem.New("sources", "outputs")}
		b := &bench{t, s.Store, mill.New(s, r)}
		change := b.upload(key, file, bucket.Attributes{})
		s.before = func() {
			if before != nil {
				before(s)
			}
		}
		b.want(change, verdict, reason)
		return s
	}
	large := gray(3000, 2000)
	if s := run("scan.tif", large, outcome.Done, "", nil); s.gets != 1 || s.parts < 1 || s.parts > 2 {
		t.Errorf("a large TIFF: %d objects and %d parts were asked for", s.gets, s.parts)
	}
	for key, file := range map[string][]byte{"small.tif": gray(400, 300), "photo.jpg": sample.Photo(2000, 1500)} {
		if s := run(key, file, outcome.Done, "", nil); s.gets != 1 || s.parts != 0 {
			t.Errorf("%s: %d objects and %d parts were asked for", key, s.gets, s.parts)
		}
	}
	run("scan.tif", large, outcome.Skipped, "stale", func(s *partial) {
		other := large[:len(large)-1]
		if _, err := s.Put(t.Context(), "sources", "scan.tif", other, bucket.Attributes{}, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	})
	run("scan.tif", large, outcome.Skipped, "gone", func(s *partial) {
		if err := s.Delete(t.Context(), "sources", "scan.tif", bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	})
}
