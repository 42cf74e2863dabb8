package recipe

import (
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
)

// The loop guard. A recipe loops if an object that it writes is one that it works on: same bucket, and Wants says yes to the
// key. Wants asks that the key starts with source.prefix and, if there are suffixes, ends with one of them. So a recipe is
// safe if, for each key pattern that it writes, either no key of the pattern can start with the prefix or none can end with
// a suffix. mayStart and mayEnd answer these two questions, and err only to the side of yes:
//
//   - They walk the pattern's tokens from one end, with what is left of the wanted text. A token whose value is known, or
//     one of a known few, uses up text that agrees with it and ends the walk with no where it does not.
//   - A token whose value is not known could be what is left of the wanted text: the walk ends with yes. Of values that are
//     partly known (a source's key starts with source.prefix and ends with a suffix) the known part is compared first.
//   - A pattern that comes to its end while wanted text is left gives shorter keys only: no.
//
// Suffixes are ASCII and compared without regard to case. Byte strings of one length that are equal so, one of them ASCII,
// are equal byte by byte in the same sense (folding a longer encoded letter, like the Kelvin sign, changes the length), so
// comparing piece by piece misses nothing.

// allExtensions are the values that {format} can have when a variant names no format.
var allExtensions = []string{
	codec.JPEG.Extension(), codec.PNG.Extension(), codec.GIF.Extension(), codec.WebP.Extension(), codec.BMP.Extension(),
	codec.TIFF.Extension(), codec.HEIC.Extension(), codec.AVIF.Extension(), codec.JXL.Extension(),
}

// wantsOwn reports whether a key that pattern t gives a variant could be a source of the recipe.
func (r *Recipe) wantsOwn(t template, v render.Variant) bool {
	if r.Source.Bucket != r.Target.Bucket || !r.mayStart(t, v, r.Source.Prefix) {
		return false
	}
	for _, suffix := range r.Source.Suffixes {
		if r.mayEnd(t, v, suffix) {
			return true
		}
	}
	return len(r.Source.Suffixes) == 0
}

// mayStart reports whether a key that pattern t gives could start with text.
func (r *Recipe) mayStart(t template, v render.Variant, text string) bool {
	if text == "" {
		return true
	}
	if len(t) == 0 {
		return false
	}
	// partly: the value begins with known, and what follows is not known.
	partly := func(known string) bool { return strings.HasPrefix(known, text) || strings.HasPrefix(text, known) }
	folder := r.Source.Prefix[:strings.LastIndexByte(r.Source.Prefix, '/')+1]
	switch t[0].kind {
	case fullKey:
		return partly(r.Source.Prefix)
	case dirSlash:
		return partly(folder)
	case dir:
		return partly(strings.TrimSuffix(folder, "/"))
	case stem, ext:
		return true
	case width, height:
		return isDigit(text[0])
	}
	for _, value := range values(t[0], v) {
		if strings.HasPrefix(value, text) || strings.HasPrefix(text, value) && r.mayStart(t[1:], v, text[len(value):]) {
			return true
		}
	}
	return false
}

// mayEnd reports whether a key that pattern t gives could end with text, which is ASCII, in any case.
func (r *Recipe) mayEnd(t template, v render.Variant, text string) bool {
	if text == "" {
		return true
	}
	if len(t) == 0 {
		return false
	}
	last, before := t[len(t)-1], t[:len(t)-1]
	var alternatives []string
	switch last.kind {
	case fullKey:
		for _, suffix := range r.Source.Suffixes {
			if endsFold(suffix, text) || endsFold(text, suffix) {
				return true
			}
		}
		return len(r.Source.Suffixes) == 0
	case ext:
		if len(r.Source.Suffixes) == 0 {
			return true
		}
		alternatives = []string{""} // of a name like .jpg, which is all stem
		for _, suffix := range r.Source.Suffixes {
			alternatives = append(alternatives, suffix[strings.LastIndexByte(suffix, '.'):])
		}
	case dir, dirSlash, stem:
		return true
	case width, height:
		return isDigit(text[len(text)-1])
	default:
		alternatives = values(last, v)
	}
	for _, value := range alternatives {
		if endsFold(value, text) || endsFold(text, value) && r.mayEnd(before, v, text[:len(text)-len(value)]) {
			return true
		}
	}
	return false
}

// values are all that a literal, {variant} or {format} can stand for.
func values(tok token, v render.Variant) []string {
	switch {
	case tok.kind == literal:
		return []string{tok.text}
	case tok.kind == variantName:
		return []string{v.Name}
	case v.Format != "":
		return []string{v.Format.Extension()}
	}
	return allExtensions
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
