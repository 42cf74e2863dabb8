package recipe

import (
	"strings"

	"github.com/imgmill/imgmill/internal/engine/render"
)

// distinct reports whether two variants of one source always get different keys from t. The two
// keys are compared from the left or, if that decides nothing, from the right: tokens that depend
// on the source alone are the same text in both, and the first that differs, if its two values are
// known, must differ in a way that the text after it cannot cancel out.
func (t template) distinct(a, b render.Variant) bool {
	for i, tok := range t {
		va, vb, known := t.pair(tok, a, b)
		if !known {
			break
		}
		if va == vb {
			continue
		}
		if strings.HasPrefix(vb, va) {
			va, vb = vb, va // va is the longer, if one continues the other
		}
		rest, ok := strings.CutPrefix(va, vb)
		switch {
		case !ok, i+1 == len(t):
			return true // neither continues the other; or both end here
		case t[i+1].kind == literal && t[i+1].text[0] != rest[0]:
			return true // the shorter goes on with another letter
		}
		break
	}
	return t.distinctFromRight(a, b)
}

// distinctFromRight is distinct's mirror image.
func (t template) distinctFromRight(a, b render.Variant) bool {
	for i := len(t) - 1; i >= 0; i-- {
		va, vb, known := t.pair(t[i], a, b)
		if !known {
			return false
		}
		if va == vb {
			continue
		}
		if strings.HasSuffix(vb, va) {
			va, vb = vb, va
		}
		rest, ok := strings.CutSuffix(va, vb)
		switch {
		case !ok, i == 0:
			return true
		case t[i-1].kind == literal:
			text := t[i-1].text
			return text[len(text)-1] != rest[len(rest)-1]
		}
		return false
	}
	return false
}

// pair returns a token's values for two variants of one source. A value that both take from the
// source is "" for both.
func (t template) pair(tok token, a, b render.Variant) (va, vb string, known bool) {
	switch tok.kind {
	case variantName:
		return a.Name, b.Name, true
	case format:
		if a.Format == nil || b.Format == nil {
			return "", "", false
		}
		return a.Format.Extension(), b.Format.Extension(), true
	case width, height:
		return "", "", false
	}
	return "", "", true
}
