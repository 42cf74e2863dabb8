package recipe

import (
	"strings"

	"github.com/imgmill/imgmill/internal/engine/render"
)

// checkKey wants a template that reads as one and names every source's output apart.
func (r *Recipe) checkKey(rep *report) {
	t, err := parseTemplate(r.Target.Key)
	switch {
	case err != nil:
		rep.add("target.key", "%v", err)
	case r.Target.Key == "":
		rep.add("target.key", "is empty; write a template like {key}")
	case strings.HasPrefix(r.Target.Key, "/"):
		rep.add("target.key", "starts with a slash, which makes a folder without a name; leave the slash out")
	case strings.HasSuffix(r.Target.Key, "/"):
		rep.add("target.key", "names a folder; end it with a file name, like {stem}{ext}")
	case strings.ContainsFunc(r.Target.Key, func(c rune) bool { return c < ' ' || c == 0x7f }):
		rep.add("target.key", "holds a control character; leave it out")
	case !t.uses(fullKey, stem):
		rep.add("target.key", "gives many pictures the same key; write {key} or {stem} in it")
	case len(r.Target.Key) > maxKey:
		rep.add("target.key", "has %d bytes, and a key %d at most; shorten it", len(r.Target.Key), maxKey)
	}
}

// checkTogether looks at settings that are each right and may not go together.
func (r *Recipe) checkTogether(rep *report) {
	t, err := parseTemplate(r.Target.Key)
	if err != nil {
		return // checkKey has said so
	}
	r.checkCollisions(rep, t)
	r.checkLoops(rep, t)
	r.checkManifest(rep, t)
	r.checkRemoval(rep, t)
}

func (r *Recipe) checkCollisions(rep *report, t template) {
	for i, a := range r.Variants {
		for _, b := range r.Variants[:i] {
			if t.distinct(a, b) {
				continue
			}
			if t.uses(variantName) {
				rep.add("target.key", "variants %s and %s could get the same key; put {variant} between slashes, like {variant}/{key}", b.Name, a.Name)
			} else {
				rep.add("target.key", "variants %s and %s could get the same key; write {variant} in it, like {variant}/{key}", b.Name, a.Name)
			}
			return
		}
	}
}

// checkLoops refuses a recipe that could work on what it has written; loop.go says how it knows.
func (r *Recipe) checkLoops(rep *report, t template) {
	const remedy = "; use two buckets, or two folders that hold nothing of each other, like source.prefix: in/ and target.key: out/{key}"
	for _, v := range r.Variants {
		if r.wantsOwn(t, v) {
			rep.add("target.key", "variant %s could be written over the sources and be its own source"+remedy, v.Name)
			break
		}
	}
	if p := r.OnBad.Prefix; p != "" {
		// Both keys of BadKeys: the copy, and the reason.
		if r.wantsOwn(template{{literal, p}, {kind: fullKey}}, render.Variant{}) ||
			r.wantsOwn(template{{literal, p}, {kind: fullKey}, {literal, reasonEnding}}, render.Variant{}) {
			rep.add("on_bad.prefix", "copies of bad uploads under %s could be sources again; choose a prefix outside source.prefix, or another target bucket", p)
		}
	}
	if r.Manifest && r.wantsOwn(template{{kind: fullKey}, {literal, manifestEnding}}, render.Variant{}) {
		rep.add("manifest", "manifests (%s) could be sources; give source.suffixes without %s, or another target bucket", manifestEnding, ".json")
	}
}

// checkManifest keeps outputs off the keys of manifests.
func (r *Recipe) checkManifest(rep *report, t template) {
	if !r.Manifest {
		return
	}
	for _, v := range r.Variants {
		if r.mayEnd(t, v, manifestEnding) {
			rep.add("target.key", "variant %s could get the key of a manifest (%s); end it with .{format}, name source.suffixes, or write manifest: false", v.Name, manifestEnding)
			return
		}
	}
}

// checkRemoval: when a source is gone, its outputs' keys must follow from its own key.
func (r *Recipe) checkRemoval(rep *report, t template) {
	if r.OnRemove != Remove {
		return
	}
	if t.uses(width, height) {
		rep.add("on_remove", "remove cannot find outputs whose keys hold a size that went with the picture; take {width} and {height} out of target.key, or write keep")
	}
	if !t.uses(format) {
		return
	}
	for _, v := range r.Variants {
		if v.Format == "" {
			rep.add("on_remove", "remove cannot find outputs of variant %s, whose format went with the picture; give it a format, take {format} out of target.key, or write keep", v.Name)
			return
		}
	}
}
