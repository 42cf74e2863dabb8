package mill_test

import (
	"bytes"
	"compress/gzip"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// TestContentEncoding checks that a picture is found in an object that was compressed before it was
// uploaded, and that the label alone decides nothing.
func TestContentEncoding(t *testing.T) {
	photo := sample.Photo(300, 200)
	packed := gzipped(t, photo)
	wrongSum := slices.Clone(packed)
	wrongSum[len(wrongSum)-8] ^= 1
	for _, test := range []struct {
		name, encoding string
		data           []byte
		verdict        outcome.Verdict
		reason         string
	}{
		{"gzip", "gzip", packed, outcome.Done, ""},
		{"its old name, in capitals", "X-GZIP", packed, outcome.Done, ""},
		{"a label over a plain picture", "gzip", photo, outcome.Done, ""},
		{"an unknown label over a plain picture", "br", photo, outcome.Done, ""},
		{"no encoding by its name", "identity", photo, outcome.Done, ""},
		{"another encoding", "br", []byte("\x8b\x02\x80abc\x03"), outcome.Bad, `unsupported: Content-Encoding "br"`},
		{"gzip without a label", "", packed, outcome.Skipped, "not a picture"},
		{"gzip of a text", "gzip", gzipped(t, []byte("some text")), outcome.Skipped, "not a picture"},
		{"cut off", "gzip", packed[:len(packed)/2], outcome.Bad, "corrupt: Content-Encoding gzip"},
		{"a wrong checksum", "gzip", wrongSum, outcome.Bad, "corrupt: Content-Encoding gzip"},
		{"a header alone", "gzip", packed[:4], outcome.Bad, "corrupt: Content-Encoding gzip"},
		{"one byte", "gzip", packed[:1], outcome.Skipped, "not a picture"},
		{"more than the limit once it is decompressed", "gzip", gzipped(t, slices.Concat(photo[:len(photo)-2], make([]byte, 2<<20), photo[len(photo)-2:])),
			outcome.Bad, "the object decompresses to more than 1000000 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, "limits: {bytes: 1MB}\n")
			b.want(b.upload("p.jpg", test.data, bucket.Attributes{ContentEncoding: test.encoding}), test.verdict, test.reason)
			if test.verdict != outcome.Done {
				b.wantOutputs()
				return
			}
			plain := newBench(t, "")
			plain.want(plain.upload("p.jpg", photo, bucket.Attributes{}), outcome.Done, "")
			info, got := b.get("small/p.jpg")
			if _, want := plain.get("small/p.jpg"); !bytes.Equal(got, want) || info.ContentEncoding != "" {
				t.Errorf("the variant differs from that of the plain picture: %+v", info)
			}
		})
	}
}

// TestCopyOfBadKeepsEncoding checks that the copy of a bad upload can still be decompressed.
func TestCopyOfBadKeepsEncoding(t *testing.T) {
	b := newBench(t, "on_bad: {prefix: failed/}\n")
	data := gzipped(t, sample.Photo(60, 40)[:900])
	b.want(b.upload("p.jpg", data, bucket.Attributes{ContentEncoding: "gzip"}), outcome.Bad, "corrupt")
	if info, got := b.get("failed/p.jpg"); info.ContentEncoding != "gzip" || !bytes.Equal(got, data) {
		t.Errorf("the copy is %+v", info)
	}
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
