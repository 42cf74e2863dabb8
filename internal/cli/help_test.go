package cli

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestHelp checks that the help of every command fits a terminal of 80 columns, and has examples.
func TestHelp(t *testing.T) {
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		var b bytes.Buffer
		c.SetOut(&b)
		if err := c.Help(); err != nil {
			t.Fatalf("%s: %v", c.CommandPath(), err)
		}
		for line := range strings.Lines(b.String()) {
			if line = strings.TrimSuffix(line, "\n"); len([]rune(line)) > helpColumns {
				t.Errorf("%s --help: more than %d columns: %s", c.CommandPath(), helpColumns, line)
			}
			if strings.TrimRight(line, " ") != line {
				t.Errorf("%s --help: space at the end of %q", c.CommandPath(), line)
			}
		}
		if !strings.Contains(b.String(), "\nExamples:\n  imgmill ") {
			t.Errorf("%s --help has no examples", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	check(newRoot())
}

// TestRootHelpListsEveryCommand checks that no command is missing from the groups, or empty.
func TestRootHelpListsEveryCommand(t *testing.T) {
	root := newRoot()
	var b bytes.Buffer
	root.SetOut(&b)
	if err := root.Help(); err != nil {
		t.Fatal(err)
	}
	for _, c := range root.Commands() {
		if n := strings.Count(b.String(), "\n  "+c.Name()+" "); n != 1 || c.Short == "" {
			t.Errorf("%s is listed %d times, as %q", c.Name(), n, c.Short)
		}
	}
	at := -1
	for _, title := range []string{"\nTry it here:\n", "\nOn AWS:\n", "\nMore:\n"} {
		i := strings.Index(b.String(), title)
		if i <= at {
			t.Errorf("heading %q is at %d, after one at %d", title, i, at)
		}
		at = i
	}
}

func TestWrap(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"one two three four":            "one two\nthree four",
		"one\ntwo\nthree":               "one two\nthree",
		"one\n\ntwo\n":                  "one\n\ntwo",
		"one\n  two three four\nfive":   "one\n  two three four\nfive",
		"a-word-longer-than-the-line b": "a-word-longer-than-the-line\nb",
		"é é é é é é":                   "é é é é é\né",
		"写真 写真 写真":                      "写真 写真\n写真",
		"a  b c":                        "a  b c",
	} {
		if got := wrap(text, 10); got != want {
			t.Errorf("wrap(%q) is %q, want %q", text, got, want)
		}
	}
}

// TestReleaseVersion: the program that make release has built has the version that was asked for.
func TestReleaseVersion(t *testing.T) {
	version := os.Getenv("IMGMILL_RELEASE")
	if version == "" {
		t.Skip("IMGMILL_RELEASE is not set")
	}
	out, err := exec.Command("../../dist/imgmill", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out); !strings.HasPrefix(got, "imgmill "+version+" ") ||
		!strings.HasSuffix(got, " "+runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH+"\n") {
		t.Errorf("version %q", got)
	}
}
