// Package formats is the set of picture formats that imgmill ships. A new format is one package and
// one line here.
package formats

import (
	"github.com/imgmill/imgmill/internal/engine/bmp"
	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/gif"
	"github.com/imgmill/imgmill/internal/engine/heif"
	"github.com/imgmill/imgmill/internal/engine/ico"
	"github.com/imgmill/imgmill/internal/engine/jp2"
	"github.com/imgmill/imgmill/internal/engine/jpeg"
	"github.com/imgmill/imgmill/internal/engine/jxl"
	"github.com/imgmill/imgmill/internal/engine/png"
	"github.com/imgmill/imgmill/internal/engine/pnm"
	"github.com/imgmill/imgmill/internal/engine/psd"
	"github.com/imgmill/imgmill/internal/engine/qoi"
	"github.com/imgmill/imgmill/internal/engine/tga"
	"github.com/imgmill/imgmill/internal/engine/tiff"
	"github.com/imgmill/imgmill/internal/engine/webp"
)

// All returns every format, in the order in which documentation lists them.
func All() codec.Set {
	return codec.Set{
		jpeg.Format,
		png.Format,
		gif.Format,
		webp.Format,
		heif.HEIC,
		tiff.Format,
		bmp.Format,
		heif.AVIF,
		jxl.Format,
		ico.Format,
		pnm.Format,
		qoi.Format,
		psd.Format,
		jp2.Format,
		tga.Format,
	}
}
