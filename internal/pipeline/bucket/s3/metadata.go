package s3

import (
	"encoding/base64"
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// encodeAttributes checks the headers of attr and returns its metadata, encoded for headers.
func encodeAttributes(attr bucket.Attributes) (map[string]string, error) {
	for _, h := range []struct{ name, value string }{
		{"Content-Type", attr.ContentType}, {"Cache-Control", attr.CacheControl}, {"Content-Disposition", attr.ContentDisposition},
	} {
		if !bucket.Printable(h.value) {
			return nil, fmt.Errorf("%s %q is not printable ASCII", h.name, h.value)
		}
	}
	out, err := bucket.LowerMetadata(attr.Metadata)
	for k, v := range out {
		out[k] = encodeWord(v)
	}
	return out, err
}

// encodeWord returns text that a header holds unchanged, and encodes other text as encoded words of at
// most 75 characters, each of which holds whole characters (RFC 2047, sections 2 and 5).
func encodeWord(v string) string {
	if bucket.Plain(v) {
		return v
	}
	const most = 45 // bytes, which are 60 in base64
	var words []string
	for v != "" {
		n := min(len(v), most)
		for n < len(v) && !utf8.RuneStart(v[n]) {
			n--
		}
		words = append(words, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(v[:n]))+"?=")
		v = v[n:]
	}
	return strings.Join(words, " ")
}

// decodeMetadata is the inverse: it decodes encoded words.
func decodeMetadata(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	var dec mime.WordDecoder
	for k, v := range m {
		// A value that is not a valid encoded word is plain text.
		if d, err := dec.DecodeHeader(v); err == nil {
			v = d
		}
		out[strings.ToLower(k)] = v
	}
	return out
}
