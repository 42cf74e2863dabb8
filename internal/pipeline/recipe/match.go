package recipe

import (
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/imgmill/imgmill/internal/engine/render"
)

// Wants reports whether a key of the source bucket is one to work on. If not, why says so to a person.
func (r *Recipe) Wants(key string) (ok bool, why string) {
	switch {
	case key == "":
		return false, "empty key"
	case strings.HasSuffix(key, "/"):
		return false, "folder key"
	case !strings.HasPrefix(key, r.Source.Prefix):
		return false, fmt.Sprintf("not under source.prefix %q", r.Source.Prefix)
	case len(r.Source.Suffixes) == 0:
		return true, ""
	}
	for _, suffix := range r.Source.Suffixes {
		if endsFold(key, suffix) {
			return true, ""
		}
	}
	return false, "its ending is none of source.suffixes"
}

// For gives the variants to make of a key, in the order of the rule that matches it first, or all if none does.
func (r *Recipe) For(key string) []render.Variant {
	for _, rule := range r.Rules {
		if ok, err := doublestar.Match(rule.Match, key); err != nil || !ok {
			continue // a bad pattern is refused by Validate; it matches nothing
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

// endsFold reports whether s ends with suffix, without regard to case. The suffix is ASCII.
func endsFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}
