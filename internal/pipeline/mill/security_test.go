package mill_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPromisesHaveTests checks that every test that SECURITY.md names exists, and that every promise
// in it names one.
func TestPromisesHaveTests(t *testing.T) {
	const root = "../../.."
	data, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(data), "## The promises, and the tests that hold them\n")
	section, _, ends := strings.Cut(section, "\n## ")
	if !found || !ends {
		t.Fatal("SECURITY.md has no section of promises")
	}
	tests := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, wing := range []string{"internal", "cmd"} {
		top := filepath.Join(root, wing)
		err = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case strings.HasSuffix(path, ".txtar"):
				name, err := filepath.Rel(top, path)
				tests[filepath.ToSlash(name)] = true
				return err
			case !strings.HasSuffix(path, "_test.go"):
				return nil
			}
			text, err := os.ReadFile(path)
			for _, m := range function.FindAllStringSubmatch(string(text), -1) {
				folder := filepath.Dir(path)
				tests[filepath.Base(folder)+"."+m[1]] = true
				tests[filepath.Base(filepath.Dir(folder))+"/"+filepath.Base(folder)+"."+m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	named := regexp.MustCompile("`([\\w/]+\\.Test\\w+|[\\w/]+/[\\w-]+\\.txtar)`")
	promises := 0
	for promise := range strings.SplitSeq(section, "\n- ") {
		if promises++; promises == 1 {
			continue // what comes before the first
		}
		names := named.FindAllStringSubmatch(promise, -1)
		if len(names) == 0 {
			t.Errorf("no test holds this promise: %s", promise)
		}
		for _, n := range names {
			if !tests[n[1]] {
				t.Errorf("SECURITY.md names %s, which does not exist", n[1])
			}
		}
	}
	if promises < 15 {
		t.Errorf("only %d promises", promises)
	}
}
