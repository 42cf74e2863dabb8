package recipe

import (
	"slices"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/render"
)

// checkKey checks that target.key is a valid template, and that different sources get different
// keys.
func (r *Recipe) checkKey(rep *report) {
	t, err := parseTemplate(r.Target.Key)
	switch {
	case err != nil:
		rep.add("target.key", "%v", err)
	case r.Target.Key == "":
		rep.add("target.key", "is empty; write a template like {key}")
	case strings.HasPrefix(r.Target.Key, "/"):
		rep.add("target.key", "starts with a slash, which would make a folder with an empty name; "+
			"remove the slash")
	case strings.HasSuffix(r.Target.Key, "/"):
		rep.add("target.key", "ends with a slash; end it with a file name, like {stem}{ext}")
	case strings.ContainsFunc(r.Target.Key, func(c rune) bool { return c < ' ' || c == 0x7f }):
		rep.add("target.key", "contains a control character; remove it")
	case slices.ContainsFunc(strings.Split(r.Target.Key, "/"), isDots):
		rep.add("target.key", "contains the path element . or .., which stores treat differently; "+
			"write the folder that is meant")
	case !t.uses(fullKey, stem):
		rep.add("target.key", "would be the same for many pictures; add {key} or {stem}")
	case len(r.Target.Key) > maxKey:
		rep.add("target.key", "is %d bytes long, the limit for keys is %d; shorten it",
			len(r.Target.Key), maxKey)
	}
}

// isDots reports whether a path element is . or .., which some stores resolve and some keep.
func isDots(element string) bool { return element == "." || element == ".." }

// checkTogether checks settings that are valid on their own but may conflict.
func (r *Recipe) checkTogether(rep *report) {
	t, err := parseTemplate(r.Target.Key)
	if err != nil {
		return // checkKey has reported it
	}
	r.checkCollisions(rep, t)
	r.checkLoops(rep, t)
	r.checkManifest(rep, t)
	r.checkReserved(rep, t)
	r.checkRemoval(rep, t)
}

// checkCollisions refuses a template that could write two variants of one source to the same key.
func (r *Recipe) checkCollisions(rep *report, t template) {
	for i, a := range r.Variants {
		for _, b := range r.Variants[:i] {
			if t.distinct(a, b) {
				continue
			}
			remedy := "add {variant}, as in {variant}/{key}"
			if t.uses(variantName) {
				remedy = "put {variant} between slashes, as in {variant}/{key}"
			}
			rep.add("target.key", "variants %s and %s could get the same key; %s",
				b.Name, a.Name, remedy)
			return
		}
	}
}

// checkLoops refuses a recipe that could process its own outputs; loop.go describes how it is
// decided.
func (r *Recipe) checkLoops(rep *report, t template) {
	const remedy = "use two buckets, or two separate folders, " +
		"such as source.prefix: in/ and target.key: out/{key}"
	for _, v := range r.Variants {
		if r.mayLoop(t, v) {
			rep.add("target.key", "variant %s could be written where sources are read and "+
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

// checkManifest refuses a template that could write a variant to the key of a manifest.
func (r *Recipe) checkManifest(rep *report, t template) {
	if !r.Manifest {
		return
	}
	for _, v := range r.Variants {
		if r.mayEnd(t, v, manifestSuffix) {
			rep.add("target.key", "variant %s could get the key of a manifest (%s); "+
				"end target.key with .{format}, list source.suffixes, or set manifest: false", v.Name, manifestSuffix)
			return
		}
	}
}

// checkReserved refuses a template that could write a variant under on_bad.prefix, where it would
// meet the copy of another upload: an uploader chooses the names of both.
func (r *Recipe) checkReserved(rep *report, t template) {
	p := r.OnBad.Prefix
	if p == "" {
		return
	}
	for _, v := range r.Variants {
		if r.mayStart(t, v, p) {
			rep.add("on_bad.prefix", "variant %s could be written under %s, where copies of bad uploads are kept; "+
				"put all variants into a folder of their own, such as target.key: pictures/%s", v.Name, p, r.Target.Key)
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

// checkRemoval refuses on_remove: remove if the keys of outputs do not follow from the key of the
// source: once the source is gone, nothing else is known of it.
func (r *Recipe) checkRemoval(rep *report, t template) {
	if r.OnRemove != Remove {
		return
	}
	if t.uses(width, height) {
		rep.add("on_remove", "remove cannot find outputs by the size of a picture that is gone; "+
			"take {width} and {height} out of target.key, or write keep")
	}
	if !t.uses(format) {
		return
	}
	for _, v := range r.Variants {
		if v.Format == nil {
			rep.add("on_remove", "remove cannot find outputs of variant %s by the format of a picture that is gone; "+
				"set its format, take {format} out of target.key, or write keep", v.Name)
			return
		}
	}
}
