package mill

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"mime"
	"strings"

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

// attributes returns the attributes of an output: what the source has for delivery, the user's
// metadata, and the metadata that marks the output as ours. If both kinds of metadata together
// exceed the limit, only ours is kept.
func (s *source) attributes(contentType, fingerprint string) bucket.Attributes {
	ours := map[string]string{
		outcome.MetadataSourceETag: s.info.ETag,
		outcome.MetadataRecipe:     fingerprint,
		outcome.MetadataSource:     sourceID(s.change),
	}
	if s.info.VersionID != "" {
		ours[outcome.MetadataSourceVersion] = s.info.VersionID
	}
	if s.change.Sequencer != "" {
		ours[outcome.MetadataSequencer] = s.change.Sequencer
	}
	meta, size := map[string]string{}, 0
	for k, v := range s.info.Metadata {
		if !strings.HasPrefix(k, outcome.MetadataPrefix) {
			meta[k] = v
			size += len(k) + len(mime.BEncoding.Encode("utf-8", v)) // as it is sent
		}
	}
	for k, v := range ours {
		size += len(k) + len(v)
	}
	if size > maxMetadata {
		clear(meta)
	}
	maps.Copy(meta, ours)
	return bucket.Attributes{
		ContentType: contentType, CacheControl: printable(s.info.CacheControl),
		ContentDisposition: printable(s.info.ContentDisposition), Metadata: meta,
	}
}

// printable returns the value of a header, or nothing if a header cannot hold it: a picture is not
// bad because of its file name.
func printable(value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return value
}
