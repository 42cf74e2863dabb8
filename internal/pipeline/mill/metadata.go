package mill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"mime"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// standsFor reports whether an output has a fingerprint, or those of larger variants and this one among
// them.
func standsFor(meta map[string]string, fingerprint string) bool {
	return meta[outcome.MetadataRecipe] == fingerprint ||
		slices.Contains(strings.Split(meta[outcome.MetadataAlso], ","), fingerprint)
}

// isOutput reports whether metadata is that of one of our outputs.
func isOutput(meta map[string]string) bool { return meta[outcome.MetadataSourceETag] != "" }

// ofOtherSource reports whether an output was made from another source than the object of c.
// Neither sequencers nor ETags of two objects can be compared, so such an output is neither
// replaced nor removed.
func ofOtherSource(c event.Change, meta map[string]string) bool {
	id, ok := meta[outcome.MetadataSource]
	return ok && id != sourceID(c)
}

// sourceID identifies a source in 16 hexadecimal digits: its key may be too long for metadata.
func sourceID(c event.Change) string {
	sum := sha256.Sum256([]byte(c.Bucket + "\x00" + c.Key))
	return hex.EncodeToString(sum[:8])
}

// focalMetadata is the name of the user metadata of an object that says where in the picture what matters is: two
// numbers from 0 to 1, across and down the upright picture.
const focalMetadata = "focal"

// FocalPoint returns that place, or nil. What cannot be read is returned as dropped.
func FocalPoint(meta map[string]string) (p *render.Point, dropped string) {
	return pointIn("metadata "+focalMetadata, meta[focalMetadata])
}

// pointIn reads a point, of which there may be none.
func pointIn(what, text string) (p *render.Point, dropped string) {
	if text = strings.TrimSpace(text); text == "" {
		return nil, ""
	}
	p, err := render.ParsePoint(text)
	if err != nil {
		return nil, fmt.Sprintf("%s: %v", what, err)
	}
	return p, ""
}

// focalPoint returns the focal point of a source, if a variant of the plan depends on it: that of its metadata or, if
// that says nothing and the recipe asks for it, of its tags. It is nil if there is none. A text that is no point is dropped.
func (j *job) focalPoint(ctx context.Context, bucketName string, info bucket.Info) (*render.Point, error) {
	if !slices.ContainsFunc(j.plan.Variants(), func(v render.Variant) bool { return v.Position.Focal() }) {
		return nil, nil
	}
	p, dropped := FocalPoint(info.Metadata)
	if tag := j.Recipe.FocalTag; p == nil && dropped == "" && tag != "" {
		tags, err := j.Store.Tags(ctx, bucketName, info.Key, info.VersionID)
		if errors.Is(err, bucket.ErrNotFound) {
			return nil, skip(goneReason)
		}
		if err != nil {
			return nil, fmt.Errorf("read the tags of the picture: %w", err)
		}
		p, dropped = pointIn("tag "+tag, tags[tag])
	}
	j.result.Drop(dropped)
	return p, nil
}

// maxMetadata is the limit of S3 for user metadata, in bytes of names and values (Amazon S3 User
// Guide, "Working with object metadata").
const maxMetadata = 2048

// marks returns the metadata that marks an output as ours. Values that come from a store or an
// event and that no header holds are left out, except for the ETag.
func (s *source) marks(fingerprint string) map[string]string {
	ours := map[string]string{
		outcome.MetadataSourceETag: s.info.ETag,
		outcome.MetadataRecipe:     fingerprint,
		outcome.MetadataSource:     sourceID(s.change),
	}
	for name, value := range map[string]string{
		outcome.MetadataSourceVersion: s.info.VersionID,
		outcome.MetadataSequencer:     s.change.Sequencer,
	} {
		if value != "" && len(value) <= 256 && bucket.Printable(value) {
			ours[name] = value
		}
	}
	return ours
}

// ownAttributes returns the attributes of an object that the recipe alone decides.
func ownAttributes(r *recipe.Recipe, contentType string) bucket.Attributes {
	own := r.Target.Attributes
	return bucket.Attributes{
		ContentType: contentType, CacheControl: own.CacheControl, Tags: own.Tags, StorageClass: own.StorageClass, ACL: own.ACL,
	}
}

// Attributes returns those of a variant in format f that is written outside of a change: it has no marks of ours, and
// nothing of its source.
func Attributes(r *recipe.Recipe, planned recipe.Output, f *codec.Format) bucket.Attributes {
	attr := ownAttributes(r, f.MediaType)
	if planned.Hashed() && attr.CacheControl == "" {
		immutable(&attr)
	}
	return attr
}

// attributes returns the attributes of an output: the metadata that marks it as ours, what the recipe
// sets, and how the source is to be delivered: its Cache-Control and Expires, unless the recipe has
// its own, as far as they consist of known directives, and its language. Neither is a text that an
// uploader could use to say something.
//
// What was to be kept and cannot be, because no header or no store holds it, is dropped, and listed
// with the reason: a picture is not bad because of its metadata.
func (j *job) attributes(src *source, contentType, fingerprint string) (attr bucket.Attributes, dropped []string) {
	attr = ownAttributes(j.Recipe, contentType)
	attr.Metadata = src.marks(fingerprint)
	if attr.CacheControl == "" {
		var rest bool
		if attr.CacheControl, rest = cacheControl(src.info.CacheControl); rest {
			dropped = append(dropped, "Cache-Control: not a known directive")
		}
		attr.Expires = src.info.Expires
	}
	if lang := src.info.ContentLanguage; isLanguages(lang) {
		attr.ContentLanguage = lang
	} else {
		dropped = append(dropped, "Content-Language: not a list of language tags")
	}
	return attr, dropped
}

// personal adds what the recipe selects of the source's user metadata and Content-Disposition to the
// attributes of a variant in format f. It returns what was to be kept and cannot be.
func (j *job) personal(src *source, f *codec.Format, attr *bucket.Attributes) (dropped []string) {
	selected := j.Recipe.ObjectMetadata
	if value := src.info.ContentDisposition; value != "" && selected.Has(recipe.ContentDisposition) {
		var ok bool
		if attr.ContentDisposition, ok = disposition(value, f); !ok {
			dropped = append(dropped, "Content-Disposition: not as RFC 6266 has it")
		}
	}
	dropped = append(dropped, addMetadata(attr, src.info.Metadata, selected.Has)...)
	for _, name := range slices.Sorted(maps.Keys(src.info.Metadata)) {
		if selected.All && recipe.DescribesSource(name) {
			dropped = append(dropped, fmt.Sprintf("metadata %s: describes the source", name))
		}
	}
	return dropped
}

// addMetadata adds user metadata whose names are wanted to attributes, as far as there is room, and
// returns what there is none for. Marks of other outputs are not wanted by anybody.
func addMetadata(attr *bucket.Attributes, from map[string]string, wanted func(name string) bool) (dropped []string) {
	left := maxMetadata
	for k, v := range attr.Metadata {
		left -= len(k) + len(v)
	}
	for _, k := range slices.Sorted(maps.Keys(from)) {
		v := from[k]
		size := len(k) + sentLength(v)
		switch {
		case strings.HasPrefix(k, outcome.MetadataPrefix), !wanted(k):
		case !utf8.ValidString(v), strings.ContainsFunc(v, unicode.IsControl):
			dropped = append(dropped, fmt.Sprintf("metadata %s: not text", k))
		case size > left:
			dropped = append(dropped, fmt.Sprintf("metadata %s: there is room for %d bytes in all", k, maxMetadata))
		default:
			attr.Metadata[k] = v
			left -= size
		}
	}
	return dropped
}

// disposition returns a Content-Disposition header (RFC 6266) whose file name, if there is one, ends
// as those of format f do: a variant that is saved as photo.heic, and is a JPEG, opens nowhere. It
// reports false if the value is no such header.
func disposition(value string, f *codec.Format) (string, bool) {
	kind, parameters, err := mime.ParseMediaType(value)
	if err != nil || strings.ContainsFunc(value, unicode.IsControl) {
		return "", false
	}
	if name := parameters["filename"]; name != "" {
		ext := path.Ext(name)
		if !slices.Contains(f.Extensions, strings.ToLower(ext)) {
			name = strings.TrimSuffix(name, ext) + f.Extensions[0]
		}
		parameters["filename"] = name
	}
	value = mime.FormatMediaType(kind, parameters)
	return value, value != "" && bucket.Printable(value)
}

// isLanguages reports whether a value is a list of language tags (RFC 5646, section 2.1, as far as it
// concerns their letters), or empty.
func isLanguages(value string) bool {
	for tag := range strings.SplitSeq(value, ",") {
		for part := range strings.SplitSeq(strings.Trim(tag, " \t"), "-") {
			if len(part) > 8 || strings.ContainsFunc(part, func(r rune) bool {
				return !('a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9')
			}) {
				return false
			}
		}
	}
	return true
}

// sentLength returns the most bytes that a store counts for a value: text that a header would alter
// is sent as encoded words, of at most 75 characters for at least 42 bytes (see package s3).
func sentLength(v string) int {
	if bucket.Plain(v) {
		return len(v)
	}
	return (len(v)/42 + 1) * 76
}

// cacheControl returns the directives of a Cache-Control header that RFC 9111 (section 5.2.2), RFC
// 8246 and RFC 5861 define for responses, without field names, and whether there are others. The
// uploader chooses the header, so it must not carry texts.
func cacheControl(value string) (known string, others bool) {
	var kept []string
	for part := range strings.SplitSeq(value, ",") {
		part = strings.ToLower(strings.Trim(part, " \t"))
		if part == "" {
			continue
		}
		name, seconds, counts := strings.Cut(part, "=")
		switch name {
		case "public", "private", "no-cache", "no-store", "no-transform", "must-revalidate", "proxy-revalidate",
			"must-understand", "immutable":
			if !counts {
				kept = append(kept, part)
				continue
			}
		case "max-age", "s-maxage", "stale-while-revalidate", "stale-if-error":
			if counts && seconds != "" && len(seconds) <= 10 && strings.Trim(seconds, "0123456789") == "" {
				kept = append(kept, part)
				continue
			}
		}
		others = true
	}
	return strings.Join(slices.Compact(kept), ", "), others
}
