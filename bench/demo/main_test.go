package main

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// folder holds the site that is committed.
const folder = "../../docs/demo"

// TestCommitted makes the site and compares it with what is committed. Drawn pictures differ in a few samples on other
// processors, and line ends on Windows.
func TestCommitted(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the site is made on linux/amd64")
	}
	site, err := makeSite(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range site {
		if got, err := os.ReadFile(folder + "/" + name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not as it is made now (%v); run make demo", name, err)
		}
	}
	for name := range committed(t) {
		if _, ok := site[name]; !ok {
			t.Errorf("%s is not made any more; run make demo", name)
		}
	}
}

// committed returns the sizes of the files of the site.
func committed(t *testing.T) map[string]int64 {
	sizes := map[string]int64{}
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sizes[name] = info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sizes
}

var (
	linkRE   = regexp.MustCompile(`(?:src|href|srcset|data-src|data-url)="([^"]*)"`)
	anchorRE = regexp.MustCompile(` id="([^"]*)"`)
)

// TestLinks follows the links of the page: each leads to a file or a place in the page, none to another host, and no
// file is there in vain. All of it is small.
func TestLinks(t *testing.T) {
	page, err := os.ReadFile(folder + "/index.html")
	if err != nil {
		t.Fatal(err)
	}
	sizes, linked := committed(t), map[string]bool{"index.html": true}
	anchors := map[string]bool{}
	for _, m := range anchorRE.FindAllSubmatch(page, -1) {
		anchors[string(m[1])] = true
	}
	for _, m := range linkRE.FindAllSubmatch(page, -1) {
		for candidate := range strings.SplitSeq(string(m[1]), ", ") {
			target, _, _ := strings.Cut(candidate, " ")
			switch place, here := strings.CutPrefix(target, "#"); {
			case here && !anchors[place]:
				t.Errorf("there is no #%s", place)
			case here, strings.HasPrefix(target, "data:"):
			case sizes[path.Clean(target)] == 0:
				t.Errorf("there is no %s", target)
			default:
				linked[path.Clean(target)] = true
			}
		}
	}
	total := int64(0)
	for name, size := range sizes {
		total += size
		if !linked[name] {
			t.Errorf("nothing leads to %s", name)
		}
	}
	if len(linked) < 30 || total > 1_500_000 {
		t.Errorf("%d files, %d bytes", len(linked), total)
	}
	for _, foreign := range []string{"http://", "https://", "//cdn", "@import"} {
		rest := strings.ReplaceAll(string(page), "http://www.w3.org/2000/svg", "")
		if strings.Contains(rest, foreign) {
			t.Errorf("the page mentions %s", foreign)
		}
	}
}
