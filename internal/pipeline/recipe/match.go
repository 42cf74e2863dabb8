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
	case strings.HasSuffix(key, "/"):
		return "folder key"
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
// or all variants if no rule does.
func (r *Recipe) assigned(key string) []render.Variant {
	for _, rule := range r.Rules {
		if ok, err := doublestar.Match(rule.Match, key); err != nil || !ok {
			continue // Validate refuses an invalid pattern; it matches nothing.
		}
		var out []render.Variant
		for _, name := range rule.Variants {
			for _, v := range r.Variants {
				if v.Name == name {
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
