package cli_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"io"
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

// client is a program or library that people upload with. Its methods end the test if they fail.
type client interface {
	// upload uploads a file with these headers, a large one in parts.
	upload(t *testing.T, key, file string, with headers)
	// copy copies an object with its headers within the source bucket, a large one in parts.
	copy(t *testing.T, from, to string)
	// folder creates the object that represents a folder in consoles: its key ends with a slash,
	// and it has no bytes.
	folder(t *testing.T, key string)
	// fetch downloads an object. The client must not warn of anything.
	fetch(t *testing.T, bucket, key string) []byte
}

type headers struct {
	cacheControl string
	metadata     map[string]string
}

// clientTimeout limits one call of a client.
const clientTimeout = time.Minute

// partSize is the size of the parts of a multipart upload, the smallest that S3 allows (Amazon S3
// User Guide, "Multipart upload limits").
const partSize = 5 << 20

// maxMemory is the most memory that dev may use in this test, including its servers. A picture of
// 100000×100000 would need 30 GB.
const maxMemory = 200 << 20

const (
	plusKey  = "夏休み/red+flower (1) 100%.JPG"
	spaceKey = "a b/c.jpeg"
	bareKey  = "no-extension"
)

// testClient uploads and copies all sorts of objects with a client, and checks their variants.
func testClient(t *testing.T, connect func(t *testing.T, where s3.Options) client) {
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
	expectVariant(t, p, c, store, plusKey, with, 800, 600)
	c.upload(t, spaceKey, file(t, "large.jpeg", noise(t, 2100, 1400)), with)
	expectVariant(t, p, c, store, spaceKey, with, 800, 533)
	if info, err := store.Head(t.Context(), "photos-input", spaceKey); err != nil || !strings.Contains(info.ETag, "-") || info.Size <= partSize {
		t.Errorf("the large object was not uploaded in parts: etag %s, %d bytes, %v", info.ETag, info.Size, err)
	}
	c.copy(t, plusKey, "copies/ü & co=1.jpg")
	expectVariant(t, p, c, store, "copies/ü & co=1.jpg", with, 800, 600)
	c.copy(t, spaceKey, "copies/in parts.jpeg")
	// Some clients drop the headers when they copy in parts; the variant has those of the copy.
	expectVariant(t, p, c, store, "copies/in parts.jpeg", headersOf(t, store, "copies/in parts.jpeg"), 800, 533)
	refusals(t, p, c)
	c.upload(t, "after/all.jpg", file(t, "all.jpg", sample.Photo(400, 300)), headers{})
	expectVariant(t, p, c, store, "after/all.jpg", headers{}, 400, 300)
	if peak, ok := p.peak(); ok {
		t.Logf("dev has used at most %d MB", peak>>20)
		if peak > maxMemory {
			t.Errorf("dev has used %d MB, want at most %d", peak>>20, maxMemory>>20)
		}
	}
	p.interrupt(t)

	recipe := file(t, "imgmill.yaml", []byte("source: {bucket: photos-input, suffixes: []}\ntarget: {bucket: photos-output}\n"))
	p = run(t, "dev", "--dir", filepath.Join(dir, "bare"), "--config", recipe)
	where = p.ready(t)
	if store, err = s3.Open(where); err != nil {
		t.Fatal(err)
	}
	c = connect(t, where)
	c.upload(t, bareKey, file(t, "photo", sample.Photo(1000, 500)), with)
	expectVariant(t, p, c, store, bareKey, with, 800, 400)
	p.interrupt(t)
}

// refusals checks that objects that are not pictures, and bad pictures, are logged with a reason
// and get no variant.
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
		t.Errorf("verdict for %s: %s %s; want %s with reason %q", key, got, rest, verdict, reason)
	}
}

// expectVariant waits for the variant of a key, checks its size and headers, and fetches it with the client.
func expectVariant(t *testing.T, p *process, c client, store *s3.Store, key string, with headers, width, height int) {
	t.Helper()
	if verdict, rest := p.verdict(t, key); verdict != "done" {
		t.Fatalf("verdict for %s: %s %s", key, verdict, rest)
	}
	o, err := store.Get(t.Context(), "photos-output", key, bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	data, err := io.ReadAll(o.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.fetch(t, "photos-output", key); !bytes.Equal(got, data) {
		t.Errorf("the client fetches %d other bytes of %s, which has %d", len(got), key, len(data))
	}
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	if size := m.Bounds().Size(); size != image.Pt(width, height) {
		t.Errorf("%s is %v, want %d×%d", key, size, width, height)
	}
	if o.ContentType != "image/jpeg" || o.CacheControl != with.cacheControl {
		t.Errorf("%s has content type %q and cache control %q, want %q", key, o.ContentType, o.CacheControl, with.cacheControl)
	}
	for name := range with.metadata {
		if value, ok := o.Metadata[name]; ok && !strings.HasPrefix(name, outcome.MetadataPrefix) {
			t.Errorf("%s has %s %q, which may be private, in its metadata", key, name, value)
		}
	}
	in, err := store.Head(t.Context(), "photos-input", key)
	if err != nil {
		t.Fatal(err)
	}
	if o.Metadata[outcome.MetadataSourceETag] != in.ETag {
		t.Errorf("%s was made from %s, but the source is %s", key, o.Metadata[outcome.MetadataSourceETag], in.ETag)
	}
}

// headersOf returns the headers of a source object.
func headersOf(t *testing.T, store *s3.Store, key string) headers {
	t.Helper()
	info, err := store.Head(t.Context(), "photos-input", key)
	if err != nil {
		t.Fatal(err)
	}
	return headers{info.CacheControl, info.Metadata}
}

// file writes a file in a new folder and returns its path.
func file(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// noise returns a JPEG of noise, larger than one part of a multipart upload.
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

// hugePNG returns a PNG of 65 bytes whose header declares 100000×100000 pixels (PNG specification,
// 11.2.1 IHDR).
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
