// Package manifest is the description of a picture and its variants that a web page needs: the object
// {key}.imgmill.json. It is written after all variants, so that its event means that they are there.
// Programs read it by its JSON Schema, and need to know nothing else of imgmill.
//
// The package neither makes variants nor reads a bucket.
package manifest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/placeholder"
)

// Version is the version of the form. A program that reads manifests ignores fields that it does not know;
// the version changes if a field is no longer there, or means something else.
const Version = 2

// Schema is the JSON Schema (draft 2020-12) of a manifest.
//
//go:embed schema.json
var Schema []byte

// Manifest is what is known of a picture.
type Manifest struct {
	Version int    `json:"version"`
	Source  Source `json:"source"`
	// Alt is the alternate text that the object has in its metadata.
	Alt         string                   `json:"alt,omitempty"`
	Placeholder *placeholder.Placeholder `json:"placeholder,omitempty"`
	Variants    []Variant                `json:"variants"`
	Sets        []Set                    `json:"sets,omitempty"`
	Failed      []Failure                `json:"failed,omitempty"`  // variants that cannot be made
	Dropped     []string                 `json:"dropped,omitempty"` // metadata that no output has although the recipe keeps it
}

// Source is the picture that was uploaded.
type Source struct {
	Bucket  string `json:"bucket"`
	Key     string `json:"key"`
	ETag    string `json:"etag"`
	Version string `json:"version,omitempty"` // of the object, in a bucket with versions
	Format  string `json:"format"`
	Width   int    `json:"width"` // pixels, upright
	Height  int    `json:"height"`
	Bytes   int64  `json:"bytes"`
	Preview string `json:"preview,omitempty"` // what is shown of a camera raw file
}

// Variant is an object of the target bucket.
type Variant struct {
	Name   string `json:"name"`
	Set    string `json:"set,omitempty"` // that it belongs to
	Key    string `json:"key"`
	URL    string `json:"url"`
	Type   string `json:"type"` // media type
	Format string `json:"format"`
	Width  int    `json:"width"` // pixels
	Height int    `json:"height"`
	Bytes  int    `json:"bytes"`
}

// Set is what HTML needs of a set of variants.
type Set struct {
	Name string `json:"name"`
	// Sizes is the attribute of that name. It is empty if each source has one variant.
	Sizes   string   `json:"sizes,omitempty"`
	Sources []Format `json:"sources"` // best first; the last is for every browser
}

// Format is the variants of a set in one format.
type Format struct {
	Type   string `json:"type"`
	SrcSet string `json:"srcset"`
}

// Failure is a variant, or the manifest, that cannot be made of a picture.
type Failure struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// URL returns where browsers find a key of the target bucket, whose own address, or path, is base. It has
// no comma and no space, which would end it in a srcset.
func URL(base, key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.TrimSuffix(base, "/") + "/" + strings.Join(parts, "/")
}

// Encode returns the manifest as JSON, with the sets of its variants. sizes has the attributes that the
// recipe states, by the name of the set.
func (m Manifest) Encode(sizes map[string]string) ([]byte, error) {
	m.Version, m.Sets = Version, nil
	for _, v := range m.Variants {
		if v.Set != "" && !slices.ContainsFunc(m.Sets, func(s Set) bool { return s.Name == v.Set }) {
			m.Sets = append(m.Sets, m.set(v.Set, sizes[v.Set]))
		}
	}
	data, err := json.MarshalIndent(m, "", "  ")
	return append(data, '\n'), err
}

// set describes the variants of a set, which are in the order of formats and, within each, of widths.
func (m Manifest) set(name, sizes string) Set {
	s := Set{Name: name}
	widest, several := 0, false
	for _, v := range m.Variants {
		if v.Set != name {
			continue
		}
		widest = max(widest, v.Width)
		candidate := fmt.Sprintf("%s %dw", v.URL, v.Width)
		if n := len(s.Sources); n > 0 && s.Sources[n-1].Type == v.Type {
			s.Sources[n-1].SrcSet += ", " + candidate
			several = true
			continue
		}
		s.Sources = append(s.Sources, Format{v.Type, candidate})
	}
	switch {
	case !several:
		for i, f := range s.Sources {
			s.Sources[i].SrcSet, _, _ = strings.Cut(f.SrcSet, " ")
		}
	case sizes != "":
		s.Sizes = sizes
	default:
		s.Sizes = fmt.Sprintf("(min-width: %dpx) %[1]dpx, 100vw", widest)
	}
	return s
}

// Parse reads a manifest. It refuses other versions.
func Parse(data []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("this is not a manifest: %w", err)
	}
	if m.Version != Version {
		return nil, fmt.Errorf("the manifest has version %d, and this program reads version %d; run imgmill sync to make it anew",
			m.Version, Version)
	}
	return &m, nil
}
