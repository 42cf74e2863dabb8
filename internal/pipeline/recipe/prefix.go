package recipe

import (
	"slices"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/render"
)

// TargetPrefixes returns the beginnings that the keys of all outputs and copies of bad pictures have,
// sorted, without Reserved. None begins with another, and there is at least one, which may be empty.
func (r *Recipe) TargetPrefixes() []string {
	all := r.variantPrefixes()
	if r.OnBad.Prefix != "" {
		all = append(all, r.OnBad.Prefix)
	}
	slices.Sort(all)
	shortest := all[:0]
	for _, p := range all { // a beginning of p, if there is one, comes before it
		if n := len(shortest); n == 0 || !strings.HasPrefix(p, shortest[n-1]) {
			shortest = append(shortest, p)
		}
	}
	return shortest
}

// ListPrefixes returns the beginnings of the keys of each variant, of the manifests and of the records
// of bad pictures, for all sources whose keys start with source, which is below source.prefix. They
// are sorted, each once, and one may begin with another: under each of them alone, keys are mostly in
// the order of their sources.
func (r *Recipe) ListPrefixes(source string) []string {
	narrow := *r
	narrow.Source.Prefix = source
	all := narrow.variantPrefixes()
	if r.Manifest {
		all = append(all, source)
	}
	if prefix := r.BadRecords(); prefix != "" {
		all = append(all, prefix+source)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// variantPrefixes returns how the keys of each variant begin.
func (r *Recipe) variantPrefixes() []string {
	t, err := r.templates()
	if err != nil {
		return []string{""} // Validate would have refused it
	}
	var all []string
	for _, v := range r.Variants {
		all = append(all, r.prefixOf(t.of(v), v.Label()))
	}
	return all
}

// prefixOf returns how every key begins that a template produces for a variant.
func (r *Recipe) prefixOf(t template, variant string) string {
	var b strings.Builder
	for _, tok := range t {
		switch tok.kind {
		case literal:
			b.WriteString(tok.text)
		case variantName:
			b.WriteString(variant)
		case fullKey:
			return b.String() + r.Source.Prefix
		case dirSlash:
			return b.String() + r.Source.Prefix[:strings.LastIndexByte(r.Source.Prefix, '/')+1]
		default:
			return b.String()
		}
	}
	return b.String()
}

// MayWrite reports whether an output or a copy of a bad picture could get a key, which is not under
// Reserved. It may wrongly answer yes, but never wrongly no.
func (r *Recipe) MayWrite(key string) bool {
	if r.OnBad.Prefix != "" && strings.HasPrefix(key, r.OnBad.Prefix) {
		return true
	}
	t, err := r.templates()
	return err == nil && slices.ContainsFunc(r.Variants, func(v render.Variant) bool {
		return r.mayStart(t.of(v), v, key) && r.mayEnd(t.of(v), v, key)
	})
}
