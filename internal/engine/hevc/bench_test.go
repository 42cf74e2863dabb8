package hevc

import (
	"context"
	"os"
	"testing"
)

// BenchmarkDecode decodes a stream with start codes, the one in IMGMILL_HEVC or a drawn one.
func BenchmarkDecode(b *testing.B) {
	stream := readStream(b, "main")
	if name := os.Getenv("IMGMILL_HEVC"); name != "" {
		var err error
		if stream, err = os.ReadFile(name); err != nil {
			b.Fatal(err)
		}
	}
	in, err := ReadInfoAnnexB(stream)
	if err != nil {
		b.Fatal(err)
	}
	var d Decoder
	b.SetBytes(int64(in.Width * in.Height))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.DecodeAnnexB(context.Background(), stream, func(Band) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
