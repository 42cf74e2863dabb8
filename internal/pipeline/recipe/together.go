package recipe

import (
	"slices"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/render"
)

// checkKey checks that a setting is a valid template of keys, and that different sources get different
// ones.
func (r *Recipe) checkKey(rep *report, name, key string) {
	t, err := parseTemplate(key)
	switch {
	case rep.bad(name):
	case err != nil:
		rep.add(name, "%v", err)
	case key == "":
		rep.add(name, "is empty; write a template like {key}")
	case strings.HasPrefix(key, "/"):
		rep.add(name, "starts with a slash, which would make a folder with an empty name; "+
			"remove the slash")
	case strings.HasSuffix(key, "/"):
		rep.add(name, "ends with a slash; end it with a file name, like {stem}{ext}")
	case strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c == 0x7f }):
		rep.add(name, "contains a control character; remove it")
	case slices.ContainsFunc(strings.Split(key, "/"), isDots):
		rep.add(name, "contains the path element . or .., which stores treat differently; "+
			"write the folder that is meant")
	case !t.uses(fullKey, stem):
		rep.add(name, "would be the same for many pictures; add {key} or {stem}")
	case len(key) > maxKey:
		rep.add(name, "is %d bytes long, the limit for keys is %d; shorten it",
			len(key), maxKey)
	}
}

// isDots reports whether a path element is . or .., which some stores resolve and some keep.
func isDots(element string) bool { return element == "." || element == ".." }

// checkTogether checks settings that are valid on their own but may conflict.
func (r *Recipe) checkTogether(rep *report) {
	t, err := r.templates()
	if err != nil {
		return // checkKey has reported it
	}
	r.checkCollisions(rep, t)
	r.checkLoops(rep, t)
	r.checkManifest(rep, t)
	r.checkHashes(rep, t)
	r.checkReserved(rep, t)
	r.checkRemoval(rep, t)
}

// checkCollisions refuses templates that could write two variants of one source to the same key.
func (r *Recipe) checkCollisions(rep *report, t templates) {
	for i, a := range r.Variants {
		for _, b := range r.Variants[:i] {
			if t.distinct(a, b) {
				continue
			}
			name, _ := r.keyOf(a)
			remedy := "add {variant}, as in {variant}/{key}"
			switch uses := t.of(a).uses; {
			case a.Set != "" && a.Set == b.Set:
				remedy = "write {width} and {format}, and no digit behind the width, as in " + defaultSetKey
			case uses(variantName):
				remedy = "put {variant} between slashes, as in {variant}/{key}"
			}
			rep.add(name, "variants %s and %s could get the same key; %s",
				b.Name, a.Name, remedy)
			return
		}
	}
}

// checkLoops refuses a recipe that could process its own outputs; loop.go describes how it is
// decided.
func (r *Recipe) checkLoops(rep *report, t templates) {
	const remedy = "use two buckets, or two separate folders, " +
		"such as source.prefix: in/ and target.key: out/{key}"
	for _, v := range r.Variants {
		if r.mayLoop(t.of(v), v) {
			name, _ := r.keyOf(v)
			rep.add(name, "variant %s could be written where sources are read and "+
				"become its own source; %s", v.Name, remedy)
			break
		}
	}
	if p := r.OnBad.Prefix; p != "" {
		badCopy := template{{literal, p}, {kind: fullKey}}
		badRecord := append(badCopy[:2:2], token{literal, recordSuffix})
		if r.mayLoop(badCopy, render.Variant{}) || r.mayLoop(badRecord, render.Variant{}) {
			rep.add("on_bad.prefix", "copies of bad uploads under %s could be processed as sources again; "+
				"choose a prefix outside source.prefix, or another target bucket", p)
		}
	}
	if r.Manifest && r.mayLoop(template{{kind: fullKey}, {literal, manifestSuffix}}, render.Variant{}) {
		rep.add("manifest", "manifests (%s) could be processed as sources; "+
			"list source.suffixes without .json, or use another target bucket", manifestSuffix)
	}
}

// checkManifest refuses templates that could write a variant to the key of a manifest.
func (r *Recipe) checkManifest(rep *report, t templates) {
	if !r.Manifest {
		return
	}
	for _, v := range r.Variants {
		if r.mayEnd(t.of(v), v, manifestSuffix) {
			name, _ := r.keyOf(v)
			rep.add(name, "variant %s could get the key of a manifest (%s); "+
				"end %s with .{format}, list source.suffixes, or set manifest: false", v.Name, manifestSuffix, name)
			return
		}
	}
}

// checkHashes refuses names that nobody could find: those of the present through the manifest, and
// earlier ones in a listing.
func (r *Recipe) checkHashes(rep *report, t templates) {
	if !r.Hashed() {
		return
	}
	if !r.Manifest {
		rep.add("manifest", "false leaves nobody who could tell the names, which contain {hash}; leave it out, or take {hash} out")
	}
	for _, v := range r.Variants {
		if name, _ := r.keyOf(v); t.of(v).uses(hash) && !t.of(v).named(v) {
			rep.add(name, "has {hash} where earlier objects of a picture cannot be listed; put {key} or {stem} before "+
				"{hash}, {width}, {height} and {format}, as in {key}.{hash}.{format}")
			return
		}
	}
}

// checkReserved refuses templates that could write a variant under on_bad.prefix, where it would
// meet the copy of another upload: an uploader chooses the names of both.
func (r *Recipe) checkReserved(rep *report, t templates) {
	p := r.OnBad.Prefix
	if p == "" {
		return
	}
	for _, v := range r.Variants {
		if r.mayStart(t.of(v), v, p) {
			name, key := r.keyOf(v)
			rep.add("on_bad.prefix", "variant %s could be written under %s, where copies of bad uploads are kept; "+
				"put all variants into a folder of their own, such as %s: pictures/%s", v.Name, p, name, key)
			return
		}
	}
	// A manifest has the key of its source, and {key}.json beside the copy has the same form as a
	// manifest if the source of the copy is named so.
	source := template{{kind: fullKey}}
	if r.Manifest && r.mayStart(source, render.Variant{}, p) &&
		(r.mayEnd(source, render.Variant{}, manifestSuffix) ||
			r.mayEnd(source, render.Variant{}, strings.TrimSuffix(manifestSuffix, recordSuffix))) {
		rep.add("on_bad.prefix", "a manifest (%s) could get the key of a copy under %s; "+
			"list source.suffixes, set source.prefix, or set manifest: false", manifestSuffix, p)
	}
}

// checkRemoval refuses on_remove: remove if the outputs of a source that is gone cannot be found: their
// keys either follow from that of the source, or begin with what follows from it.
func (r *Recipe) checkRemoval(rep *report, t templates) {
	if r.OnRemove != Remove {
		return
	}
	for _, v := range r.Variants {
		if t.of(v).named(v) {
			continue
		}
		name, _ := r.keyOf(v)
		rep.add("on_remove", "remove cannot find outputs of variant %s by the size or format of a picture that is gone; "+
			"put {key} or {stem} before {width}, {height} and {format} in %s, or write keep", v.Name, name)
		return
	}
}
