package recipe

import (
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/imgmill/imgmill/internal/engine/render"
)

// exclusion returns the reason why a key of the source bucket is not a source, or "" if it is one.
func (r *Recipe) exclusion(key string) string {
	switch {
	case key == "":
		return "empty key"
	case len(key) > maxKey:
		return fmt.Sprintf("a key of %d bytes; the limit for keys is %d", len(key), maxKey)
	case strings.HasSuffix(key, "/"):
		return "folder key"
	case strings.HasPrefix(key, Reserved):
		return fmt.Sprintf("under %s, where imgmill keeps records of its own", Reserved)
	case !strings.HasPrefix(key, r.Source.Prefix):
		return fmt.Sprintf("not under source.prefix %q", r.Source.Prefix)
	case len(r.Source.Suffixes) == 0:
		return ""
	}
	for _, suffix := range r.Source.Suffixes {
		if hasSuffixFold(key, suffix) {
			return ""
		}
	}
	return "its suffix is not one of source.suffixes"
}

// assigned returns the variants to make of a key, in the order of the first rule that matches it,
// or all variants if no rule does. A key that is longer than any store accepts gets none.
func (r *Recipe) assigned(key string) []render.Variant {
	if len(key) > maxKey {
		return nil // such an object cannot exist, and comparing its key could take long
	}
	for _, rule := range r.Rules {
		if ok, err := doublestar.Match(rule.Match, key); err != nil || !ok {
			continue // Validate refuses an invalid pattern; it matches nothing.
		}
		var out []render.Variant
		for _, name := range rule.Variants {
			for _, v := range r.Variants {
				if v.Label() == name {
					out = append(out, v)
				}
			}
		}
		return out
	}
	return r.Variants
}

// hasSuffixFold reports whether s ends with suffix, without regard to case. The suffix is ASCII.
func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// maxExpansions bounds the globs that the braces of all rules stand for. Each key may be compared
// with all of them, which takes about 40 µs each for a key of 1024 bytes, and uploaders choose keys.
const maxExpansions = 1000

// globExpansions returns how many globs without braces a glob stands for, or maxExpansions+1 if it
// is more: the alternatives of a group add up, groups in a row multiply.
func globExpansions(glob string) int {
	// Each level of braces holds the sum over the alternatives that are complete, and the product
	// over the groups of the one that is not.
	type level struct{ sum, product int }
	levels := []level{{0, 1}}
	for i := 0; i < len(glob); i++ {
		top := &levels[len(levels)-1]
		switch glob[i] {
		case '\\':
			i++
		case '[':
			i += max(strings.IndexByte(glob[i:], ']'), 0)
		case '{':
			levels = append(levels, level{0, 1})
		case ',':
			if len(levels) > 1 {
				top.sum, top.product = min(top.sum+top.product, maxExpansions+1), 1
			}
		case '}':
			if len(levels) > 1 {
				levels = levels[:len(levels)-1]
				outer := &levels[len(levels)-1]
				outer.product = min(outer.product*min(top.sum+top.product, maxExpansions+1), maxExpansions+1)
			}
		}
	}
	return levels[0].product
}
