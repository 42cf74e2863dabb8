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
		if !printable(h.value) {
			return nil, fmt.Errorf("%s %q is not printable ASCII", h.name, h.value)
		}
	}
	out := make(map[string]string, len(attr.Metadata))
	for k, v := range attr.Metadata {
		k = strings.ToLower(k)
		if !isToken(k) {
			return nil, fmt.Errorf("metadata key %q is not a header name", k)
		}
		if _, twice := out[k]; twice {
			return nil, fmt.Errorf("duplicate metadata key %q", k)
		}
		if !utf8.ValidString(v) {
			return nil, fmt.Errorf("metadata %s is not valid UTF-8", k)
		}
		out[k] = encodeWord(v)
	}
	return out, nil
}

// encodeWord returns plain text unchanged and encodes other text as encoded words of at most 75
// characters, each of which holds whole characters (RFC 2047, sections 2 and 5). It also encodes
// plain text that would be altered: spaces at the ends and in runs would be removed (RFC 9110,
// section 5.5, and the canonical form that is signed), and "=?" would be mistaken for the start of
// an encoded word.
func encodeWord(v string) string {
	if printable(v) && strings.Trim(v, " ") == v && !strings.Contains(v, "  ") && !strings.Contains(v, "=?") {
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

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// isToken reports whether a lower-case string is a token as defined in RFC 9110, section 5.6.2.
func isToken(s string) bool {
	const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
	for i := range len(s) {
		if strings.IndexByte(token, s[i]) < 0 {
			return false
		}
	}
	return s != ""
}
