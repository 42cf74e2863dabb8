package hostiletest

import (
	"strings"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// Names returns keys that look like paths, escapes, control sequences, templates, commands or other
// objects, or that are as long as they may be.
func Names() []string {
	return []string{
		"../../etc/passwd.jpg", "a/../../b.jpg", "./a.jpg", "/a.jpg", "//a.jpg", "a//b.jpg", ".jpg", "..jpg", "...jpg", "a.jpg/b.jpg",
		"a\\..\\b.jpg", "C:\\a.jpg", "a\x00b.jpg", "a\nb.jpg", "a\r\nX-Forged: b.jpg", "\x1b[2J.jpg", "\u202egpj.exe.jpg", "\xff\xfe.jpg",
		"\u009b2J.jpg", "\u2066a\u2069.jpg", "a\u2028b.jpg", "\x7f\x08.jpg", "=?utf-8?q?a=0Ab?=.jpg", "\n{\"level\":\"ERROR\"}.jpg",
		"%2e%2e/a.jpg", "%2E%2E%2Fa.jpg", "a%00b.jpg", "a%0ab.jpg", "a+b c.jpg", "{key}.jpg", "{variant}/{width}.jpg", "${HOME}.jpg", "`id`.jpg",
		"$(id).jpg", "';--.jpg", "<script>.jpg", "small/p.jpg", "failed/p.jpg", "failed/p.jpg.json.jpg", "p.jpg.imgmill.json.jpg", "夏休み.jpg",
		strings.Repeat("é", 508) + ".jpg", strings.Repeat("a/", 509) + ".jpg", strings.Repeat("n", 246) + ".jpg",
		"d/" + strings.Repeat("x", 250) + "/" + strings.Repeat("y", 200) + ".jpg",
	}
}

// Attributes returns headers of an upload that carry the marker: raw, encoded as RFC 2047 has it, and
// so that the decoded text is broken.
func Attributes() bucket.Attributes {
	return bucket.Attributes{
		ContentType:        "text/html; x=" + run,
		CacheControl:       "max-age=60, x=" + run,
		ContentDisposition: "attachment; filename=" + run,
		Metadata: map[string]string{
			"x": run, "planted": "x", "author": "=?utf-8?q?" + Marker + "?=", "broken": "=?utf-8?q?=FF" + Marker + "?=",
			"encoded": "=?utf-8?b?UExBTlRFRCE=?=",
		},
	}
}
