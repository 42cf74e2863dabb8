package cli_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// client is a program or library that people upload with. Each method ends the test when the upload fails.
type client interface {
	// upload puts a file in, with these headers; a large one in parts.
	upload(t *testing.T, key, file string, with headers)
	// copy copies within the source bucket, headers included; a large object in parts.
	copy(t *testing.T, from, to string)
	// folder makes the object that stands for a folder in consoles: a key that ends with a slash, and no bytes.
	folder(t *testing.T, key string)
}

type headers struct {
	cacheControl string
	metadata     map[string]string
}

// clientTimeout bounds one call of a client.
const clientTimeout = time.Minute

// partSize is that of a multipart upload, and the smallest that S3 allows (Amazon S3 User Guide, "Multipart upload limits").
const partSize = 5 << 20

// maxMemory is what dev may ever use in this test, all servers included. A picture of 100000×100000 would need 30 GB.
const maxMemory = 200 << 20

const (
	plusKey  = "夏休み/red+flower (1) 100%.JPG"
	spaceKey = "a b/c.jpeg"
	bareKey  = "no-extension"
)

// matrix puts all sorts of objects in by a client and looks at what comes out.
func matrix(t *testing.T, connect func(t *testing.T, where s3.Options) client) {
	dir := t.TempDir()
	p := run(t, "dev", "--dir", filepath.Join(dir, "cloud"), "--port", "0")
	where := p.ready(t)
	store, err := s3.Open(where)
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, where)
	with := headers{"public, max-age=3600", map[string]string{"author": "Ana", "title": "red flower"}}

	c.upload(t, plusKey, file(t, "photo.JPG", sample.Photo(1000, 750)), with)
	expectVariant(t, p, store, plusKey, with, 800, 600)
	c.upload(t, spaceKey, file(t, "large.jpeg", noise(t, 2100, 1400)), with)
	expectVariant(t, p, store, spaceKey, with, 800, 533)
	if info, err := store.Head(t.Context(), "photos-input", spaceKey); err != nil || !strings.Contains(info.ETag, "-") || info.Size <= partSize {
		t.Errorf("the large one was not uploaded in parts: etag %s, %d bytes, %v", info.ETag, info.Size, err)
	}
	c.copy(t, plusKey, "copies/ü & co=1.jpg")
	expectVariant(t, p, store, "copies/ü & co=1.jpg", with, 800, 600)
	c.copy(t, spaceKey, "copies/in parts.jpeg")
	// Some clients leave the headers behind when they copy in parts; the variant has what the copy has.
	expectVariant(t, p, store, "copies/in parts.jpeg", headersOf(t, store, "copies/in parts.jpeg"), 800, 533)
	refusals(t, p, c)
	c.upload(t, "after/all.jpg", file(t, "all.jpg", sample.Photo(400, 300)), headers{})
	expectVariant(t, p, store, "after/all.jpg", headers{}, 400, 300)
	if peak, ok := p.peak(); ok {
		t.Logf("dev has used %d MB at most", peak>>20)
		if peak > maxMemory {
			t.Errorf("dev has used %d MB, want %d at most", peak>>20, maxMemory>>20)
		}
	}
	p.interrupt(t)

	recipe := file(t, "imgmill.yaml", []byte("source: {bucket: photos-input, suffixes: []}\ntarget: {bucket: photos-output}\n"))
	p = run(t, "dev", "--dir", filepath.Join(dir, "bare"), "--config", recipe)
	where = p.ready(t)
	if store, err = s3.Open(where); err != nil {
		t.Fatal(err)
	}
	connect(t, where).upload(t, bareKey, file(t, "photo", sample.Photo(1000, 500)), with)
	expectVariant(t, p, store, bareKey, with, 800, 400)
	p.interrupt(t)
}

// refusals: what is no picture, or a bad one, is told with its reason and gives no variant.
func refusals(t *testing.T, p *process, c client) {
	photo := sample.Photo(640, 480)
	for _, r := range []struct {
		key     string
		data    []byte
		verdict string
		reason  string
	}{
		{"refused/empty.jpg", nil, "skipped", "empty"},
		{"refused/letter 1.jpg", []byte("Dear reader, this is no picture.\n"), "skipped", "not a picture"},
		{"refused/cut.jpg", photo[:len(photo)*2/3], "bad", "corrupt jpeg at byte"},
		{"refused/huge.png", hugePNG(), "bad", "over a limit"},
		{"refused/notes.txt", []byte("notes"), "skipped", ""},
	} {
		c.upload(t, r.key, file(t, "upload", r.data), headers{})
		expectRefusal(t, p, r.key, r.verdict, r.reason)
	}
	c.folder(t, "refused/folder.jpg/")
	expectRefusal(t, p, "refused/folder.jpg/", "skipped", "folder")
}

func expectRefusal(t *testing.T, p *process, key, verdict, reason string) {
	t.Helper()
	got, rest := p.verdict(t, key)
	if got != verdict || !regexp.MustCompile(`reason="?[^"]*`+reason).MatchString(rest) {
		t.Errorf("%s is %s: %s; want %s because %q", key, got, rest, verdict, reason)
	}
}

// expectVariant waits for the variant of a key, and compares what it is delivered with.
func expectVariant(t *testing.T, p *process, store *s3.Store, key string, with headers, width, height int) {
	t.Helper()
	if verdict, rest := p.verdict(t, key); verdict != "done" {
		t.Fatalf("%s is %s: %s", key, verdict, rest)
	}
	o, err := store.Get(t.Context(), "photos-output", key, bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	m, err := jpeg.Decode(o.Body)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	if size := m.Bounds().Size(); size != image.Pt(width, height) {
		t.Errorf("%s is %v, want %d×%d", key, size, width, height)
	}
	if o.ContentType != "image/jpeg" || o.CacheControl != with.cacheControl {
		t.Errorf("%s has content type %q and cache control %q, want %q", key, o.ContentType, o.CacheControl, with.cacheControl)
	}
	for name, value := range with.metadata {
		if o.Metadata[name] != value {
			t.Errorf("%s has %s %q in its metadata, want %q", key, name, o.Metadata[name], value)
		}
	}
	in, err := store.Head(t.Context(), "photos-input", key)
	if err != nil {
		t.Fatal(err)
	}
	if o.Metadata[outcome.MetadataSourceETag] != in.ETag {
		t.Errorf("%s is made of %s, but the source is %s", key, o.Metadata[outcome.MetadataSourceETag], in.ETag)
	}
}

// headersOf are those that a source object has.
func headersOf(t *testing.T, store *s3.Store, key string) headers {
	t.Helper()
	info, err := store.Head(t.Context(), "photos-input", key)
	if err != nil {
		t.Fatal(err)
	}
	return headers{info.CacheControl, info.Metadata}
}

// file writes a file into a folder of its own.
func file(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// noise is a JPEG that does not compress: more than one part of a multipart upload.
func noise(t *testing.T, w, h int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	random := rand.NewChaCha8([32]byte{1})
	random.Read(m.Pix)
	for i := 3; i < len(m.Pix); i += 4 {
		m.Pix[i] = 255
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	if b.Len() <= partSize || b.Len() > 4*partSize {
		t.Fatalf("the noise has %d bytes", b.Len())
	}
	return b.Bytes()
}

// hugePNG claims to be 100000×100000 (PNG specification, 11.2.1 IHDR) and has 65 bytes.
func hugePNG() []byte {
	b := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(name string, data []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
		start := len(b)
		b = append(append(b, name...), data...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
	}
	size := binary.BigEndian.AppendUint32(nil, 100_000)
	chunk("IHDR", append(append(size, size...), 8, 2, 0, 0, 0)) // 8 bits, RGB
	chunk("IDAT", []byte{0x78, 0x9c, 0x03, 0, 0, 0, 0, 1})      // an empty zlib stream
	chunk("IEND", nil)
	return b
}
