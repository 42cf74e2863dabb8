package mill

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

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

// attributes returns the attributes of an output: the metadata that marks it as ours, the source's
// Cache-Control as far as it consists of known directives and, if keep is set, the source's user
// metadata and Content-Disposition. The latter two are texts that the uploader or a camera chose,
// which may be private, and variants are usually public.
//
// What was to be kept and cannot be, because no header or no store holds it, is dropped, and listed
// with the reason: a picture is not bad because of its metadata.
func (s *source) attributes(contentType, fingerprint string, keep bool) (attr bucket.Attributes, dropped []string) {
	attr = bucket.Attributes{ContentType: contentType, Metadata: s.marks(fingerprint)}
	var rest bool
	if attr.CacheControl, rest = cacheControl(s.info.CacheControl); rest {
		dropped = append(dropped, "Cache-Control: not a known directive")
	}
	if !keep {
		return attr, dropped
	}
	switch {
	case bucket.Printable(s.info.ContentDisposition):
		attr.ContentDisposition = s.info.ContentDisposition
	default:
		dropped = append(dropped, "Content-Disposition: not printable ASCII")
	}
	left := maxMetadata
	for k, v := range attr.Metadata {
		left -= len(k) + len(v)
	}
	for _, k := range slices.Sorted(maps.Keys(s.info.Metadata)) {
		v := s.info.Metadata[k]
		size := len(k) + sentLength(v)
		switch {
		case strings.HasPrefix(k, outcome.MetadataPrefix): // marks of another output
		case !utf8.ValidString(v), strings.ContainsFunc(v, unicode.IsControl):
			dropped = append(dropped, fmt.Sprintf("metadata %s: not text", k))
		case size > left:
			dropped = append(dropped, fmt.Sprintf("metadata %s: there is room for %d bytes in all", k, maxMetadata))
		default:
			attr.Metadata[k] = v
			left -= size
		}
	}
	return attr, dropped
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
