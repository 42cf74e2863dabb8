// Package recipe reads imgmill.yaml: which objects are pictures, which variants they get, and under which keys.
//
// A recipe that was accepted is whole: defaults are filled in, all settings are in range, keys of variants cannot collide,
// and no output can be taken for a source. Everything that is wrong is told at once, each with its line. The package
// never touches a store or a picture.
package recipe

import (
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
)

// Recipe is a parsed, defaulted and validated imgmill.yaml.
type Recipe struct {
	Source   Source
	Target   Target
	Variants []render.Variant // in the order of the file
	Rules    []Rule
	Limits   Limits
	OnRemove OnRemove
	OnBad    OnBad
	Manifest bool
}

// Source says which objects are pictures to work on.
type Source struct {
	Bucket   string
	Prefix   string
	Suffixes []string // lower case, with the dot; compared without regard to case. Empty: every key, told by bytes
}

// Target says where variants go.
type Target struct {
	Bucket string
	Key    string // template, see TargetKey
}

// Rule gives the variants of keys that match a glob; the first rule that matches wins.
type Rule struct {
	Match    string   // glob over the whole key; ** crosses slashes
	Variants []string // names
}

// Limits are the codec's, and a bound on the time one picture may take.
type Limits struct {
	codec.Limits
	Timeout time.Duration
}

// OnRemove says what the removal of a source does to its variants.
type OnRemove string

const (
	Keep   OnRemove = "keep" // the default
	Remove OnRemove = "remove"
)

// OnBad says where an upload that cannot be processed is copied to, with the reason as JSON beside it.
type OnBad struct {
	Prefix string // in the target bucket, ends in a slash; empty: no copy
}
