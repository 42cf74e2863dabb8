package cli_test

import (
	"net"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

// text sets a variable to a text that a script cannot hold, from a Go string with its quotes.
func text(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, "text VARIABLE STRING")
	s, err := strconv.Unquote(args[1])
	ts.Check(err)
	ts.Setenv(args[0], s)
}

// plain checks that the last program has printed no control characters but line breaks, no marks of
// bidirectional text, and valid UTF-8.
func plain(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 0, "plain")
	for _, name := range []string{"stdout", "stderr"} {
		out := ts.ReadFile(name)
		if !utf8.ValidString(out) {
			ts.Fatalf("%s has invalid UTF-8: %q", name, out)
		}
		for _, r := range out {
			control := r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0
			if control || strings.ContainsRune("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", r) {
				ts.Fatalf("%s has %U: %q", name, r, out)
			}
		}
	}
}

// socket creates a socket in the file system, which stays when the script has ended.
func socket(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, "socket FILE")
	// A path of a socket has at most some 100 bytes, fewer than that of a test's folder.
	dir, err := os.MkdirTemp("", "")
	ts.Check(err)
	ts.Defer(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", dir+"/s")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Check(os.Symlink(dir+"/s", ts.MkAbs(args[0])))
}
