package formats

import (
	"bytes"
	"image"
	"testing"

	_ "golang.org/x/image/webp"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// TestMatrix makes every writable format from every readable one, and reads the result back with
// our own decoder and, where there is one, with that of another library.
func TestMatrix(t *testing.T) {
	all := All()
	engine := &render.Engine{Formats: all}
	sources := files(t)
	for _, from := range all.Readable() {
		data, ok := sources[from.Name]
		if !ok {
			t.Errorf("there is no fixture of %s", from.Name)
			continue
		}
		for _, to := range all.Writable() {
			v := render.NewVariant("v")
			v.Width, v.Format = 30, to
			header, outputs, err := engine.Make(t.Context(), bytes.NewReader(data), codec.Limits{}, []render.Variant{v})
			if err != nil || header.Format != from {
				t.Errorf("%s to %s: read as %v, %v", from, to, header.Format, err)
				continue
			}
			o := outputs[0]
			d, err := open(bytes.NewReader(o.Data), codec.Limits{})
			if err != nil || d.Header().Format != to || d.Header().Width != 30 || d.Header().Height != 21 {
				t.Errorf("%s to %s: %v", from, to, err)
				continue
			}
			p, report, err := decode(d)
			if err != nil || report.Damage != nil {
				t.Errorf("%s to %s: %v, damage %v", from, to, err, report.Damage)
				continue
			}
			if off := offBrightness(p); off > 8 {
				t.Errorf("%s to %s: brightness is off by %.1f", from, to, off)
			}
			if m, name, err := image.Decode(bytes.NewReader(o.Data)); err == image.ErrFormat {
				t.Logf("%s: no other library at hand reads it", to)
			} else if err != nil || name != to.Name || m.Bounds().Size() != image.Pt(30, 21) {
				t.Errorf("%s to %s: another library reads %s, %v", from, to, name, err)
			}
		}
	}
}

// offBrightness is by how much the mean of plane 0 of a reduced drawing differs from that of the
// drawing.
func offBrightness(p *plane.Picture) float64 {
	var got, want float64
	for y := range p.Height() {
		for _, v := range p.Row(0, y) {
			got += float64(v)
		}
	}
	m := sample.Landscape(61, 43)
	for y := range 43 {
		for x := range 61 {
			v := rgb(m.At(x, y))[0]
			if p.Planes[0].Kind == plane.Luma {
				v = luma(m.At(x, y))
			}
			want += float64(v)
		}
	}
	off := got/float64(p.Width()*p.Height()) - want/(61*43)
	return max(off, -off)
}
