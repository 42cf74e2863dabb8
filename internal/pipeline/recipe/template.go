package recipe

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
)

// maxKey is the length of the longest key that S3 accepts, in bytes.
const maxKey = 1024

// kind is the kind of a template's token: literal text or one of the placeholders, which
// Output.KeyFor describes.
type kind uint8

const (
	literal  kind = iota
	fullKey       // {key}
	dir           // {dir}: the part before the last slash
	dirSlash      // {dir}/ : up to and including the last slash; empty for a key without slashes
	stem          // {stem}: the name without its last extension; .x is all stem
	ext           // {ext}: that extension, with its dot
	variantName
	width
	height
	format
	hash
)

var placeholders = map[string]kind{
	"key": fullKey, "dir": dir, "stem": stem, "ext": ext,
	"variant": variantName, "width": width, "height": height, "format": format, "hash": hash,
}

// hashDigits is the length of a {hash}, in hexadecimal digits.
const hashDigits = 12

func isHash(s string) bool {
	return len(s) == hashDigits && strings.Trim(s, "0123456789abcdef") == ""
}

// token is a piece of a template. Only literals have text.
type token struct {
	kind kind
	text string
}

// template is a parsed target.key.
type template []token

// parseTemplate splits a template into tokens. No two literals are adjacent, and none is empty.
func parseTemplate(s string) (template, error) {
	var t template
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			i = len(s)
		}
		if i > 0 {
			text := s[:i]
			// An empty {dir} drops the slash after it: the two are one token.
			if n := len(t); n > 0 && t[n-1].kind == dir && text[0] == '/' {
				t[n-1].kind, text = dirSlash, text[1:]
			}
			if text != "" {
				t = append(t, token{literal, text})
			}
			s = s[i:]
			continue
		}
		end := strings.IndexByte(s, '}')
		if s[0] == '}' || end < 0 {
			return nil, fmt.Errorf("unmatched brace; write placeholders as {key}")
		}
		name := s[1:end]
		k, ok := placeholders[name]
		if !ok {
			var known []string
			for name := range placeholders {
				known = append(known, "{"+name+"}")
			}
			return nil, fmt.Errorf("unknown placeholder {%s}; %s", name, didYouMean("{"+name+"}", known))
		}
		t = append(t, token{kind: k})
		s = s[end+1:]
	}
	return t, nil
}

// uses reports whether the template contains a token of one of the kinds.
func (t template) uses(kinds ...kind) bool {
	return slices.ContainsFunc(t, func(tok token) bool { return slices.Contains(kinds, tok.kind) })
}

// keyParts is a source key, whole and in parts.
type keyParts struct{ key, dir, dirSlash, stem, ext string }

func splitKey(key string) keyParts {
	p := keyParts{key: key}
	slash := strings.LastIndexByte(key, '/')
	p.dirSlash = key[:slash+1]
	p.dir = strings.TrimSuffix(p.dirSlash, "/")
	p.stem = key[slash+1:]
	if dot := strings.LastIndexByte(p.stem, '.'); dot > 0 {
		p.stem, p.ext = p.stem[:dot], p.stem[dot:]
	}
	return p
}

// bind fills in everything that follows from a source's key and a variant. What remains are
// literals, {width}, {height}, {hash} and, if the variant keeps the format of its source, {format}.
func (t template) bind(source keyParts, v render.Variant) template {
	bound := make(template, len(t))
	for i, tok := range t {
		switch tok.kind {
		case fullKey:
			tok = token{literal, source.key}
		case dir:
			tok = token{literal, source.dir}
		case dirSlash:
			tok = token{literal, source.dirSlash}
		case stem:
			tok = token{literal, source.stem}
		case ext:
			tok = token{literal, source.ext}
		case variantName:
			tok = token{literal, v.Label()}
		case format:
			if v.Format != nil {
				tok = token{literal, v.Format.Extension()}
			}
		}
		bound[i] = tok
	}
	return bound
}

// withHash fills in {hash}.
func (t template) withHash(text string) template {
	filled := slices.Clone(t)
	for i, tok := range t {
		if tok.kind == hash {
			filled[i] = token{literal, text}
		}
	}
	return filled
}

// complete returns the text of a bound template for an output of w×h pixels in format f. If the
// template needs a size or format that is zero, or a hash, the error is ErrNeedsPicture.
func (t template) complete(w, h int, f *codec.Format) (string, error) {
	if t.uses(width, height) && (w <= 0 || h <= 0) || t.uses(format) && f == nil || t.uses(hash) {
		return "", ErrNeedsPicture
	}
	var b strings.Builder
	for _, tok := range t {
		switch tok.kind {
		case literal:
			b.WriteString(tok.text)
		case width:
			b.WriteString(strconv.Itoa(w))
		case height:
			b.WriteString(strconv.Itoa(h))
		case format:
			b.WriteString(f.Extension())
		}
	}
	return b.String(), nil
}
