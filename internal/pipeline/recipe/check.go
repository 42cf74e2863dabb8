package recipe

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

const maxVariantName = 64

var (
	removals   = []OnRemove{Keep, Remove}
	overwrites = []Overwrite{OverwriteOurs, OverwriteAny}
)

// Validate reports everything that is wrong with a recipe, as Errors without lines. Parse has
// already done so.
func (r *Recipe) Validate() error {
	rep := &report{}
	r.check(rep)
	return rep.err()
}

// check adds the problems of the recipe to those of reading it. Problems that only follow from a
// setting that could not be read are not reported.
func (r *Recipe) check(rep *report) {
	r.checkSource(rep)
	r.checkBucket(rep, "target.bucket", r.Target.Bucket)
	checkEndpoint(rep, "source.endpoint", r.Source.Store.Endpoint)
	checkEndpoint(rep, "target.endpoint", r.Target.Store.Endpoint)
	checkURL(rep, "target.url", r.Target.URL)
	if o := r.Target.Overwrite; !slices.Contains(overwrites, o) && !rep.bad("target.overwrite") {
		rep.add("target.overwrite", "%s", notOneOf(string(o), overwrites))
	}
	r.checkAttributes(rep)
	r.checkVariants(rep)
	r.checkRules(rep)
	r.checkLimits(rep)
	r.checkEvents(rep)
	r.checkNotify(rep)
	r.checkGates(rep)
	r.checkFocalTag(rep)
	r.checkKey(rep, "target.key", r.Target.Key)
	r.checkKey(rep, "target.set_key", r.Target.SetKey)
	if !rep.bad("source", "target", "on_bad") && !unsettled(rep) {
		r.checkTogether(rep)
	}
}

// unsettled reports whether the names or formats of variants are bad, so that nothing can be said
// about their keys.
func unsettled(rep *report) bool {
	return slices.ContainsFunc(rep.problems, func(p *Problem) bool {
		parts := strings.Split(p.Name, ".")
		return parts[0] == "variants" && (len(parts) < 3 || strings.HasPrefix(parts[2], "format") || strings.HasPrefix(parts[2], "widths"))
	})
}

// checkBucket requires a name that follows the rules for general purpose buckets (Amazon S3 User
// Guide, "Bucket naming rules"), as far as they concern its characters.
func (r *Recipe) checkBucket(rep *report, name, bucket string) {
	const alnum = "abcdefghijklmnopqrstuvwxyz0123456789"
	switch {
	case rep.bad(name):
	case bucket == "":
		rep.add(name, "is missing; name the bucket")
	case strings.Contains(bucket, "://"), strings.Contains(bucket, "/"), strings.HasPrefix(bucket, "arn:"):
		rep.add(name, "%q is not a bucket name; write the name alone, without s3:// and without a path", bucket)
	case len(bucket) < 3, len(bucket) > 63, strings.Trim(bucket[:1]+bucket[len(bucket)-1:], alnum) != "",
		strings.ContainsFunc(bucket, func(c rune) bool { return !strings.ContainsRune(alnum+".-", c) }):
		rep.add(name, "%q is not a bucket name; write 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends", bucket)
	}
}

// checkEndpoint requires a URL that has no more than a store's address.
func checkEndpoint(rep *report, name, endpoint string) {
	if endpoint == "" || rep.bad(name) {
		return
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		rep.add(name, "%q is not a URL; write one like http://127.0.0.1:9000", endpoint)
	case u.User != nil:
		rep.add(name, "contains credentials; take them out, and pass them in the environment or a profile")
	}
}

// checkURL requires a URL or a path to which keys can be appended.
func checkURL(rep *report, name, text string) {
	if text == "" || rep.bad(name) {
		return
	}
	u, err := url.Parse(text)
	if err != nil || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.ContainsAny(text, " ,") ||
		!strings.HasPrefix(text, "/") && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		rep.add(name, "%q is neither a URL nor a path; write one like https://images.example.com/ or /images/", text)
	}
}

func (r *Recipe) checkSource(rep *report) {
	r.checkBucket(rep, "source.bucket", r.Source.Bucket)
	if strings.HasPrefix(r.Source.Prefix, "/") {
		rep.add("source.prefix", "%q starts with a slash; keys do not, so write %q", r.Source.Prefix, strings.TrimLeft(r.Source.Prefix, "/"))
	}
	for i, s := range r.Source.Suffixes {
		name := fmt.Sprintf("source.suffixes[%d]", i)
		if rep.bad(name) {
			continue
		}
		if len(s) < 2 || s[0] != '.' || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == '/' }) {
			rep.add(name, "%q is not a file name extension; write it with its dot, like .jpg", s)
		} else if slices.Contains(r.Source.Suffixes[:i], s) {
			rep.add(name, "%q is listed twice; remove one", s)
		}
	}
}

func (r *Recipe) checkVariants(rep *report) {
	if len(r.Variants) == 0 && !rep.bad("variants") {
		rep.add("variants", "has no variants; leave it out to get pictures at most 800 pixels wide")
	}
	schema := render.NewSchema(r.Formats)
	for i, v := range r.Variants {
		name := "variants." + v.Label()
		if v.Set != "" && rep.bad(name) {
			continue
		}
		if !isVariantName(v.Label()) {
			rep.add(name, "%q is not a valid name; use at most %d letters, digits, - and _, beginning with a letter or digit", v.Label(), maxVariantName)
			continue
		}
		if slices.ContainsFunc(r.Variants[:i], func(w render.Variant) bool { return w.Name == v.Name }) {
			rep.add(name, "is the name of two variants; rename one")
		}
		checkVariant(rep, schema, v)
	}
}

// checkVariant reports the problems of a variant, and settings that make no sense together in a
// recipe.
func checkVariant(rep *report, schema *render.Schema, v render.Variant) {
	name := "variants." + v.Label()
	for _, p := range schema.Problems(v) {
		if setting := rep.nameOf(v, p.Setting); !rep.bad(setting) {
			rep.add(setting, "%s", p.Text)
		}
	}
	if rep.bad(name) {
		return
	}
	for _, p := range schema.Idle(v) {
		rep.add(rep.nameOf(v, p.Setting), "%s", p.Text)
	}
	if v.Width != 0 || v.Height != 0 {
		return
	}
	meaningless, rewrites := false, false
	var rewriting []string
	for _, s := range schema.Settings {
		if s.Rewrites {
			rewriting = append(rewriting, s.Name)
			rewrites = rewrites || s.Given(&v)
		}
		if s.NeedsSize && s.Given(&v) {
			meaningless = true
			rep.add(rep.nameOf(v, s.Name), "has no effect without width or height; give one, or leave it out")
		}
	}
	if !meaningless && !rewrites {
		rep.add(name, "would not change a picture; give it width or height, or %s", setting.OneOf(rewriting))
	}
}

func (r *Recipe) checkRules(rep *report) {
	names := r.labels()
	total := 0
	for i, rule := range r.Rules {
		name := fmt.Sprintf("rules[%d]", i)
		expansions := globExpansions(rule.Match)
		total = min(total+expansions, maxExpansions+1)
		switch {
		case rep.bad(name + ".match"):
		case rule.Match == "":
			rep.add(name+".match", "is missing; write a glob like avatars/**")
		case len(rule.Match) > maxKey:
			rep.add(name+".match", "is %d bytes long, the limit for keys is %d; shorten it", len(rule.Match), maxKey)
		case !doublestar.ValidatePattern(rule.Match):
			rep.add(name+".match", "%q is not a valid glob; close every [ and {, and end with no lone backslash", rule.Match)
		case expansions > maxExpansions:
			rep.add(name+".match", "its braces stand for more than %d globs, which would take too long to compare; "+
				"use fewer, or several rules", maxExpansions)
		case total > maxExpansions:
			rep.add(name+".match", "the braces of the rules up to this one stand for more than %d globs, "+
				"which would take too long to compare; use fewer", maxExpansions)
		}
		if rule.Variants == nil && !rep.bad(name+".variants") {
			rep.add(name+".variants", "is missing; list variants, or write [] for none")
		}
		for j, wanted := range rule.Variants {
			at := fmt.Sprintf("%s.variants[%d]", name, j)
			switch {
			case rep.bad(at) || unsettled(rep):
			case !slices.Contains(names, wanted):
				rep.add(at, "there is no variant %q; %s", wanted, didYouMean(wanted, names))
			case slices.Contains(rule.Variants[:j], wanted):
				rep.add(at, "%q is listed twice; remove one", wanted)
			}
		}
	}
}

func (r *Recipe) checkLimits(rep *report) {
	positive := func(name string, n int64, like string) {
		if n <= 0 && !rep.bad(name) {
			rep.add(name, "is too small; write a limit like %s", like)
		}
	}
	positive("limits.pixels", r.Limits.Pixels, "200MP")
	positive("limits.bytes", r.Limits.Bytes, "100MB")
	positive("limits.frames", int64(r.Limits.Frames), "500")
	positive("limits.memory", r.Limits.Memory, "1GiB")
	positive("limits.timeout", int64(r.Limits.Timeout), "60s")
}

// checkEvents looks at what becomes of removals and of bad uploads.
func (r *Recipe) checkEvents(rep *report) {
	if r.OnRemove != "" && !slices.Contains(removals, r.OnRemove) && !rep.bad("on_remove") {
		rep.add("on_remove", "%s", notOneOf(string(r.OnRemove), removals))
	}
	p := r.OnBad.Prefix
	if p != "" && !r.OnBad.Record && !rep.bad("on_bad") {
		rep.add("on_bad.record", "false keeps no reason beside the copies under on_bad.prefix; leave one of them out")
	}
	for _, s := range []struct{ name, text string }{
		{"source.prefix", r.Source.Prefix}, {"target.key", r.Target.Key}, {"target.set_key", r.Target.SetKey},
		{"on_bad.prefix", p},
	} {
		if strings.HasPrefix(s.text, Reserved) {
			rep.add(s.name, "begins with %s, where imgmill keeps records of its own; choose another folder", Reserved)
		}
	}
	switch {
	case p == "" || rep.bad("on_bad.prefix"):
	case strings.HasPrefix(p, "/"):
		rep.add("on_bad.prefix", "%q starts with a slash; keys do not, so write %q", p, strings.TrimLeft(p, "/"))
	case !strings.HasSuffix(p, "/"):
		rep.add("on_bad.prefix", "%q is not a folder; write %q", p, p+"/")
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
	return fmt.Sprintf("%q is not valid; use %s", word, setting.OneOf(words))
}
