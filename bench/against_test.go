package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAgainstRow compares a child with itself.
func TestAgainstRow(t *testing.T) {
	dir, r := photos(t)
	children := []*child{startSelf(t, "imgmill"), startSelf(t, "abc1234"), {peer: peer{name: "gif2webp"}}}
	b := bench{photos: dir, runs: 3}
	res, err := b.againstRow(r, oneThread, children)
	if err != nil {
		t.Fatal(err)
	}
	if !res.Same || len(res.Peers[1].cpu) != 3 || res.CPU.Median < 0.1 || res.CPU.Median > 10 || res.Peers[0].Peak < 1<<20 {
		t.Errorf("the same program: %+v", res)
	}
	lines := againstLines([]againstRow{res})
	if len(lines) != 2 || lines[1][7] != "the same" || lines[1][8] != "–" || lines[0][8] != "gif2webp ÷ is" {
		t.Errorf("got %q", lines)
	}
	res.Same, res.Peers[1].Bytes, res.Peers[0].Bytes = false, 20, 10
	if lines := againstLines([]againstRow{res}); lines[1][7] != "20 → 10" {
		t.Errorf("got %q", lines)
	}
	children[1].stop()
	if _, err := b.againstRow(r, oneThread, children); err == nil || !strings.Contains(err.Error(), "abc1234") {
		t.Errorf("a dead revision: %v", err)
	}
}

// TestBuildRevision builds a program of a repository whose working tree does not compile.
func TestBuildRevision(t *testing.T) {
	repository := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-C", repository}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v: %s", args, err, out)
		}
	}
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(repository, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	git("init", "-q")
	write("go.mod", "module example.com/a\n\ngo 1.26\n")
	write("bench/main.go", "package main\n\nfunc main() { println(`{\"version\":\"the old one\"}`) }\n")
	git("add", ".")
	git("commit", "-q", "-m", "old")
	git("tag", "old")
	write("bench/main.go", "package main\n\nfunc main() { broken }\n")
	git("commit", "-q", "-a", "-m", "new")

	below := filepath.Join(repository, "bench") // as well as the repository's own folder
	commit, program, err := buildRevision(below, "old", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "the old one") || len(commit) < 7 {
		t.Errorf("%s printed %q, %v", commit, out, err)
	}
	if _, _, err := buildRevision(repository, "HEAD", t.TempDir()); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("a revision that does not compile: %v", err)
	}
	for _, none := range []string{"none", "--help", ""} {
		if _, _, err := buildRevision(repository, none, t.TempDir()); err == nil {
			t.Errorf("revision %q: no error", none)
		}
	}
}
