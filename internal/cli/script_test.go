package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/image/webp"

	"github.com/imgmill/imgmill/internal/engine/heif"
	"github.com/imgmill/imgmill/internal/engine/heif/heiftest"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// condition implements [root], because root may write everywhere, and [hevc], which a build may leave out.
func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "hevc":
		return heif.HEIC.Open != nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// arguments ends the script unless there are n arguments and no negation.
func arguments(ts *testscript.TestScript, neg bool, args []string, n int, usage string) {
	if neg || len(args) != n {
		ts.Fatalf("usage: %s", usage)
	}
}

// exits runs a program and checks its exit code. Like exec, it keeps the output.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENT...")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		failed, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if want, err := strconv.Atoi(args[0]); err != nil || got != want {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// sentence checks that the last program has printed nothing but one error in one line on stderr,
// with or without the hint at
// --help: no usage text, no stack trace, no repetition.
func sentence(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 0, "sentence")
	text := ts.ReadFile("stderr")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) == 2 && strings.HasPrefix(lines[1], "See 'imgmill") {
		lines = lines[:1]
	}
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "imgmill: ") {
		ts.Fatalf("want one line that starts with imgmill:, got\n%s", text)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("want errors on stderr only, but stdout has\n%s", out)
	}
}

// drawFile draws a picture, in the format that its file name implies.
func drawFile(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 3, "draw FILE WIDTH HEIGHT")
	w, h := number(ts, args[1]), number(ts, args[2])
	data := sample.Photo(w, h)
	switch filepath.Ext(args[0]) {
	case ".png":
		var b bytes.Buffer
		ts.Check(png.Encode(&b, sample.Landscape(w, h)))
		data = b.Bytes()
	case ".heic", ".HEIC":
		if w != heiftest.Width || h != heiftest.Height {
			ts.Fatalf("the picture of an iPhone has %d×%d pixels", heiftest.Width, heiftest.Height)
		}
		data = heiftest.IPhone
	}
	name := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(name), 0o777))
	ts.Check(os.WriteFile(name, data, 0o666))
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

// pixels checks that a file is a complete picture of a format and size, with the decoders of the
// standard library and of golang.org/x/image.
func pixels(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 4, "pixels FILE FORMAT WIDTH HEIGHT")
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	decode := map[string]func(*bytes.Reader) (image.Image, error){
		"jpeg": func(r *bytes.Reader) (image.Image, error) { return jpeg.Decode(r) },
		"png":  func(r *bytes.Reader) (image.Image, error) { return png.Decode(r) },
		"webp": func(r *bytes.Reader) (image.Image, error) { return webp.Decode(r) },
	}[args[1]]
	if decode == nil {
		ts.Fatalf("format %q, want jpeg, png or webp", args[1])
	}
	m, err := decode(bytes.NewReader(data))
	if err != nil {
		ts.Fatalf("%s: %v", args[0], err)
	}
	if got := m.Bounds().Size(); got.X != number(ts, args[2]) || got.Y != number(ts, args[3]) {
		ts.Fatalf("%s is %d×%d, want %s×%s", args[0], got.X, got.Y, args[2], args[3])
	}
}

// cut truncates a file.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, "cut FILE BYTES")
	ts.Check(os.Truncate(ts.MkAbs(args[0]), int64(number(ts, args[1]))))
}

func hardlink(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, "hardlink FILE NAME")
	ts.Check(os.Link(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
}

// freePort sets a variable to the number of a free port.
func freePort(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, "freeport VARIABLE")
	port, err := findPort()
	ts.Check(err)
	ts.Setenv(args[0], strconv.Itoa(port))
}

// findPort returns a port below those that systems assign to outgoing connections: a client that
// retries could be assigned the port, and connect to itself.
func findPort() (int, error) {
	for range 100 {
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)))
		if err == nil {
			return l.Addr().(*net.TCPAddr).Port, l.Close()
		}
	}
	return 0, errors.New("no free port found")
}

// listen occupies a port until the script ends, and sets a variable to its number.
func listen(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, "listen VARIABLE")
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
}

// await waits until a server on a port responds.
func await(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, "await PORT")
	for end := time.Now().Add(waitTimeout); ; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get("http://127.0.0.1:" + args[0])
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("no response from port %s: %v", args[0], err)
		}
	}
}

// lines checks the number of lines on stdout, each of which must be a JSON object with at least the
// named members.
func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: lines COUNT MEMBER...")
	}
	text := strings.TrimSuffix(ts.ReadFile("stdout"), "\n")
	all := strings.Split(text, "\n")
	if len(all) != number(ts, args[0]) {
		ts.Fatalf("%d lines, want %s:\n%s", len(all), args[0], text)
	}
	for _, line := range all {
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			ts.Fatalf("%v in %s", err, line)
		}
		for _, member := range args[1:] {
			if object[member] == nil {
				ts.Fatalf("no %q in %s", member, line)
			}
		}
	}
}

// same checks that two files are equal, or with ! that they differ. Unlike cmp, it prints no
// contents.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] same FILE FILE")
	}
	a, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	b, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	if bytes.Equal(a, b) == neg {
		ts.Fatalf("%s (%d bytes) and %s (%d bytes): equal is %v", args[0], len(a), args[1], len(b), neg)
	}
}
