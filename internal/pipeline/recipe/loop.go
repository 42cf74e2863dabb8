package recipe

import (
	"strings"

	"github.com/imgmill/imgmill/internal/engine/render"
)

// The loop guard. A recipe loops if it processes an object that it has written: both buckets are
// the same, and the key of the output is that of a source. The key of a source starts with
// source.prefix and, if there are suffixes, ends with one of them. A recipe is therefore safe if,
// for each template of keys that it writes, either no key can start with the prefix or none can end
// with a suffix. mayStart and mayEnd answer these two questions. They may wrongly answer yes, but
// never wrongly no:
//
//   - They walk the template's tokens from one end, with the part of the text that is still to be
//     matched. A token whose value is known, or is one of a known few, consumes text that agrees
//     with it and ends the walk with no if it does not.
//   - A token whose value is unknown could be equal to the rest of the text, which ends the walk
//     with yes. If the value is partly known (a source's key starts with source.prefix and ends
//     with a suffix; a stem has no slash), the known part is compared first.
//   - If the template ends before the text does, its keys are too short: no.
//
// Suffixes are ASCII and compared without regard to case. If two byte strings of the same length,
// one of them ASCII, are equal in this sense, they are also equal byte by byte (a
// longer encoding that folds to ASCII, such as the Kelvin sign, has another length), so comparing
// piece by piece misses nothing.

// mayLoop reports whether a key that template t produces for a variant could be a source of the
// recipe.
func (r *Recipe) mayLoop(t template, v render.Variant) bool {
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

// mayStart reports whether a key that template t produces could start with text.
func (r *Recipe) mayStart(t template, v render.Variant, text string) bool {
	if text == "" {
		return true
	}
	if len(t) == 0 {
		return false
	}
	// begins reports whether a value of which only the beginning is known could start with text.
	begins := func(known string) bool { return strings.HasPrefix(known, text) || strings.HasPrefix(text, known) }
	folder := r.Source.Prefix[:strings.LastIndexByte(r.Source.Prefix, '/')+1]
	switch t[0].kind {
	case fullKey:
		return begins(r.Source.Prefix)
	case dirSlash:
		return begins(folder)
	case dir:
		return begins(strings.TrimSuffix(folder, "/"))
	case stem, ext:
		// Neither contains a slash: it could be all of a text without one, or else a beginning of
		// the part before the slash.
		slash := strings.IndexByte(text, '/')
		if slash < 0 {
			return true
		}
		for n := range slash + 1 {
			if r.mayStart(t[1:], v, text[n:]) {
				return true
			}
		}
		return false
	case width, height:
		return isDigit(text[0])
	case hash:
		return isHexDigit(text[0])
	}
	for _, value := range r.values(t[0], v) {
		if strings.HasPrefix(value, text) || strings.HasPrefix(text, value) && r.mayStart(t[1:], v, text[len(value):]) {
			return true
		}
	}
	return false
}

// mayEnd reports whether a key that template t produces could end with text, which is ASCII,
// without regard to case.
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
			if hasSuffixFold(suffix, text) || hasSuffixFold(text, suffix) {
				return true
			}
		}
		return len(r.Source.Suffixes) == 0
	case ext:
		if len(r.Source.Suffixes) == 0 {
			return true
		}
		alternatives = []string{""} // a name like .jpg is all stem and has no extension
		for _, suffix := range r.Source.Suffixes {
			alternatives = append(alternatives, suffix[strings.LastIndexByte(suffix, '.'):])
		}
	case dir, dirSlash, stem:
		return true
	case width, height:
		return isDigit(text[len(text)-1])
	case hash:
		return isHexDigit(text[len(text)-1] | 0x20)
	default:
		alternatives = r.values(last, v)
	}
	for _, value := range alternatives {
		if hasSuffixFold(value, text) || hasSuffixFold(text, value) && r.mayEnd(before, v, text[:len(text)-len(value)]) {
			return true
		}
	}
	return false
}

// values returns all possible values of a literal, {variant} or {format}.
func (r *Recipe) values(tok token, v render.Variant) []string {
	switch {
	case tok.kind == literal:
		return []string{tok.text}
	case tok.kind == variantName:
		return []string{v.Label()}
	case v.Format != nil:
		return []string{v.Format.Extension()}
	}
	var all []string // the format is that of the source, or the nearest
	for _, f := range r.Formats {
		all = append(all, f.Extension())
	}
	return all
}

func isHexDigit(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
