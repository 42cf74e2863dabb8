package cli

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestSampleOfREADME compares what the READMEs say dev prints first with what it prints, except for the time it takes.
func TestSampleOfREADME(t *testing.T) {
	out, err := exec.Command("imgmill", "dev", "--sample", "--once", "--dir", t.TempDir()).Output()
	if err != nil {
		t.Fatal(err)
	}
	milliseconds := regexp.MustCompile(`(?m) +\d+$`)
	want := milliseconds.ReplaceAllString(string(out), "")
	for _, page := range []string{"README.md", "README.ja.md"} {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		_, shown, _ := strings.Cut(string(text), "```text\nConsole: http://127.0.0.1:9001/\n")
		if shown = milliseconds.ReplaceAllString(shown, ""); !strings.HasPrefix(shown, want) {
			t.Errorf("dev prints\n%s\n%s says\n%.200s", out, page, shown)
		}
	}
}
