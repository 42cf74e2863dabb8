package recipe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/resample"
)

const (
	minBytes       = 1000 // a JPEG's headers and tables alone take most of that
	maxVariantName = 64
)

var (
	fits         = []render.Fit{render.Inside, render.Outside, render.Cover, render.Contain, render.Fill}
	filters      = []resample.Filter{resample.Lanczos3, resample.CatmullRom, resample.Mitchell, resample.Linear, resample.Box}
	efforts      = []codec.Effort{codec.NormalEffort, codec.HighEffort}
	subsamplings = []codec.Subsampling{codec.Subsample420, codec.Subsample422, codec.Subsample444}
	metadatas    = []render.Metadata{render.Strip, render.Copyright, render.Keep}
	removals     = []OnRemove{Keep, Remove}
	readable     = []codec.Format{codec.JPEG, codec.PNG, codec.GIF, codec.WebP, codec.BMP, codec.TIFF}
	told         = []codec.Format{codec.HEIC, codec.AVIF, codec.JXL}
)

// Validate reports everything that is wrong with a recipe, as Errors without lines. Parse has already done so.
func (r *Recipe) Validate() error {
	rep := &report{}
	r.check(rep)
	return rep.err()
}

// check adds the recipe's problems to those that reading it has brought up. What follows from a setting that could not be
// read is not reported.
func (r *Recipe) check(rep *report) {
	r.checkSource(rep)
	r.checkBucket(rep, "target.bucket", r.Target.Bucket)
	r.checkVariants(rep)
	r.checkRules(rep)
	r.checkLimits(rep)
	r.checkEvents(rep)
	if !rep.bad("target.key") {
		r.checkKey(rep)
	}
	if !rep.bad("source", "target", "on_bad") && !unsettled(rep) {
		r.checkTogether(rep)
	}
}

// unsettled reports whether it is open which variants there are and what they are called: their names or formats are bad.
func unsettled(rep *report) bool {
	return slices.ContainsFunc(rep.problems, func(p *Problem) bool {
		parts := strings.Split(p.Name, ".")
		return parts[0] == "variants" && (len(parts) < 3 || parts[2] == "format")
	})
}

// checkBucket wants a name by the rules for general purpose buckets (Amazon S3 User Guide, "Bucket naming rules"), as far
// as they are about letters.
func (r *Recipe) checkBucket(rep *report, name, bucket string) {
	const alnum = "abcdefghijklmnopqrstuvwxyz0123456789"
	switch {
	case rep.bad(name):
	case bucket == "":
		rep.add(name, "is missing; name the bucket")
	case strings.Contains(bucket, "://"), strings.Contains(bucket, "/"), strings.HasPrefix(bucket, "arn:"):
		rep.add(name, "%q is no bucket name; write the name alone, without s3:// and without a path", bucket)
	case len(bucket) < 3, len(bucket) > 63, strings.Trim(bucket[:1]+bucket[len(bucket)-1:], alnum) != "",
		strings.ContainsFunc(bucket, func(c rune) bool { return !strings.ContainsRune(alnum+".-", c) }):
		rep.add(name, "%q is no bucket name; write 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends", bucket)
	}
}

func (r *Recipe) checkSource(rep *report) {
	r.checkBucket(rep, "source.bucket", r.Source.Bucket)
	if strings.HasPrefix(r.Source.Prefix, "/") {
		rep.add("source.prefix", "%q starts with a slash, which keys do not; write %q", r.Source.Prefix, strings.TrimLeft(r.Source.Prefix, "/"))
	}
	for i, s := range r.Source.Suffixes {
		name := fmt.Sprintf("source.suffixes[%d]", i)
		if rep.bad(name) {
			continue
		}
		if len(s) < 2 || s[0] != '.' || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == '/' }) {
			rep.add(name, "%q is no file name ending; write it with its dot, like .jpg", s)
		} else if slices.Contains(r.Source.Suffixes[:i], s) {
			rep.add(name, "%q stands twice; leave one out", s)
		}
	}
}

func (r *Recipe) checkVariants(rep *report) {
	if len(r.Variants) == 0 && !rep.bad("variants") {
		rep.add("variants", "names no variant; leave it out to get pictures 800 wide")
	}
	for i, v := range r.Variants {
		name := "variants." + v.Name
		if !isVariantName(v.Name) {
			rep.add(name, "%q is no name for a variant; write letters, digits, - and _, at most %d, a letter or digit first", v.Name, maxVariantName)
			continue
		}
		if slices.ContainsFunc(r.Variants[:i], func(w render.Variant) bool { return w.Name == v.Name }) {
			rep.add(name, "names two variants; rename one")
		}
		checkVariant(rep, name, v)
	}
}

// checkVariant adds to what a variant says of itself what makes no sense in a recipe.
func checkVariant(rep *report, name string, v render.Variant) {
	for _, p := range v.Problems() {
		if setting := join(name, p.Setting); !rep.bad(setting) {
			rep.add(setting, "%s", p.Text)
		}
	}
	if v.MaxBytes > 0 && v.MaxBytes < minBytes && !rep.bad(name+".max_bytes") {
		rep.add(name+".max_bytes", "%d bytes is less than any picture needs; write a size like 300KB", v.MaxBytes)
	}
	if rep.bad(name) || v.Width != 0 || v.Height != 0 {
		return
	}
	sizeless := false
	for _, c := range []struct {
		setting string
		given   bool
	}{{"enlarge", v.Enlarge}, {"filter", v.Filter != ""}, {"linear_light", v.LinearLight}} {
		if c.given {
			sizeless = true
			rep.add(name+"."+c.setting, "has no meaning without width and height; give one, or leave it out")
		}
	}
	rewritten := v.Format != "" || v.Quality != 0 || v.Effort == codec.HighEffort || v.Subsampling != "" || v.Progressive || v.MaxBytes != 0
	if !sizeless && !rewritten {
		rep.add(name, "changes nothing about a picture; give width or height, or one of format, quality and max_bytes")
	}
}

// unwritable says why a format cannot be a variant's; empty if it can.
func unwritable(f codec.Format) string {
	if _, err := codec.EncoderFor(f); err == nil {
		return ""
	}
	switch {
	case slices.Contains(readable, f):
		return fmt.Sprintf("%s can be read but not written yet; write jpeg or png", f)
	case slices.Contains(told, f):
		return fmt.Sprintf("%s can be neither read nor written yet; write jpeg or png", f)
	}
	return fmt.Sprintf("%q is no format; write jpeg or png", string(f))
}

func (r *Recipe) checkRules(rep *report) {
	var names []string
	for _, v := range r.Variants {
		names = append(names, v.Name)
	}
	for i, rule := range r.Rules {
		name := fmt.Sprintf("rules[%d]", i)
		switch {
		case rep.bad(name + ".match"):
		case rule.Match == "":
			rep.add(name+".match", "is missing; write a glob like avatars/**")
		case !doublestar.ValidatePattern(rule.Match):
			rep.add(name+".match", "%q is no glob; close every [ and { and write nothing after a last backslash", rule.Match)
		}
		if rule.Variants == nil && !rep.bad(name+".variants") {
			rep.add(name+".variants", "is missing; name variants, or write [] to make none")
		}
		for j, wanted := range rule.Variants {
			at := fmt.Sprintf("%s.variants[%d]", name, j)
			switch {
			case rep.bad(at) || unsettled(rep):
			case !slices.Contains(names, wanted):
				rep.add(at, "there is no variant %q; %s", wanted, didYouMean(wanted, names))
			case slices.Contains(rule.Variants[:j], wanted):
				rep.add(at, "%q stands twice; leave one out", wanted)
			}
		}
	}
}

func (r *Recipe) checkLimits(rep *report) {
	positive := func(name string, n int64, like string) {
		if n <= 0 && !rep.bad(name) {
			rep.add(name, "must be over 0; write a limit like %s", like)
		}
	}
	positive("limits.pixels", r.Limits.Pixels, "200MP")
	positive("limits.bytes", r.Limits.Bytes, "100MB")
	positive("limits.frames", int64(r.Limits.Frames), "500")
	positive("limits.timeout", int64(r.Limits.Timeout), "60s")
}

// checkEvents looks at what becomes of removals and of bad uploads.
func (r *Recipe) checkEvents(rep *report) {
	if r.OnRemove != "" && !slices.Contains(removals, r.OnRemove) && !rep.bad("on_remove") {
		rep.add("on_remove", "%s", notOneOf(string(r.OnRemove), removals))
	}
	p := r.OnBad.Prefix
	switch {
	case p == "" || rep.bad("on_bad.prefix"):
	case strings.HasPrefix(p, "/"):
		rep.add("on_bad.prefix", "%q starts with a slash, which keys do not; write %q", p, strings.TrimLeft(p, "/"))
	case !strings.HasSuffix(p, "/"):
		rep.add("on_bad.prefix", "%q is no folder; write %q", p, p+"/")
	}
}

func isVariantName(s string) bool {
	for i := range len(s) {
		letter := s[i] | 0x20
		if !('a' <= letter && letter <= 'z' || isDigit(s[i]) || i > 0 && (s[i] == '-' || s[i] == '_')) {
			return false
		}
	}
	return s != "" && len(s) <= maxVariantName
}

// notOneOf says that a word is none of those that are known.
func notOneOf[T ~string](word string, known []T) string {
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	return fmt.Sprintf("%q is not known; write one of %s", word, strings.Join(words, ", "))
}
