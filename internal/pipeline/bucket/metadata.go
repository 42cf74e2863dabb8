package bucket

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Printable reports whether a value consists of printable ASCII, so that a header can hold it.
func Printable(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' })
}

// Plain reports whether a value of metadata survives a header unchanged. Others are sent as encoded
// words: spaces at the ends and in runs would be removed (RFC 9110, section 5.5, and the canonical
// form that is signed), and "=?" would be mistaken for the start of an encoded word.
func Plain(value string) bool {
	return Printable(value) && strings.Trim(value, " ") == value && !strings.Contains(value, "  ") &&
		!strings.Contains(value, "=?")
}

// LowerMetadata returns a copy of metadata with its names in lower case. An error describes metadata
// that no header can hold in any encoding; it does not wrap ErrInvalid.
func LowerMetadata(m map[string]string) (map[string]string, error) {
	out := make(map[string]string, len(m))
	for k, v := range m {
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
		out[k] = v
	}
	return out, nil
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

// StoredEncoding returns a Content-Encoding without aws-chunked, which is how a client sent the bytes,
// and which some servers store as if it were an encoding of the object.
func StoredEncoding(value string) string {
	var kept []string
	for coding := range strings.SplitSeq(value, ",") {
		if coding = strings.Trim(coding, " \t"); coding != "" && !strings.EqualFold(coding, "aws-chunked") {
			kept = append(kept, coding)
		}
	}
	return strings.Join(kept, ", ")
}
