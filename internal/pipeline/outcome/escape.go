package outcome

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
)

// Hidden reports whether a character must not reach a terminal: controls (C0, DEL, C1), separators of
// lines, and marks that change the direction of text.
func Hidden(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7F && r <= 0x9F:
		return true
	case r == 0x061C, r == 0x200E, r == 0x200F, r == 0x2028, r == 0x2029:
		return true
	}
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// NewLog returns the log of the function: lines of JSON without hidden characters.
func NewLog(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(JSONWriter{w}, nil)) }

// JSONWriter writes lines of JSON, in which hidden characters that JSON allows are escaped.
type JSONWriter struct{ io.Writer }

func (w JSONWriter) Write(line []byte) (int, error) {
	if bytes.ContainsFunc(line, needsEscape) {
		var b bytes.Buffer
		for _, r := range string(line) {
			if needsEscape(r) {
				fmt.Fprintf(&b, `\u%04x`, r)
				continue
			}
			b.WriteRune(r)
		}
		if _, err := w.Writer.Write(b.Bytes()); err != nil {
			return 0, err
		}
		return len(line), nil
	}
	return w.Writer.Write(line)
}

// needsEscape reports whether a character of a line of JSON is a hidden one: the controls below 0x20
// are escaped already, or end the line.
func needsEscape(r rune) bool { return r >= 0x20 && Hidden(r) }
