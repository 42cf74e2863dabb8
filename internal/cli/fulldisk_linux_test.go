package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// TestFullDisk uploads until the disk of dev is full, then fills its last byte. Uploads are refused
// with the reason, dev lives on, and once there is room again, every acknowledged upload gets its
// variant, and new ones are accepted. make faults runs it.
func TestFullDisk(t *testing.T) {
	if os.Getenv("IMGMILL_DISK") == "" {
		t.Skip("IMGMILL_DISK is not set")
	}
	disk := t.TempDir()
	resize := func(flags uintptr, megabytes int) error {
		return unix.Mount("tmpfs", disk, "tmpfs", flags, fmt.Sprintf("size=%dm", megabytes))
	}
	if err := resize(0, 3); errors.Is(err, unix.EPERM) {
		t.Skip("a small disk can only be mounted by root")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	port, err := findPort()
	if err != nil {
		t.Fatal(err)
	}
	// A variant takes longer than an upload, so that some are still to be made when the disk is full.
	config := filepath.Join(t.TempDir(), "slow.yaml")
	const slow = "source: {bucket: photos-input}\ntarget: {bucket: photos-output}\nvariants: {w: {width: 1100, effort: high}}\n"
	if err := os.WriteFile(config, []byte(slow), 0o600); err != nil {
		t.Fatal(err)
	}
	p := run(t, "dev", "--dir", filepath.Join(disk, "dev"), "--port", strconv.Itoa(port), "--config", config)
	t.Cleanup(func() { p.cmd.Process.Kill() }) // before the disk goes
	store := once(p.ready(t))
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, sample.Landscape(1200, 900), &jpeg.Options{Quality: 50}); err != nil {
		t.Fatal(err)
	}
	acked := map[string]string{}
	put := func(key string) error {
		body := fmt.Appendf(bytes.Clone(picture.Bytes()), "upload %d", len(acked)) // behind the picture
		etag, err := store.Put(t.Context(), "photos-input", key, body, bucket.Attributes{}, bucket.Condition{})
		if err == nil {
			acked[key] = etag
		}
		return err
	}
	filler := filepath.Join(disk, "filler")
	refused := func(call func() error) {
		t.Helper()
		var err error
		for n := 0; n < 50 && err == nil; n++ { // what dev has just removed may make room for one more
			fill(t, filler)
			err = call()
		}
		if !errors.Is(err, bucket.ErrTransient) || !strings.Contains(err.Error(), "No space left") {
			t.Errorf("a full disk: %v", err)
		}
	}
	for n := 0; err == nil && n < 200; n++ {
		err = put(keyOf(n))
	}
	refused(func() error { return put(keyOf(0)) })
	refused(func() error { return put("new.jpg") })
	refused(func() error { return store.Delete(t.Context(), "photos-input", keyOf(1), bucket.Condition{}) })
	p.find(t, 0, regexp.MustCompile("verdict=retry .*No space left on device"))

	if err := errors.Join(os.Remove(filler), resize(unix.MS_REMOUNT, 100)); err != nil {
		t.Fatal(err)
	}
	if err := put("new.jpg"); err != nil {
		t.Errorf("with room again: %v", err)
	}
	for key, etag := range acked {
		if from := awaitVariant(t, store, key).Metadata[outcome.MetadataSourceETag]; from != etag {
			t.Errorf("the variant of %s was made from %s, want %s, which was acknowledged", key, from, etag)
		}
	}
	t.Logf("%d uploads before the disk was full", len(acked)-1)
	p.interrupt(t)
}

// fill appends to a file until nothing fits any more.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
}

// awaitVariant waits until there is a variant of a key.
func awaitVariant(t *testing.T, store *s3.Store, key string) bucket.Info {
	t.Helper()
	for end := time.Now().Add(2 * waitTimeout); ; time.Sleep(50 * time.Millisecond) {
		info, err := store.Head(t.Context(), "photos-output", key)
		if err == nil {
			return info
		}
		if time.Now().After(end) {
			t.Fatalf("%s has no variant: %v", key, err)
		}
	}
}
