package hostiletest

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestHolds(t *testing.T) {
	var zipped bytes.Buffer
	z := zlib.NewWriter(&zipped)
	if _, err := z.Write([]byte("before " + Marker + " behind")); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	var wide []byte
	for _, u := range utf16.Encode([]rune(Marker)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	percent := ""
	for _, c := range []byte(Marker) {
		percent += "%" + hex.EncodeToString([]byte{c})
	}
	for name, text := range map[string]string{
		"text": "a" + Marker, "lower case": strings.ToLower(Marker), "a part": Marker[:5], "the end": Marker[3:], "UTF-16": string(wide),
		"percent": percent, "URL": url.QueryEscape(Marker), "hexadecimal": hex.EncodeToString([]byte(Marker)), "zlib": "x" + zipped.String() + "y",
		"base64": base64.StdEncoding.EncodeToString([]byte(Marker)), "base64, one on": base64.StdEncoding.EncodeToString([]byte("a" + Marker)),
		"base64, two on": base64.StdEncoding.EncodeToString([]byte("ab" + Marker + "c")),
	} {
		if !Holds([]byte(text)) {
			t.Errorf("%s: %q", name, text)
		}
	}
	for _, text := range []string{"", "planning", "x\x78\x9cyz", string(bytes.Repeat([]byte{0x78, 0x9c}, 1000))} {
		if Holds([]byte(text)) {
			t.Errorf("%q", text)
		}
	}
}
