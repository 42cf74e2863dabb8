package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

func TestShown(t *testing.T) {
	for in, want := range map[string]string{
		"plain name.jpg":              "plain name.jpg",
		"Grüße 写真 🙂 \u200d \ufffd":    "Grüße 写真 🙂 \u200d \ufffd",
		"a\nb\tc\rd\x00e\x1b[31m\x7f": `a\nb\tc\rd\x00e\x1b[31m\x7f`,
		"\u0080\u009b\u009f\u00a0":    "\\u0080\\u009b\\u009f\u00a0",
		"\u202a\u202e\u2066\u2069":    `\u202a\u202e\u2066\u2069`,
		"\u200e\u200f\u061c\u2028":    `\u200e\u200f\u061c\u2028`,
		"\xff\xc3":                    `\xff\xc3`,
		`back\slash`:                  `back\slash`,
	} {
		if got := shown(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
	if got, want := shownLines("a\n\tb\x1b"), "a\n\tb"+`\x1b`; got != want {
		t.Errorf("lines are shown as %q, want %q", got, want)
	}
}

// TestErrorText checks that lines of our own remain, and those of others do not.
func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.Join(errors.New("one"), errors.New("two\u202e")), "one\n" + `two\u202e`},
		{fmt.Errorf("read: %w", &fs.PathError{Op: "open", Path: "a\nb", Err: fs.ErrNotExist}), `read: open a\nb: file does not exist`},
		{recipe.Errors{{File: "a\nb", Line: 1, Name: "x", Text: "bad"}, {File: "c", Line: 2, Text: "w\norse"}}, `a\nb:1: x: bad` + "\n" + `c:2: w\norse`},
	} {
		if got := errorText(c.err); got != c.want {
			t.Errorf("%q is shown as %q, want %q", c.err, got, c.want)
		}
	}
}

// TestJSONWriter checks that lines mean what they meant before.
func TestJSONWriter(t *testing.T) {
	var b bytes.Buffer
	want := "a\u009b\u202e\u200f\x7f\x1b\n\u2028ü🙂"
	if err := newJSON(&b).Encode(want); err != nil {
		t.Fatal(err)
	}
	if line := `"a\u009b\u202e\u200f\u007f\u001b\n\u2028ü🙂"` + "\n"; b.String() != line {
		t.Errorf("%q, want %q", b.String(), line)
	}
	var got string
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}
