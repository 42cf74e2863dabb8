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
	return shortest(all)
}

// SourceAccess returns the beginnings of the keys of all objects of the source bucket that are read, in
// the form of TargetPrefixes.
func (r *Recipe) SourceAccess() []string {
	all := []string{r.Source.Prefix}
	if r.Gates.Placeholder != "" {
		all = append(all, r.Gates.Placeholder)
	}
	return shortest(all)
}

// TargetAccess is the same for all objects of the target bucket that are read or written.
func (r *Recipe) TargetAccess() []string {
	all := r.TargetPrefixes()
	if r.Manifest {
		all = append(all, r.Source.Prefix)
	}
	if prefix := r.BadRecords(); prefix != "" {
		all = append(all, prefix)
	}
	for _, name := range r.Overlays() {
		all = append(all, OverlayKey(name))
	}
	if len(r.Notify) > 0 {
		all = append(all, UnsentPrefix)
	}
	return shortest(all)
}

// shortest sorts prefixes and leaves out those that begin with another one.
func shortest(all []string) []string {
	slices.Sort(all)
	kept := all[:0]
	for _, p := range all { // a beginning of p, if there is one, comes before it
		if n := len(kept); n == 0 || !strings.HasPrefix(p, kept[n-1]) {
			kept = append(kept, p)
		}
	}
	return kept
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
