//go:build linux

package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/aws/pack"
	"github.com/imgmill/imgmill/internal/engine/heif/heiftest"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

const (
	coldStarts = 5
	mostInit   = 100 * time.Millisecond
)

// pythonHandler makes the same two variants with Pillow and boto3. Like imgmill, it has the JPEG
// decoded at a lower scale.
const pythonHandler = `import io
import urllib.parse

import boto3
from PIL import Image, ImageOps

s3 = boto3.client("s3")


def handler(event, context):
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
        picture = Image.open(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
        picture.draft("RGB", (300, 300))
        picture = ImageOps.exif_transpose(picture)
        stem = key.rsplit(".", 1)[0]
        large = picture.copy()
        large.thumbnail((300, 1 << 16), Image.Resampling.LANCZOS)
        thumb = ImageOps.fit(picture, (100, 100), Image.Resampling.LANCZOS)
        for name, variant in ("thumb", thumb), ("large", large):
            out = io.BytesIO()
            variant.save(out, "JPEG", quality=80)
            s3.put_object(Bucket="photos-output", Key=f"{stem}-{name}.jpg", Body=out.getvalue(), ContentType="image/jpeg", CacheControl="max-age=60")
`

// TestRuntimeInterfaceEmulator unpacks the zip as Lambda does and runs it with AWS's Runtime
// Interface Emulator, whose path is in IMGMILL_RIE. If IMGMILL_RIE_PYTHON is the path of a Python
// that has awslambdaric, Pillow and boto3, it also measures a handler in Python for comparison.
func TestRuntimeInterfaceEmulator(t *testing.T) {
	emulator := os.Getenv("IMGMILL_RIE")
	if emulator == "" {
		t.Skip("IMGMILL_RIE is not set")
	}
	data, err := pack.Build(t.Context(), pack.Options{Arch: runtime.GOARCH, Recipe: []byte(recipeText)}) // before the cloud changes the working directory
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	unpack(t, data, root)
	w := &world{}
	w.startCloud(t)
	photo := sample.Photo(4000, 3000)

	var ours starts
	t.Run("the packaged zip", func(t *testing.T) {
		ours = w.coldStarts(t, photo, "zip", []string{emulator, filepath.Join(root, "bootstrap")}, root)
		if ours.init > mostInit {
			t.Errorf("init takes %v, want at most %v", ours.init, mostInit)
		}
	})
	t.Run("an iPhone's photograph", func(t *testing.T) {
		e := startEmulator(t, []string{emulator, filepath.Join(root, "bootstrap")}, root, w.env)
		e.invoke(t, notification(t, w.put(t, "rie/IMG_0042.HEIC", heiftest.IPhone)))
		w.upright(t, "rie/IMG_0042-large.jpg")
	})
	t.Run("an invalid recipe", func(t *testing.T) {
		env := append(slices.Clone(w.env), recipe.EnvRecipe+"=variants: {a: {widht: 10}}")
		e := startEmulator(t, []string{emulator, filepath.Join(root, "bootstrap")}, root, env)
		if _, body := e.post(t, []byte("{}")); !strings.Contains(body, `"errorType":"Imgmill.CannotStart"`) || !strings.Contains(body, "IMGMILL_RECIPE:1: ") {
			t.Errorf("the invocation returned %s", body)
		}
	})
	t.Run("Python, Pillow and boto3", func(t *testing.T) {
		python := os.Getenv("IMGMILL_RIE_PYTHON")
		if python == "" {
			t.Skip("IMGMILL_RIE_PYTHON is not set")
		}
		dir := t.TempDir()
		write(t, filepath.Join(dir, "resize.py"), []byte(pythonHandler))
		theirs := w.coldStarts(t, photo, "python", []string{emulator, python, "-m", "awslambdaric", "resize.handler"}, dir)
		t.Logf("%-26s %10s %12s %12s", "12 megapixels, 2 variants", "init", "first event", "next event")
		t.Logf("%-26s %10v %12v %12v", "imgmill", ours.init, ours.first, ours.next)
		t.Logf("%-26s %10v %12v %12v", "Python", theirs.init, theirs.first, theirs.next)
	})
}

// unpack extracts the files of a zip with their modes, as Lambda does.
func unpack(t *testing.T, data []byte, root string) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, f.Name), content, f.Mode()); err != nil {
			t.Fatal(err)
		}
	}
}

// starts holds medians over several cold starts, as measured by the emulator: the init phase, and
// the handler for the first and the second event of an instance.
type starts struct{ init, first, next time.Duration }

func (w *world) coldStarts(t *testing.T, photo []byte, name string, command []string, dir string) starts {
	t.Helper()
	var all [3][]time.Duration
	for i := range coldStarts {
		e := startEmulator(t, command, dir, w.env)
		for j := range 2 {
			stem := fmt.Sprintf("rie/%s %d+%d", name, i, j)
			e.invoke(t, notification(t, w.put(t, stem+".jpg", photo)))
			for _, variant := range []struct {
				name string
				w, h int
			}{{"thumb", 100, 100}, {"large", 300, 225}} {
				m, err := jpeg.DecodeConfig(bytes.NewReader(w.get(t, stem+"-"+variant.name+".jpg")))
				if err != nil || m.Width != variant.w || m.Height != variant.h {
					t.Errorf("%s is %d×%d (%v), want %d×%d", variant.name, m.Width, m.Height, err, variant.w, variant.h)
				}
			}
		}
		all[0] = append(all[0], e.measured(t, initRE, 1)...)
		handled := e.measured(t, handledRE, 2)
		all[1], all[2] = append(all[1], handled[0]), append(all[2], handled[1])
		e.stop()
	}
	median := func(d []time.Duration) time.Duration {
		slices.Sort(d)
		return d[len(d)/2].Round(100 * time.Microsecond)
	}
	s := starts{median(all[0]), median(all[1]), median(all[2])}
	t.Logf("%s: init %v, first event %v, next event %v (medians of %d)", name, s.init, s.first, s.next, coldStarts)
	return s
}

// These lines of the emulator hold its measurements. The init duration in its REPORT line is a
// different one, which ends before the runtime has started.
var (
	initRE    = regexp.MustCompile(`INIT REPORT\(durationMs: ([0-9.]+)\)`)
	handledRE = regexp.MustCompile(`INVOKE RTDONE\(status: success, .*duration: ([0-9.]+)ms\)`)
)

// emulator is a running Runtime Interface Emulator with the function in it.
type emulator struct {
	url string
	cmd *exec.Cmd

	mu  sync.Mutex
	log bytes.Buffer
}

func (e *emulator) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log.Write(p)
}

func (e *emulator) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log.String()
}

func startEmulator(t *testing.T, command []string, dir string, env []string) *emulator {
	t.Helper()
	front := freeAddress(t)
	args := append([]string{"--log-level", "info", "--runtime-interface-emulator-address", front, "--runtime-api-address", freeAddress(t)}, command[1:]...)
	e := &emulator{url: "http://" + front, cmd: exec.Command(command[0], args...)}
	e.cmd.Dir = dir
	e.cmd.Env = append([]string{
		"AWS_LAMBDA_FUNCTION_NAME=imgmill", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1769", "LAMBDA_TASK_ROOT=" + dir, "PATH=" + os.Getenv("PATH"),
	}, env...)
	e.cmd.Stdout, e.cmd.Stderr = e, e
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the function is a child of the emulator
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.stop()
		if t.Failed() {
			t.Logf("log of the emulator:\n%s", e.text())
		}
	})
	for end := time.Now().Add(waitTimeout); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", front)
		if err == nil {
			c.Close()
			return e
		}
		if time.Now().After(end) {
			t.Fatalf("cannot connect to the emulator: %v", err)
		}
	}
}

// stop ends the emulator and its child processes. Further calls do nothing.
func (e *emulator) stop() {
	if e.cmd.ProcessState == nil {
		syscall.Kill(-e.cmd.Process.Pid, syscall.SIGKILL)
		e.cmd.Wait()
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// invoke invokes the function with an event, as Lambda's Invoke API does, and checks that it
// succeeds.
func (e *emulator) invoke(t *testing.T, payload []byte) {
	t.Helper()
	if status, body := e.post(t, payload); status != http.StatusOK || strings.TrimSpace(body) != "null" {
		t.Fatalf("the function returned %d: %s", status, body)
	}
}

// post invokes the function and returns the response.
func (e *emulator) post(t *testing.T, payload []byte) (status int, body string) {
	t.Helper()
	client := &http.Client{Timeout: waitTimeout}
	resp, err := client.Post(e.url+"/2015-03-31/functions/function/invocations", "application/json", bytes.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// measured waits until the emulator has logged n durations.
func (e *emulator) measured(t *testing.T, re *regexp.Regexp, n int) []time.Duration {
	t.Helper()
	for end := time.Now().Add(waitTimeout); ; time.Sleep(10 * time.Millisecond) {
		found := re.FindAllStringSubmatch(e.text(), -1)
		if len(found) < n {
			if time.Now().After(end) {
				t.Fatalf("the emulator has logged %d lines like %s, want %d", len(found), re, n)
			}
			continue
		}
		var all []time.Duration
		for _, m := range found[:n] {
			ms, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, time.Duration(ms*float64(time.Millisecond)))
		}
		return all
	}
}
