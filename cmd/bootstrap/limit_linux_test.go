package main

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/imgmill/imgmill/internal/engine/sample"
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
	group, procs := controlGroup(t, size)
	start := filepath.Join(t.TempDir(), "start")
	write(t, start, fmt.Appendf(nil, "#!/bin/sh\necho $$ >%s && exec %s\n", procs, w.binary))
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
		{"gray.png", blank(14142, 14142, 8, 0, false), "done", ""},                          // 200 megapixels, a row at a time
		{"held.png", blank(7400, 7400, 8, 6, true), "done", ""},                             // half of 219 MB is held
		{"too much.png", blank(8000, 8000, 8, 6, true), "bad", "memory"},                    // half of 256 MB
		{"too many.png", blank(20000, 20000, 1, 0, false), "bad", "the limit is 200000000"}, // pixels
		{"tall.png", blank(1200, 60_000, 8, 2, false), "bad", "variants"},                   // one of 216 MB
		{"photo again.jpg", sample.Photo(3000, 2000), "done", ""},
	} {
		f.invoke(t, test.name, notification(t, w.put(t, "memory/"+test.name, test.data)))
		line := f.line(t)
		want(t, line, map[string]any{"request_id": test.name, "verdict": test.verdict})
		if reason, _ := line["reason"].(string); !strings.Contains(reason, test.reason) || test.verdict == "bad" && !strings.ContainsAny(reason, "0123456789") {
			t.Errorf("%s: the reason is %q, want a number and %q in it", test.name, reason, test.reason)
		}
		t.Logf("%s: %v of %v bytes, %v ms: %v", test.name, readNumber(t, group, "memory.peak", "memory.max_usage_in_bytes"),
			size, line["ms"], line["reason"])
	}
}

// controlGroup makes a control group with a memory limit, of version 2 or 1, that ends with the test.
// It returns its folder and the file that a process writes its id to.
func controlGroup(t *testing.T, limit int) (group, procs string) {
	t.Helper()
	var failed error
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/memory"} {
		group = filepath.Join(root, fmt.Sprintf("imgmill-test-%d", os.Getpid()))
		if err := os.Mkdir(group, 0o755); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		procs = filepath.Join(group, "cgroup.procs")
		file, err := existing(group, "memory.max", "memory.limit_in_bytes")
		if err == nil {
			err = os.WriteFile(file, []byte(strconv.Itoa(limit)), 0o600)
		}
		if err == nil {
			t.Cleanup(func() {
				var err error
				for range 100 { // until the last process has left
					if err = unix.Rmdir(group); err == nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
				t.Errorf("remove %s: %v", group, err)
			})
			return group, procs
		}
		failed = errors.Join(failed, err, unix.Rmdir(group))
	}
	t.Skipf("no control group with a memory limit can be made here: %v", failed)
	return "", ""
}

// existing returns the first of some files of a folder that exists.
func existing(dir string, names ...string) (string, error) {
	for _, name := range names {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: none of %v: %w", dir, names, fs.ErrNotExist)
}

func readNumber(t *testing.T, dir string, names ...string) string {
	t.Helper()
	path, err := existing(dir, names...)
	if err != nil {
		return "an unknown number"
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// blank returns a PNG of one colour, with bits a sample, of a colour type of the PNG specification
// (section 11.2.1). It is made without its pixels in memory.
func blank(width, height, bits, colorType int, interlaced bool) []byte {
	channels := map[int]int{0: 1, 2: 3, 6: 4}[colorType]
	passes := [][4]int{{0, 0, 1, 1}} // the first column and row, and the distances
	interlace := byte(0)
	if interlaced { // section 8.2
		passes = [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
		interlace = 1
	}
	var data bytes.Buffer
	z, _ := zlib.NewWriterLevel(&data, zlib.BestSpeed) // the level exists
	for _, p := range passes {
		columns, rows := (width-p[0]+p[2]-1)/p[2], (height-p[1]+p[3]-1)/p[3]
		row := 1 + (columns*bits*channels+7)/8 // the first byte is the filter's
		io.CopyN(z, zeros{}, int64(row)*int64(rows))
	}
	z.Close()
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(width)), uint32(height))
	file := []byte("\x89PNG\r\n\x1a\n")
	for _, chunk := range []struct {
		name string
		data []byte
	}{
		{"IHDR", append(header, byte(bits), byte(colorType), 0, 0, interlace)},
		{"IDAT", data.Bytes()},
		{"IEND", nil},
	} {
		file = binary.BigEndian.AppendUint32(file, uint32(len(chunk.data)))
		body := append([]byte(chunk.name), chunk.data...)
		file = append(file, body...)
		file = binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(body))
	}
	return file
}

// zeros is an endless reader.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
