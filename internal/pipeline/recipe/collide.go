package recipe

import (
	"slices"

	"github.com/imgmill/imgmill/internal/engine/render"
)

// distinct reports whether two variants of one source always get different keys. The keys are compared
// from the left or, if that decides nothing, from the right.
func (t templates) distinct(a, b render.Variant) bool {
	differ := !(a.Set == "" || a.Set != b.Set || a.Format != b.Format || a.Width == b.Width)
	x, y := t.of(a).spell(a), t.of(b).spell(b)
	if spelledDifferently(x, y, differ) {
		return true
	}
	slices.Reverse(x)
	slices.Reverse(y)
	return spelledDifferently(x, y, differ)
}

// spell returns the template in which everything that follows from a variant is filled in, and every
// literal is a single byte.
func (t template) spell(v render.Variant) (spelled template) {
	for _, tok := range t {
		text := tok.text
		switch {
		case tok.kind == variantName:
			text = v.Label()
		case tok.kind == format && v.Format != nil:
			text = v.Format.Extension()
		case tok.kind != literal:
			spelled = append(spelled, tok)
		}
		for i := range len(text) {
			spelled = append(spelled, token{literal, text[i : i+1]})
		}
	}
	return spelled
}

// spelledDifferently reports whether two spelled templates give different keys, as far as that can be
// said from the left: what depends on the source alone is the same text in both. The two outputs have
// different widths if differ is true, as those of a set have in one format.
func spelledDifferently(x, y template, differ bool) bool {
	for len(x) > 0 && len(y) > 0 {
		switch k := x[0].kind; {
		case k != y[0].kind, k == height, k == format, k == hash:
			return false // anything may follow
		case k == width:
			return differ && !x[1:].mayBeginWithDigit() && !y[1:].mayBeginWithDigit()
		case k == literal && x[0].text != y[0].text:
			return true
		}
		x, y = x[1:], y[1:]
	}
	// If anything is left, the longer key begins with the shorter one.
	return x.neverEmpty() || y.neverEmpty()
}

func (t template) mayBeginWithDigit() bool {
	return len(t) > 0 && (t[0].kind != literal || isDigit(t[0].text[0]))
}

// neverEmpty reports whether the template always gives a text.
func (t template) neverEmpty() bool {
	return slices.ContainsFunc(t, func(tok token) bool {
		return tok.kind != dir && tok.kind != dirSlash && tok.kind != ext
	})
}
