// Package hostiletest is the malicious uploader's list: pictures that carry a marker in every place
// beside their pixels, names and headers that carry it as well or look like something else, and a
// search for the marker in what was made from them. Under default settings nothing of it may reach
// the target or be raw in a log. It never makes a picture that is damaged.
package hostiletest

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

// Marker is what is looked for, short enough for the smallest places. Long places repeat it.
const Marker = "PLANTED!"

var run = strings.Repeat(Marker, 40)

// forms are the pieces of the marker that are looked for, as they may be written, in upper case.
var forms = func() (all [][]byte) {
	for _, piece := range []string{"PLANT", "ANTED", "NTED!"} {
		all = append(all, []byte(piece))
		var wide, small, percent []byte
		for _, u := range utf16.Encode([]rune(piece)) {
			wide, small = append(wide, byte(u>>8), byte(u)), append(small, byte(u), byte(u>>8))
			percent = fmt.Appendf(percent, "%%%02X", u)
		}
		all = append(all, wide, small, percent, fmt.Appendf(nil, "%X", piece))
	}
	return all
}()

// Holds reports whether data contains a part of the marker: in any case, in one byte or two for a
// letter, as percent escapes, hexadecimal or base64, or in a zlib stream.
func Holds(data []byte) bool {
	upper := bytes.ToUpper(data)
	for _, form := range forms {
		if bytes.Contains(upper, form) {
			return true
		}
	}
	for skip := range 3 { // base64 has three alignments
		if bytes.Contains(data, []byte(base64.StdEncoding.EncodeToString([]byte(Marker)[skip:skip+6]))) {
			return true
		}
	}
	for i := range data {
		if data[i] != 0x78 {
			continue
		}
		r, err := zlib.NewReader(bytes.NewReader(data[i:]))
		if err != nil {
			continue
		}
		if inflated, _ := io.ReadAll(io.LimitReader(r, 1<<20)); len(inflated) > 0 && Holds(inflated) { // as far as it goes
			return true
		}
	}
	return false
}
