// Package recipe reads imgmill.yaml: which objects are pictures, which variants are made of them,
// and under which keys.
//
// An accepted recipe is complete and consistent: defaults are filled in, all settings are in range,
// the keys of variants cannot collide, and no output can be mistaken for a source. All problems are
// reported at once, each with its line. Plan then answers every question about a single source key.
// The package never touches a store or a picture.
package recipe

import (
	"math"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
)

// Recipe is a parsed, defaulted and validated imgmill.yaml.
type Recipe struct {
	// Formats are the picture formats that the recipe was checked against.
	Formats  codec.Set
	Source   Source
	Target   Target
	Variants []render.Variant // in the order of the file, those of sets among them
	Sets     []Set
	Rules    []Rule
	Limits   Limits
	OnRemove OnRemove
	OnBad    OnBad
	Manifest bool
	Notify   []Notify
	Gates    Gates

	ObjectMetadata ObjectMetadata
	// FocalTag is the name of the tag of an object that holds its focal point, if its metadata has none; empty: tags are
	// not read for that.
	FocalTag string

	overlayETags map[string]string // of what has been loaded, by name; see WithOverlays

	// Nameless says that the file names no bucket: see ParseAnywhere.
	Nameless bool
}

// Store says where a bucket is, if not where the command runs: in imgmill dev, on AWS, or at the endpoint
// of the environment.
type Store struct {
	Endpoint string // the URL of another S3 store; empty: AWS
	Region   string
	// PathStyle puts the bucket's name into the path at an Endpoint, not into the host name. The default
	// is true.
	PathStyle bool
}

// Forever is the time that objects are kept that no rule removes.
const Forever = time.Duration(math.MaxInt64)

// KeptLongEnough reports whether what was replaced at a time need no longer be kept.
func (r *Recipe) KeptLongEnough(replaced time.Time) bool {
	return r.Target.KeepReplaced != Forever && time.Since(replaced) > r.Target.KeepReplaced
}

// Given reports whether the file says where the bucket is.
func (s Store) Given() bool { return s.Endpoint != "" || s.Region != "" }

// Source selects the objects to process.
type Source struct {
	Bucket string
	Store  Store
	Prefix string
	// Suffixes are in lower case and include the dot; keys are compared without regard to case. If
	// there are none, every key is processed, and the content alone decides whether the object is a
	// picture.
	Suffixes []string
}

// Target is where outputs are written.
type Target struct {
	Bucket     string
	Store      Store  // if it is not that of the source
	URL        string // where browsers find the bucket: a URL or a path; empty: /
	Key        string // template of variants of no set, see Output.KeyFor
	SetKey     string // template of variants of sets
	Overwrite  Overwrite
	Attributes Attributes
	// KeepReplaced is how long an object stays whose key has an earlier {hash}, once the manifest no
	// longer names it.
	KeepReplaced time.Duration
}

// Overwrite selects what an output may replace in the target bucket. An output of another source is
// never replaced.
type Overwrite string

const (
	OverwriteOurs Overwrite = "ours" // the default: an output of the same source alone
	OverwriteAny  Overwrite = "any"  // also an object that imgmill did not make
)

// Rule assigns variants to the keys that match a glob. The first matching rule applies.
type Rule struct {
	Match    string   // glob over the whole key; ** crosses slashes
	Variants []string // names
}

// Limits are the codec's limits and a bound on the time that one picture may take.
type Limits struct {
	codec.Limits
	Timeout time.Duration

	memoryGiven bool // Memory is that of the file, not the default
}

// OnRemove selects what happens to the outputs of a source that is removed.
type OnRemove string

const (
	Keep   OnRemove = "keep" // the default
	Remove OnRemove = "remove"
)

// OnBad selects what is kept in the target bucket of uploads that cannot be processed.
type OnBad struct {
	Record bool   // a JSON record of the reason; the default is true
	Prefix string // of a copy and the record beside it; ends in a slash; empty: no copy
}

// Reserved is the beginning of all keys in the target bucket that are imgmill's own. No source and no
// output has such a key.
const Reserved = ".imgmill/"

// UnsentPrefix is the beginning of the keys of events that are still to be delivered.
const UnsentPrefix = Reserved + "unsent/"

// BadRecords is the beginning of the keys of the records of bad uploads, or empty if there are none.
func (r *Recipe) BadRecords() string {
	switch {
	case !r.OnBad.Record:
		return ""
	case r.OnBad.Prefix != "":
		return r.OnBad.Prefix
	}
	return Reserved + "bad/"
}
