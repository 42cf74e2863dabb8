package recipe

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
)

// maxKey is the length of the longest key that S3 takes, in bytes.
const maxKey = 1024

// kind is what a token of a template stands for.
type kind uint8

const (
	literal  kind = iota
	fullKey       // {key}
	dir           // {dir}: what is before the last slash
	dirSlash      // {dir}/ : up to and with the last slash; nothing for a key that has none
	stem          // {stem}: the name without its last ending; a leading dot begins no ending
	ext           // {ext}: that ending, with its dot
	variantName
	width
	height
	format
)

var placeholders = map[string]kind{
	"key": fullKey, "dir": dir, "stem": stem, "ext": ext, "variant": variantName, "width": width, "height": height, "format": format,
}

// token is a piece of a template; text is set for literals.
type token struct {
	kind kind
	text string
}

// template is a parsed target.key.
type template []token

// parseTemplate splits a template. No two literals are neighbours, and none is empty.
func parseTemplate(s string) (template, error) {
	var t template
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			i = len(s)
		}
		if i > 0 {
			text := s[:i]
			// An empty {dir} takes its slash along: the two are one token.
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
			return nil, fmt.Errorf("a brace stands alone; write placeholders as {key}")
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

// uses reports whether the template has a token of one of the kinds.
func (t template) uses(kinds ...kind) bool {
	return slices.ContainsFunc(t, func(tok token) bool { return slices.Contains(kinds, tok.kind) })
}

// keyParts are a source key cut up.
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

// TargetKey is the key of one variant of a source. The template's placeholders are: {key}, the source's key; {dir}, what is
// before its last slash, {stem} and {ext}, the name after it without and with its last ending (which has its dot);
// {variant}, the variant's name; {width} and {height}, the output's pixels; {format}, the usual ending of its format,
// without a dot. A {dir} of a key without slashes takes the slash after it along. Sizes and format may be 0 and "" if the
// template does not use them. The error says what is missing, or that the key would be empty, a folder, or over 1024 bytes.
//
// Two variants of one source never share a key. Two sources may, if the template leaves out what they differ in.
func (r *Recipe) TargetKey(sourceKey string, v render.Variant, w, h int, f codec.Format) (string, error) {
	t, err := parseTemplate(r.Target.Key)
	if err != nil {
		return "", fmt.Errorf("target.key: %w", err)
	}
	fail := func(why string) (string, error) {
		return "", fmt.Errorf("target.key %q for %q, variant %s: %s", r.Target.Key, sourceKey, v.Name, why)
	}
	if t.uses(width, height) && (w <= 0 || h <= 0) {
		return fail("the size of the picture is not known")
	}
	if t.uses(format) && f == "" {
		return fail("the format of the picture is not known")
	}
	if v.Format != "" && f != "" && f != v.Format {
		return fail(fmt.Sprintf("the picture is %s and not %s", f, v.Format))
	}
	var b strings.Builder
	parts := splitKey(sourceKey)
	for _, tok := range t {
		switch tok.kind {
		case literal:
			b.WriteString(tok.text)
		case fullKey:
			b.WriteString(parts.key)
		case dir:
			b.WriteString(parts.dir)
		case dirSlash:
			b.WriteString(parts.dirSlash)
		case stem:
			b.WriteString(parts.stem)
		case ext:
			b.WriteString(parts.ext)
		case variantName:
			b.WriteString(v.Name)
		case width:
			b.WriteString(strconv.Itoa(w))
		case height:
			b.WriteString(strconv.Itoa(h))
		case format:
			b.WriteString(f.Extension())
		}
	}
	switch key := b.String(); {
	case key == "":
		return fail("the key would be empty")
	case strings.HasSuffix(key, "/"):
		return fail(fmt.Sprintf("%q would be a folder", key))
	case len(key) > maxKey:
		return fail(fmt.Sprintf("the key would have %d bytes, over %d", len(key), maxKey))
	default:
		return key, nil
	}
}

const (
	manifestEnding = ".imgmill.json"
	reasonEnding   = ".json"
)

// ManifestKey is the key of the manifest of a source, in the target bucket: the source's own key and .imgmill.json. The
// source's ending stays in it, because a.jpg and a.png are two sources.
func (r *Recipe) ManifestKey(sourceKey string) string { return sourceKey + manifestEnding }

// BadKeys are the keys, in the target bucket, of the copy of a source that could not be processed and of the JSON that says
// why. Both are empty if the recipe wants no copy.
func (r *Recipe) BadKeys(sourceKey string) (copied, reason string) {
	if r.OnBad.Prefix == "" {
		return "", ""
	}
	copied = r.OnBad.Prefix + sourceKey
	return copied, copied + reasonEnding
}
