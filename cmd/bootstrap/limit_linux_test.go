package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/hostiletest"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// memoryLimit runs the function in a control group with exactly the memory that Lambda would give it,
// and sends it the pictures that need most: each is done, or bad with the numbers, and none ends the
// function.
func (w *world) memoryLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("compresses a gigabyte")
	}
	const size = 256 << 20
	group := hostiletest.NewGroup(t, size)
	start := filepath.Join(t.TempDir(), "start")
	write(t, start, fmt.Appendf(nil, "#!/bin/sh\nexec %s\n", quoted(group.Command(w.binary))))
	if err := os.Chmod(start, 0o700); err != nil {
		t.Fatal(err)
	}
	f := startFunction(t, start, t.TempDir(), append(w.env,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", recipe.EnvRecipe+"="+recipeText+"  wide: {width: 1500}\n")...)
	for _, test := range []struct {
		name    string
		data    []byte
		verdict string
		reason  string
	}{
		{"photo.jpg", sample.Photo(3000, 2000), "done", ""},
		{"gray.png", hostiletest.Blank(14142, 14142, 8, 0, false), "done", ""},                          // 200 megapixels, a row at a time
		{"held.png", hostiletest.Blank(7400, 7400, 8, 6, true), "done", ""},                             // half of 219 MB is held
		{"too much.png", hostiletest.Blank(8000, 8000, 8, 6, true), "bad", "memory"},                    // half of 256 MB
		{"too many.png", hostiletest.Blank(20000, 20000, 1, 0, false), "bad", "the limit is 200000000"}, // pixels
		{"tall.png", hostiletest.Blank(1200, 60_000, 8, 2, false), "bad", "variants"},                   // one of 216 MB
		{"photo again.jpg", sample.Photo(3000, 2000), "done", ""},
	} {
		f.invoke(t, test.name, notification(t, w.put(t, "memory/"+test.name, test.data)))
		line := f.line(t)
		want(t, line, map[string]any{"request_id": test.name, "verdict": test.verdict})
		if reason, _ := line["reason"].(string); !strings.Contains(reason, test.reason) || test.verdict == "bad" && !strings.ContainsAny(reason, "0123456789") {
			t.Errorf("%s: the reason is %q, want a number and %q in it", test.name, reason, test.reason)
		}
		t.Logf("%s: %v of %v bytes, %v ms: %v", test.name, group.Peak(t),
			size, line["ms"], line["reason"])
	}
}

// quoted returns a command line for a shell.
func quoted(args []string) string {
	for i, a := range args {
		args[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	return strings.Join(args, " ")
}
