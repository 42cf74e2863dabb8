package recipe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/imgmill/imgmill/internal/codec"
	"github.com/imgmill/imgmill/internal/render"
)

const (
	maxSide        = 65535 // T.81 B.2.2: a frame's sides have 16 bits
	minBytes       = 1000  // a JPEG's headers and tables alone take most of that
	maxVariantName = 64
)

var (
	fits        = []render.Fit{render.Inside, render.Outside, render.Cover, render.Contain, render.Fill}
	metadatas   = []render.Metadata{render.Strip, render.Copyright, render.Keep}
	removals    = []OnRemove{Keep, Remove}
	writable    = []codec.Format{codec.JPEG, codec.PNG}
	readable    = []codec.Format{codec.GIF, codec.WebP, codec.BMP, codec.TIFF}
	recognised  = []codec.Format{codec.HEIC, codec.AVIF, codec.JXL}
	wholeBox    = []render.Fit{render.Cover, render.Contain, render.Fill, render.Outside}
	nameSymbols = "-_"
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
	r.checkOneOf(rep)
	if !rep.bad("target.key") {
		r.checkKey(rep)
	}
	if !rep.bad("source", "target", "on_bad", "manifest", "on_remove", "variants") {
		r.checkTogether(rep)
	}
}

// checkBucket wants a name by the rules for general purpose buckets (Amazon S3 User Guide, "Bucket naming rules"), as far
// as they are about letters.
func (r *Recipe) checkBucket(rep *report, name, bucket string) {
	switch {
	case rep.bad(name):
	case bucket == "":
		rep.add(name, "is missing; name the bucket, like photos-%s", map[bool]string{true: "input", false: "output"}[name == "source.bucket"])
	case strings.Contains(bucket, "://"), strings.Contains(bucket, "/"), strings.HasPrefix(bucket, "arn:"):
		rep.add(name, "%q is no bucket name; write the name alone, without s3:// and without a path", bucket)
	case len(bucket) < 3, len(bucket) > 63, strings.Trim(bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "",
		strings.ContainsFunc(bucket, func(c rune) bool { return c < '-' || c > 'z' || 'A' <= c && c <= '_' }),
		strings.ContainsAny(bucket[:1]+bucket[len(bucket)-1:], ".-"):
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

func checkVariant(rep *report, name string, v render.Variant) {
	side := func(what string, n int) {
		if n < 0 || n > maxSide {
			rep.add(name+"."+what, "%d is not between 1 and %d; write the pixels, or leave the line out to keep proportions", n, maxSide)
		}
	}
	side("width", v.Width)
	side("height", v.Height)
	if v.Quality < 0 || v.Quality > 100 {
		rep.add(name+".quality", "%d is not between 1 and 100; leave the line out for %d", v.Quality, render.DefaultQuality)
	}
	if v.MaxBytes != 0 && v.MaxBytes < minBytes {
		rep.add(name+".max_bytes", "%d bytes is less than any picture needs; write a size like 300KB", v.MaxBytes)
	}
	oneOf(rep, name+".fit", v.Fit, fits)
	oneOf(rep, name+".metadata", v.Metadata, metadatas)
	if v.Format != "" {
		checkFormat(rep, name+".format", string(v.Format))
	}
	if v.Format == codec.PNG && v.Quality != 0 {
		rep.add(name+".quality", "has no meaning for png, which loses nothing; leave it out, or write format: jpeg")
	}
	if v.Format == codec.PNG && v.MaxBytes != 0 {
		rep.add(name+".max_bytes", "cannot be kept by png, which loses nothing; leave it out, or write format: jpeg")
	}
	if rep.bad(name) {
		return
	}
	switch {
	case slices.Contains(wholeBox, v.Fit) && (v.Width == 0 || v.Height == 0):
		rep.add(name+".fit", "%s needs width and height; give both, or write fit: inside", v.Fit)
	case v.Width == 0 && v.Height == 0 && v.MaxBytes == 0 && v.Format == "" && v.Quality == 0:
		rep.add(name, "changes nothing about a picture; give width or height, or one of format, quality and max_bytes")
	case v.Width == 0 && v.Height == 0 && v.Enlarge:
		rep.add(name+".enlarge", "has no meaning without width and height; give one, or leave it out")
	}
}

// checkFormat wants a format that can be written.
func checkFormat(rep *report, name, f string) {
	is := func(known []codec.Format) bool { return slices.Contains(known, codec.Format(f)) }
	switch {
	case is(writable):
	case is(readable):
		rep.add(name, "%s can be read but not written yet; write jpeg or png", f)
	case is(recognised):
		rep.add(name, "%s can be neither read nor written yet; write jpeg or png", f)
	default:
		rep.add(name, "%q is no format; write jpeg or png", f)
	}
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
			case rep.bad(at):
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

func (r *Recipe) checkOneOf(rep *report) {
	oneOf(rep, "on_remove", r.OnRemove, removals)
	p := r.OnBad.Prefix
	switch {
	case p == "" || rep.bad("on_bad.prefix"):
	case strings.HasPrefix(p, "/"):
		rep.add("on_bad.prefix", "%q starts with a slash, which keys do not; write %q", p, strings.TrimLeft(p, "/"))
	case !strings.HasSuffix(p, "/"):
		rep.add("on_bad.prefix", "%q is no folder; write %q", p, p+"/")
	}
}

// oneOf wants a known word; an empty one stands for the default.
func oneOf[T ~string](rep *report, name string, value T, known []T) {
	if value == "" || slices.Contains(known, value) || rep.bad(name) {
		return
	}
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	rep.add(name, "%q is not known; write one of %s", value, strings.Join(words, ", "))
}

func isVariantName(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if !('a' <= c && c <= 'z' || isDigit(s[i]) || i > 0 && strings.IndexByte(nameSymbols, s[i]) >= 0) {
			return false
		}
	}
	return s != "" && len(s) <= maxVariantName
}
