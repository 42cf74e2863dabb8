package s3

import (
	"encoding/base64"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// encodeAttributes checks the headers of attr and returns its metadata, encoded for headers.
func encodeAttributes(attr bucket.Attributes) (map[string]string, error) {
	for name, value := range attr.Headers() {
		if !bucket.Printable(value) {
			return nil, fmt.Errorf("%s %q is not printable ASCII", name, value)
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

// decodeAttributes is the inverse of encodeAttributes: it returns what the headers of an answer describe.
func decodeAttributes(
	contentType, encoding, language, disposition, cacheControl, expires *string, metadata map[string]string,
) bucket.Attributes {
	return bucket.Attributes{
		ContentType: aws.ToString(contentType), ContentEncoding: bucket.StoredEncoding(aws.ToString(encoding)),
		ContentLanguage: aws.ToString(language), ContentDisposition: aws.ToString(disposition),
		CacheControl: aws.ToString(cacheControl), Expires: decodeExpires(expires), Metadata: decodeMetadata(metadata),
	}
}

// decodeMetadata decodes the encoded words of metadata.
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

// encodeTags returns tags as the header x-amz-tagging has them: as the query of a URL.
func encodeTags(tags map[string]string) string {
	query := url.Values{}
	for k, v := range tags {
		query.Set(k, v)
	}
	return query.Encode()
}

// decodeExpires returns the time of the header Expires. One that is not a date, such as 0, means that
// the answer is stale (RFC 9111, section 5.3); it is nothing that a copy would have to keep.
func decodeExpires(value *string) time.Time {
	t, err := http.ParseTime(aws.ToString(value))
	if err != nil {
		return time.Time{}
	}
	return t
}
