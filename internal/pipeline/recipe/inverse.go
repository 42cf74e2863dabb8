package recipe

import (
	"strconv"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/render"
)

// The way back: from a key of the target bucket to the source that it may have been made from. A
// comparison of both buckets needs it where the key of an output depends on the picture, and to tell
// an orphan from an object of another deployment.

// named reports whether the key of a variant, up to the first part that only the picture determines,
// contains the name of the source. Such keys can be found in a listing.
func (t template) named(v render.Variant) bool {
	for _, tok := range t {
		switch tok.kind {
		case width, height, hash:
			return false
		case format:
			if v.Format == nil {
				return false
			}
		case fullKey, stem:
			return true
		}
	}
	return false
}

// Pattern returns the beginning of the key of an output up to the first part that only the picture
// determines, and whether that beginning contains the name of the source, so that the output can be
// looked for in a listing. What depends on the content of the source counts as such a part. It is for
// outputs for which KeyFor returns ErrNeedsPicture, and for those with a {hash}.
func (o Output) Pattern() (prefix string, named bool) {
	if len(o.open) == 0 || o.open[0].kind != literal {
		return "", false
	}
	var b strings.Builder
	for _, tok := range o.open {
		if tok.kind != literal {
			break
		}
		b.WriteString(tok.text)
	}
	return b.String(), o.named
}

// MayBe reports whether a key is that of the output for some size and format of the picture. If the
// content is known (Plan.For), keys of other contents are not.
func (o Output) MayBe(key string) bool { return o.key.fits(key, o.extensions, o.most()) }

// WasOnce reports whether a key is one that the output may have had, for another content of its source or
// other settings. It is false without {hash}.
func (o Output) WasOnce(key string) bool {
	return o.Hashed() && !o.MayBe(key) && o.open.fits(key, o.extensions, 0)
}

// Hashed reports whether the key contains a hash.
func (o Output) Hashed() bool { return o.open.uses(hash) }

// most is the largest width that the output can have, or 0.
func (o Output) most() int {
	if o.Variant.Set == "" || o.Variant.Enlarge {
		return 0
	}
	return o.Variant.Width
}

// fits reports whether a bound template produces a text for some size and format, with a {width} of at
// most so many pixels unless that is 0.
func (t template) fits(text string, extensions []string, most int) bool {
	if len(t) == 0 {
		return text == ""
	}
	switch t[0].kind {
	case literal:
		rest, ok := strings.CutPrefix(text, t[0].text)
		return ok && t[1:].fits(rest, extensions, most)
	case width, height:
		for n := 1; n <= len(text) && isDigit(text[n-1]); n++ {
			if side, err := strconv.Atoi(text[:n]); t[0].kind == width && most > 0 && (err != nil || side > most) {
				return false
			}
			if t[1:].fits(text[n:], extensions, most) {
				return true
			}
		}
	case hash:
		return len(text) >= hashDigits && isHash(text[:hashDigits]) && t[1:].fits(text[hashDigits:], extensions, most)
	case format:
		for _, ext := range extensions {
			if rest, ok := strings.CutPrefix(text, ext); ok && t[1:].fits(rest, extensions, most) {
				return true
			}
		}
	}
	return false
}

// maxGuesses bounds how many sources MadeFrom tries for one key.
const maxGuesses = 4096

// MadeFrom returns the key of the source for which is returns true, among those that an output or a
// manifest at a key of the target can have been made from. Variants that the recipe no longer has are
// considered, too, as far as the template contains their name. Where that leaves out the
// extension of the source, those of source.suffixes are tried, in lower and in upper case.
func (r *Planner) MadeFrom(key string, is func(source string) bool) (source string, ok bool) {
	guesses := maxGuesses
	try := func(guess string) bool {
		guesses--
		if guess == "" || guesses < 0 || !is(guess) {
			return false
		}
		source = guess
		return true
	}
	if whole, isManifest := strings.CutSuffix(key, manifestSuffix); isManifest && try(whole) {
		return source, true
	}
	in := inverse{suffixes: r.Source.Suffixes, try: try}
	ok = in.walk(r.patterns.single, key, keyParts{}, &guesses) || in.walk(r.patterns.set, key, keyParts{}, &guesses)
	return source, ok
}

// inverse takes the key of an output apart.
type inverse struct {
	suffixes []string
	try      func(source string) bool
}

// walk compares a template with a text, in every way in which its placeholders can share the text,
// and tries each source that follows. It returns whether one was right. The parts that are known so
// far are those of seen.
func (in inverse) walk(t template, text string, seen keyParts, guesses *int) bool {
	if *guesses < 0 {
		return false
	}
	if len(t) == 0 {
		return text == "" && in.guess(seen)
	}
	tok, rest := t[0], t[1:]
	if tok.kind == literal {
		after, ok := strings.CutPrefix(text, tok.text)
		return ok && in.walk(rest, after, seen, guesses)
	}
	for n := len(text); n >= 0; n-- {
		next, ok := seen.with(tok.kind, text[:n])
		if !ok {
			continue
		}
		if in.walk(rest, text[n:], next, guesses) {
			return true
		}
		if *guesses--; *guesses < 0 {
			return false
		}
	}
	return false
}

// with adds the value of a placeholder. It reports false if the placeholder cannot have it.
func (p keyParts) with(k kind, value string) (keyParts, bool) {
	set := func(part *string) bool {
		ok := *part == "" || *part == value
		*part = value
		return ok
	}
	slash := strings.Contains(value, "/")
	switch k {
	case fullKey:
		return p, value != "" && set(&p.key)
	case dir:
		return p, set(&p.dir)
	case dirSlash:
		return p, (value == "" || strings.HasSuffix(value, "/")) && set(&p.dirSlash)
	case stem:
		return p, value != "" && !slash && set(&p.stem)
	case ext:
		return p, !slash && (value == "" || value[0] == '.') && set(&p.ext)
	case width, height:
		return p, value != "" && strings.Trim(value, "0123456789") == ""
	case hash:
		return p, isHash(value)
	}
	return p, value != "" && !slash // the name of a variant, or a format
}

// guess tries the sources of which the parts are known.
func (in inverse) guess(p keyParts) bool {
	if p.key != "" {
		return in.try(p.key)
	}
	if p.stem == "" {
		return false
	}
	folder := p.dirSlash
	if folder == "" && p.dir != "" {
		folder = p.dir + "/"
	}
	if in.try(folder + p.stem + p.ext) {
		return true
	}
	if p.ext != "" {
		return false
	}
	for _, suffix := range in.suffixes {
		if in.try(folder+p.stem+suffix) || in.try(folder+p.stem+strings.ToUpper(suffix)) {
			return true
		}
	}
	return false
}
