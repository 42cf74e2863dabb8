package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Whoever names files, uploads pictures or writes recipes also chooses text that commands print. In
// it, control characters would move the cursor or forge lines, and marks of bidirectional text would
// show it in another order than it has.

// shown returns text that comes from elsewhere, such as a name, a key or a reason, as one line that is
// safe on a terminal. Hidden characters and invalid UTF-8 are escaped as in a Go string.
func shown(text string) string { return escaped(text, "") }

// oneLine is shown for prose, such as a reason or a line of a log: breaks and tabs become spaces.
func oneLine(text string) string { return shown(blanks.Replace(text)) }

var blanks = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\t", " ")

// shownLines is shown for text of our own that has several lines or columns.
func shownLines(text string) string { return escaped(text, "\n\t") }

// escaped escapes all hidden characters except those of keep.
func escaped(text, keep string) string {
	var b strings.Builder
	for i, r := range text {
		size := utf8.RuneLen(r)
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case !outcome.Hidden(r) || strings.ContainsRune(keep, r):
			b.WriteString(text[i : i+size])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// errorText returns the text of an error for a terminal. Only line breaks of our own remain: not those
// in names of files or in the values of a recipe.
func errorText(err error) string {
	if problems, ok := err.(recipe.Errors); ok {
		lines := make([]string, len(problems))
		for i, p := range problems {
			lines[i] = shown(p.Error())
		}
		return strings.Join(lines, "\n")
	}
	text := err.Error()
	for _, name := range namesIn(err) {
		text = strings.ReplaceAll(text, name, shown(name))
	}
	return shownLines(strings.TrimSpace(text))
}

// namesIn returns the names of files in the errors of the operating system that err wraps.
func namesIn(err error) (names []string) {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		names = append(names, e.Path)
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		names = append(names, e.Old, e.New)
	}
	return names
}

// newJSON returns the encoder of everything that commands print as JSON.
func newJSON(w io.Writer) *json.Encoder { return json.NewEncoder(outcome.JSONWriter{Writer: w}) }
