package psd

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// takeWhiteBack turns the colours of a flattened picture into straight ones. Photoshop stores them
// as they look over white, other programs do not: a sample darker than white would leave it under
// its alpha shows that the colours are straight.
func takeWhiteBack(ctx context.Context, p *plane.Picture, ink bool) error {
	for _, pass := range []func(dst, alpha []byte, ink bool) bool{overWhite, unblend} {
		for y := range p.Height() {
			if y%16 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			a := p.Row(len(p.Planes)-1, y)
			for i := range p.Model.Colours() {
				if !pass(p.Row(i, y), a, ink) {
					return nil
				}
			}
		}
	}
	return nil
}

// overWhite reports whether the samples of a row may be those of colours over white, but for a level
// of rounding. Ink is 0 where white is.
func overWhite(dst, alpha []byte, ink bool) bool {
	dst = dst[:len(alpha)]
	for x, a := range alpha {
		v := dst[x]
		if ink {
			v = 255 - v
		}
		if int(v)+1 < 255-int(a) {
			return false
		}
	}
	return true
}

// unblend takes white back from a row. Where there is no colour left, white remains.
func unblend(dst, alpha []byte, ink bool) bool {
	dst = dst[:len(alpha)]
	for x, a := range alpha {
		if a == 0 || a == 255 {
			continue
		}
		v := int(dst[x])
		if ink {
			v = 255 - v
		}
		v = min(max((255*v-(255-int(a))*255+int(a)/2)/int(a), 0), 255)
		if ink {
			v = 255 - v
		}
		dst[x] = byte(v)
	}
	return true
}
