package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/manifest"
)

// Plan is everything that a recipe decides about one source from its key alone: whether it is
// processed, the objects that it results in, and where a bad picture is recorded. All keys except
// the source's are keys of the target bucket.
type Plan struct {
	// Key is the key of the source.
	Key string
	// Excluded is the reason why the recipe does not process the key. It is empty for a source. The
	// rest of the plan is complete either way.
	Excluded string
	// Outputs are the variants to make, in the order of the rule that matches the key. There are
	// none if it names none, or if no store could have the key.
	Outputs []Output
	// Manifest is the list of outputs. Its key is empty if the recipe makes no manifests.
	Manifest Object
	// BadCopy and BadRecord are the keys for a copy of a picture that cannot be processed and for
	// the JSON record of the reason, which any store can hold. They are empty if the recipe keeps no
	// copies, or neither.
	BadCopy, BadRecord string
	// BadFingerprint identifies what the record and the copy depend on beside the source: the settings of
	// all outputs, the limits, but for limits.memory, which is that of a place, and the gates.
	BadFingerprint string
	// Unsent is the key of the event that is still to be delivered, which any store can hold.
	Unsent string
}

// Object is an object that a plan results in.
type Object struct {
	Key string
	// Fingerprint identifies the settings that the object was made with. It is stored with the
	// object: a different one means that the recipe has changed since.
	Fingerprint string
}

// Output is one variant of a source.
type Output struct {
	Variant     render.Variant
	Fingerprint string // as in Object

	source  string   // the key of the source
	setting string   // target.key or target.set_key
	pattern string   // its value
	open    template // with everything filled in that the key of the source determines
	key     template // that, and the hash, if the content of the source is known
	look    string   // a hash over the settings that change the bytes, for {hash}
	err     error    // of parsing it, which Validate would have refused
	named   bool     // as template.named
	// extensions are those of all formats, which {format} may stand for.
	extensions []string
}

// ErrNeedsPicture means that a key cannot be determined before the picture has been rendered:
// it contains {width} or {height}, {format} with a variant that keeps the format of its source, or {hash}
// of a content that is not known (Plan.For).
var ErrNeedsPicture = errors.New("the key depends on the size, format or content of the picture")

const (
	manifestSuffix = ".imgmill.json"
	recordSuffix   = ".json"
)

// Plan returns the plan for a key of the source bucket.
func (r *Recipe) Plan(key string) Plan { return r.Planner().Plan(key) }

// Planner makes the plans of many keys. It holds what does not depend on the key, the fingerprints
// above all, which take most of the time of a plan. It is safe for concurrent use, as long as nobody
// changes the recipe.
type Planner struct {
	*Recipe
	patterns     templates
	err          error             // of parsing them
	fingerprints map[string]string // by the name of the variant
	looks        map[string]string // as Output.look, by the name of the variant
	extensions   []string          // of all formats
	manifests    string            // what manifests depend on beside the outputs
}

// Planner returns a planner for the recipe as it is now.
func (r *Recipe) Planner() *Planner {
	p := &Planner{Recipe: r, fingerprints: map[string]string{}, looks: map[string]string{}}
	p.patterns, p.err = r.templates()
	for _, v := range r.Variants {
		p.fingerprints[v.Name] = r.Fingerprint(v)
		p.looks[v.Name] = r.look(v, p.patterns.of(v))
	}
	p.manifests = fmt.Sprintf("version=%d url=%q sizes=%q", manifest.Version, r.Target.URL, r.SizesOfSets())
	for _, f := range r.Formats {
		p.extensions = append(p.extensions, f.Extension())
	}
	return p
}

// Plan returns the plan for a key of the source bucket.
func (r *Planner) Plan(key string) Plan {
	p := Plan{Key: key, Excluded: r.exclusion(key)}
	source, settings := splitKey(key), sha256.New()
	for _, v := range r.assigned(key) {
		pattern := r.patterns.of(v)
		o := Output{
			Variant: v, Fingerprint: r.fingerprints[v.Name],
			source: key, open: pattern.bind(source, v), look: r.looks[v.Name], err: r.err, named: pattern.named(v),
			extensions: r.extensions,
		}
		o.key = o.open
		o.setting, o.pattern = r.keyOf(v)
		io.WriteString(settings, o.Fingerprint)
		p.Outputs = append(p.Outputs, o)
	}
	if r.Manifest {
		// The source's whole key stays in it, because a.jpg and a.png are two sources.
		sum := sha256.Sum256(append(settings.Sum(nil), r.manifests...))
		p.Manifest = Object{key + manifestSuffix, hex.EncodeToString(sum[:8])}
	}
	l := r.Limits
	fmt.Fprintln(settings, "limits", l.Pixels, l.Bytes, l.Frames, l.Timeout)
	io.WriteString(settings, r.Gates.settings())
	p.BadFingerprint = hex.EncodeToString(settings.Sum(nil)[:8])
	p.Unsent = badPath(UnsentPrefix, key) + recordSuffix
	if prefix := r.BadRecords(); prefix != "" {
		path := badPath(prefix, key)
		p.BadRecord = path + recordSuffix
		if prefix == r.OnBad.Prefix {
			p.BadCopy = path
		}
	}
	return p
}

// For returns the plan for a content of the source, by its ETag. It fills in {hash}, but for outputs that a
// focal point of the source may change.
func (p Plan) For(etag string) Plan {
	return p.fill(etag, nil, func(o Output) bool { return !o.aimed() })
}

// With returns the plan for a content of the source and for its focal point, which is nil if it has none. It fills in
// every {hash}.
func (p Plan) With(etag string, focal *render.Point) Plan {
	p = p.fill(etag, focal, func(Output) bool { return true })
	if !slices.ContainsFunc(p.Outputs, Output.aimed) {
		return p
	}
	p.Outputs = slices.Clone(p.Outputs)
	for i := range p.Outputs {
		if o := &p.Outputs[i]; o.aimed() {
			o.Variant.Focal = focal
		}
	}
	return p
}

// aimed reports whether a focal point of the source may change the output.
func (o Output) aimed() bool { return o.Variant.Position.Focal() }

// fill fills in the {hash} of some outputs.
func (p Plan) fill(etag string, focal *render.Point, some func(Output) bool) Plan {
	if !slices.ContainsFunc(p.Outputs, Output.Hashed) {
		return p
	}
	p.Outputs = slices.Clone(p.Outputs)
	for i := range p.Outputs {
		if o := &p.Outputs[i]; o.Hashed() && some(*o) {
			content := etag + "\x00" + o.look
			if focal != nil && o.aimed() {
				content += "\x00focal=" + focal.String()
			}
			sum := sha256.Sum256([]byte(content))
			o.key = o.open.withHash(hex.EncodeToString(sum[:])[:hashDigits])
		}
	}
	return p
}

// maxPart is the length of the longest name of a file, in bytes, and with it of the longest part
// between slashes of a key in stores that keep objects as files. S3 has no such limit.
const maxPart = 255

// badPath returns the key for a copy of a bad picture, which is also that of its record without the
// suffix: its own behind the prefix or, if the record's would be too long for a store, a hash of it in
// a folder of its own. A record holds the key.
func badPath(prefix, key string) string {
	path := prefix + key
	if len(path)+len(recordSuffix) <= maxKey && len(path)-strings.LastIndexByte(path, '/')-1+len(recordSuffix) <= maxPart {
		return path
	}
	sum := sha256.Sum256([]byte(key))
	return prefix + "long-keys/" + hex.EncodeToString(sum[:16])
}

// CheckManifest returns an error if the key of the manifest would be longer than any store accepts.
func (p Plan) CheckManifest() error {
	if strings.HasPrefix(p.Manifest.Key, Reserved) {
		return errReserved(p.Manifest.Key)
	}
	if n := len(p.Manifest.Key); n > maxKey {
		return fmt.Errorf("manifest for %q: the key would be %d bytes long, the limit is %d", p.Key, n, maxKey)
	}
	return nil
}

func errReserved(key string) error {
	return fmt.Errorf("the key %q would be under %s, where imgmill keeps records of its own", key, Reserved)
}

// LongPart returns the length of the longest part between slashes of a key, in bytes, if it is more
// than file systems hold (255), or else 0. Stores that keep objects as files refuse such a key.
func LongPart(key string) int {
	longest := 0
	for part := range strings.SplitSeq(key, "/") {
		longest = max(longest, len(part))
	}
	if longest <= maxPart {
		return 0
	}
	return longest
}

// Variants returns the variants of the outputs, in their order.
func (p Plan) Variants() []render.Variant {
	variants := make([]render.Variant, len(p.Outputs))
	for i, o := range p.Outputs {
		variants[i] = o.Variant
	}
	return variants
}

// Objects returns the outputs and, last, the manifest, if all their keys follow from the key of the
// source. Otherwise the error wraps ErrNeedsPicture or is that of Output.KeyFor or CheckManifest.
func (p Plan) Objects() ([]Object, error) {
	var all []Object
	for _, o := range p.Outputs {
		key, err := o.KeyFor(0, 0, o.Variant.Format)
		if err != nil {
			return nil, err
		}
		all = append(all, Object{key, o.Fingerprint})
	}
	if p.Manifest.Key != "" {
		all = append(all, p.Manifest)
	}
	return all, p.CheckManifest()
}

// KeyFor returns the key of the output once it is w×h pixels in format f. The placeholders of
// target.key are:
//
//	{key}       the key of the source
//	{dir}       the part of it before the last slash; without one, a slash after the placeholder is dropped
//	{stem}      the name after the last slash without its last extension
//	{ext}       that extension with its dot
//	{variant}   the name of the variant
//	{width}     the output's width in pixels
//	{height}    its height
//	{format}    the usual extension of its format, without a dot
//	{hash}      12 hexadecimal digits that change with the source's ETag, and with the settings that change
//	            the bytes of the output beyond what {width} says
//
// Sizes and format may be 0 and nil if the template does not use them; otherwise the error wraps
// ErrNeedsPicture. It is also an error if the key would be empty, a folder, under Reserved, no
// UTF-8, or longer than 1024 bytes.
//
// Two variants of one source never share a key. Two sources may, if the template leaves out what
// they differ in.
func (o Output) KeyFor(w, h int, f *codec.Format) (string, error) {
	if o.err != nil {
		return "", o.err
	}
	key, err := o.key.complete(w, h, f)
	switch {
	case err != nil:
	case o.Variant.Format != nil && f != nil && f != o.Variant.Format:
		err = fmt.Errorf("the picture is %s, not %s", f, o.Variant.Format)
	case key == "":
		err = errors.New("the key would be empty")
	case strings.HasSuffix(key, "/"):
		err = fmt.Errorf("the key %q would be a folder", key)
	case strings.HasPrefix(key, Reserved):
		err = errReserved(key)
	case !utf8.ValidString(key):
		err = errors.New("the key is not valid UTF-8, as keys are; rename the picture")
	case len(key) > maxKey:
		err = fmt.Errorf("the key would be %d bytes long, the limit is %d", len(key), maxKey)
	}
	if err != nil {
		return "", fmt.Errorf("%s %q for %q, variant %s: %w", o.setting, o.pattern, o.source, o.Variant.Name, err)
	}
	return key, nil
}
