package hevc

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// streams are drawn pictures that x265 3.5 encoded, ffmpeg's testsrc2 with noise, and the MD5 sums of
// their planes as ffmpeg 5.1 and libde265 1.0.11 decode them: bytes, or little-endian words for more than
// 8 bits.
var streams = []struct{ name, shows, sum string }{
	{"main", "4:2:0 in CTBs of 64", "5d78e3679e5465728f90f0cc8d7260dc"},
	{"fine", "many coefficients", "ce7745612f1c7eaad076d0439d555168"},
	{"coarse", "large blocks, strong filters", "4e8ad25f6d9983b3ce9b5b0f3fa1fd82"},
	{"wavefront", "entropy_coding_sync_enabled_flag", "20863c3f62fa61392572a1a73ca033c4"},
	{"slices", "three slices", "b3a88d943fe8cf09253278bb0b1c0081"},
	{"scaling", "the default scaling lists", "58194f675bbc98727b4451e41f694f8d"},
	{"skip", "transform_skip_flag", "de76ab45cb16638a7d21c9bd3e4962bb"},
	{"lossless", "cu_transquant_bypass_flag everywhere", "2d6a512e4064176666a1a89af03ed566"},
	{"bypass", "cu_transquant_bypass_flag in some blocks", "c3d5cc1f5b139ffbca13d96795169655"},
	{"groups", "quantization groups of 8×8", "b161674f100eeeb249913d3f328e5a3a"},
	{"depth", "deep transform trees", "82de313491f4cbf63659d46c8be5dc77"},
	{"offsets", "offsets of chroma quantization and of deblocking", "137ddbfb8a4d277571fdcc1767e41378"},
	{"unfiltered", "neither filter, no hidden signs", "23fcfa38a262a4c53eeeabf12d7358a0"},
	{"crop", "a conformance window", "25ce1a924824232a3a0e72ef35659fe3"},
	{"gray", "4:0:0", "88f54237cb85ef9f41b293b6cf8a0eed"},
	{"422", "4:2:2", "5067097167b9b96cc2e28b90396f1424"},
	{"444", "4:4:4", "77aa40da9aa6c55f88da1c4168ecb522"},
	{"422-lossless", "4:2:2 without loss", "be8d17bbbee909be2bb31654e5438563"},
	{"10", "10 bits", "acac9f5fa7bc788d8097640b02442ff4"},
	{"422-10", "4:2:2 with 10 bits", "e6a97ded863466905b40bd4ad38b6a8b"},
	{"444-12", "4:4:4 with 12 bits", "7abfe7b84fdeeb63d9c792347a2d9ad3"},
	// These are by randomStream.
	{"random31", "4:2:2, dependent slice segments, hidden signs, scaling lists", "9e3d3f605fce1b5fd60ca3583e734919"},
	{"random50", "implicit RDPCM, persistent Rice parameters, a wavefront", "fba5d69dd52dca89a70385a30657139e"},
	{"random73", "tiles, rotation, one context for significance", "528982a75233c40c9168b3f84f15b83d"},
	{"random17", "cross-component prediction", "845689041dd81e45f1c431506bacd119"},
	{"random28", "PCM that the filters leave", "7f9f0da3c9de2bf9579ecf492c957aea"},
	{"random36", "chroma offset lists, a wavefront", "af9a51503bc2334cd63e0de14d18cf56"},
	{"random57", "PCM, bypass, a wavefront", "caafe6c0d695a178a9515b6e32c936fb"},
	{"random59", "PCM and sample adaptive offset", "0f07095af702ffe1fece9859c98f28ba"},
	{"random32", "4:0:0, scaling lists of the picture, tiles", "d4d29f466d305bb23e88a4b29c555793"},
	{"random86", "rotation, a wavefront", "121d2b054fa60b124ac4afeba69cb0cd"},
	{"random69", "PCM in 4:4:4", "9165abf031ad9565cbad7d26523ed8c6"},
	{"random33", "12 bits, PCM, tiles", "61229a521b16797ace255b799718d2fb"},
}

// decodeAll decodes a stream and returns its planes one after another: bytes, or little-endian words
// for more than 8 bits.
func decodeAll(d *Decoder, stream []byte) ([]byte, Info, error) {
	in, err := ReadInfoAnnexB(stream)
	if err != nil {
		return nil, in, err
	}
	var planes [3][]byte
	rows := 0
	err = d.DecodeAnnexB(context.Background(), stream, func(b Band) error {
		if b.Y != rows || b.Planes[0].Height > in.BandHeight {
			return errors.New("a band at the wrong place")
		}
		rows += b.Planes[0].Height
		for c, p := range b.Planes {
			for y := range p.Height {
				for _, v := range p.Pix[y*p.Stride : y*p.Stride+p.Width] {
					planes[c] = append(planes[c], byte(v))
					if max(in.BitDepthLuma, in.BitDepthChroma) > 8 {
						planes[c] = append(planes[c], byte(v>>8))
					}
				}
			}
		}
		return nil
	})
	if err == nil && rows != in.Height {
		err = errors.New("rows are missing")
	}
	return append(append(planes[0], planes[1]...), planes[2]...), in, err
}

func sum(b []byte) string {
	s := md5.Sum(b)
	return hex.EncodeToString(s[:])
}

func readStream(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".hevc"))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// One decoder takes all of them, so that what it keeps matters to none.
func TestStreams(t *testing.T) {
	var d Decoder
	for range 2 {
		for _, s := range streams {
			planes, _, err := decodeAll(&d, readStream(t, s.name))
			if err != nil || sum(planes) != s.sum {
				t.Errorf("%s (%s): %s, want %s; error %v", s.name, s.shows, sum(planes), s.sum, err)
			}
		}
	}
}

// A truncated stream is damage wherever it ends, and the decoder goes on to decode others.
func TestTruncated(t *testing.T) {
	var d Decoder
	for _, s := range streams {
		whole := readStream(t, s.name)
		for _, n := range []int{10, len(whole) / 3, len(whole) / 2, len(whole) - 40, len(whole) - 2} {
			if _, _, err := decodeAll(&d, whole[:n]); !errors.Is(err, codec.ErrCorrupt) {
				t.Errorf("%d bytes of %s: error %v", n, s.name, err)
			}
		}
		if planes, _, err := decodeAll(&d, whole); err != nil || sum(planes) != s.sum {
			t.Errorf("%s after damaged ones: %s, error %v", s.name, sum(planes), err)
		}
	}
}

// A part of a picture is never taken for the whole.
func TestMissingSlice(t *testing.T) {
	stream := readStream(t, "slices")
	var slices []int
	for i := range len(stream) - 4 {
		if string(stream[i:i+3]) == "\x00\x00\x01" && stream[i+3]>>1 == nalIDRNoLeading {
			slices = append(slices, i)
		}
	}
	if len(slices) != 3 {
		t.Fatalf("%d slices", len(slices))
	}
	for i, at := range slices {
		end := len(stream)
		if i < 2 {
			end = slices[i+1]
		}
		damaged := append(append([]byte{}, stream[:at]...), stream[end:]...)
		_, _, err := decodeAll(new(Decoder), damaged)
		if !errors.Is(err, codec.ErrCorrupt) || !strings.Contains(err.Error(), "CTB") && i > 0 {
			t.Errorf("without slice %d: %v", i, err)
		}
	}
}

// An error of the sink and the end of the context come back as they are.
func TestSinkError(t *testing.T) {
	stream := readStream(t, "main")
	want := errors.New("enough")
	if err := new(Decoder).DecodeAnnexB(context.Background(), stream, func(Band) error { return want }); err != want {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := new(Decoder).DecodeAnnexB(ctx, stream, func(Band) error { return nil }); err != context.Canceled {
		t.Errorf("error %v", err)
	}
}

// A configuration record and lengths give the picture of the stream with start codes.
func TestConfig(t *testing.T) {
	stream := readStream(t, "crop")
	want, wantInfo, err := decodeAll(new(Decoder), stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{2, 4} {
		hvcC, data := record(stream, size)
		c, err := ParseConfig(hvcC)
		if err != nil {
			t.Fatal(err)
		}
		if in, err := ReadInfo(c, data); err != nil || in != wantInfo {
			t.Errorf("info %+v, error %v", in, err)
		}
		var luma []byte
		err = new(Decoder).Decode(context.Background(), c, data, func(b Band) error {
			p := b.Planes[0]
			for y := range p.Height {
				for _, v := range p.Pix[y*p.Stride : y*p.Stride+p.Width] {
					luma = append(luma, byte(v))
				}
			}
			return nil
		})
		if err != nil || string(luma) != string(want[:len(luma)]) || len(luma) != wantInfo.Width*wantInfo.Height {
			t.Errorf("lengths of %d bytes: error %v", size, err)
		}
		for n := range hvcC {
			if _, err := ParseConfig(hvcC[:n]); !errors.Is(err, codec.ErrCorrupt) && n != 23 {
				t.Fatalf("%d bytes of the record: error %v", n, err)
			}
		}
	}
}

// The samples and the errors do not depend on the number of threads.
func TestThreads(t *testing.T) {
	var one Decoder
	for _, s := range streams {
		stream := readStream(t, s.name)
		if planes, _, err := decodeAll(&one, stream); err != nil || sum(planes) != s.sum || !one.p.pps.wavefronts {
			continue
		}
		for threads := 2; threads <= 4; threads++ {
			d := Decoder{Threads: threads}
			for range 5 {
				if planes, _, err := decodeAll(&d, stream); err != nil || sum(planes) != s.sum {
					t.Errorf("%s with %d threads: %s, error %v", s.name, threads, sum(planes), err)
				}
			}
			for at := 100; at < len(stream); at += 1 + len(stream)/10 {
				damaged := append([]byte{}, stream...)
				damaged[at] ^= 0x10
				want, _, wantErr := decodeAll(&one, damaged)
				planes, _, err := decodeAll(&d, damaged)
				if wantErr == nil && string(planes) != string(want) || (err == nil) != (wantErr == nil) ||
					err != nil && err.Error() != wantErr.Error() {
					t.Errorf("%s, byte %d changed, with %d threads: error %v, want %v", s.name, at, threads, err, wantErr)
				}
			}
		}
	}
}

// What is not decoded is refused by its name.
func TestUnsupported(t *testing.T) {
	g := &randomCoder{Rand: rand.New(rand.NewPCG(1, 1)), ctb: 5, chroma: 1, depth: 16, density: 50}
	g.writeSPS()
	stream := nal(nalSPS, &g.sps, nil)
	if _, err := ReadInfoAnnexB(stream); !errors.Is(err, codec.ErrUnsupported) || !strings.Contains(err.Error(), "16 bits") {
		t.Errorf("16 bits: error %v", err)
	}
	stream = readStream(t, "main")
	at := strings.Index(string(stream), "\x00\x00\x01\x28\x01") + 5 // the header of the slice
	stream[at] = stream[at]&^0b11100 | 0b01000                      // slice_type 1 instead of 2
	if _, err := ReadInfoAnnexB(stream); !errors.Is(err, codec.ErrUnsupported) || !strings.Contains(err.Error(), "a P slice") {
		t.Errorf("prediction from other pictures: error %v", err)
	}
}

// rewritten returns a stream whose slice segments end with some bytes more, and whose substreams lie some
// bytes further apart.
func rewritten(t *testing.T, stream []byte, between, behind string) []byte {
	t.Helper()
	var p picture
	var out []byte
	var before *sliceHeader
	for n, err := range startCoded(stream) {
		if err != nil {
			t.Fatal(err)
		}
		rbsp, removed := unescape(nil, nil, n.bytes)
		if !n.isSlice() {
			if err := p.parameterSet(n); err != nil {
				t.Fatal(err)
			}
			out = append(append(out, 0, 0, 1, byte(n.kind<<1), 1), n.bytes...)
			continue
		}
		h, err := p.parseSlice(n, rbsp, removed, before)
		if err != nil {
			t.Fatal(err)
		}
		before = h
		start := len(rbsp) - len(h.data)
		header, data := rbsp[:start:start], []byte(nil)
		at, from := 0, 0
		for i := range h.entryPoints {
			length := h.substreamLength(i, at)
			at += length
			data = append(append(data, h.data[from:at]...), between...)
			from = at
		}
		data = append(append(data, h.data[from:]...), behind...)
		// The entry points are the last of the header: how many bits each has, less one, and these; before a
		// one and zeros.
		last := 8*start - 1 - bits.TrailingZeros8(header[start-1])
		if n := len(h.entryPoints); n > 0 {
			length := 1
			for !entriesEnd(header, last, length, h.entryPoints) {
				length++
			}
			last -= n*length + 2*bits.Len(uint(length)) - 1
		}
		w := &bitWriter{}
		r := bitReader{data: header}
		for w.n < last {
			w.u(1, int(r.u(1)))
		}
		if h.entryPoints != nil {
			w.ue(31)
		}
		for _, length := range h.entryPoints {
			w.u(32, length+len(between)-1)
		}
		out = append(out, nal(n.kind, w, data)...)
	}
	return out
}

// entriesEnd reports whether the entry points of a slice segment header end at a bit and have so many each.
func entriesEnd(header []byte, end, length int, entries []int) bool {
	r := bitReader{data: header, at: end - len(entries)*length - 2*bits.Len(uint(length)) + 1}
	if r.ue() != uint32(length-1) {
		return false
	}
	for _, e := range entries {
		if e != 1+int(r.u(length)) {
			return false
		}
	}
	return true
}

// Bytes behind a slice segment and between substreams, which other decoders do not look at, change nothing,
// unless what is before them does not end as it must.
func TestBytesBehind(t *testing.T) {
	for _, s := range streams {
		stream := readStream(t, s.name)
		for _, c := range []struct{ between, behind string }{{"", ""}, {"", "left"}, {"left", "\x01"}} {
			changed := rewritten(t, stream, c.between, c.behind)
			if c.between != "" && s.name == "slices" && len(changed) <= len(stream) {
				t.Error("nothing is between the substreams")
			}
			for threads := 1; threads <= 3; threads++ {
				d := Decoder{Threads: threads}
				planes, _, err := decodeAll(&d, changed)
				if c.behind != "" && strings.HasPrefix(s.name, "random") { // its data end in random bits
					if !errors.Is(err, codec.ErrCorrupt) {
						t.Errorf("%s, %q and %q, %d threads: error %v", s.name, c.between, c.behind, threads, err)
					}
				} else if err != nil || sum(planes) != s.sum {
					t.Errorf("%s, %q and %q, %d threads: %s, error %v", s.name, c.between, c.behind, threads, sum(planes), err)
				}
			}
		}
	}
}

// Empty NAL units, and those of types that say nothing about the picture, are passed over wherever they are.
func TestOtherUnits(t *testing.T) {
	others := [][]byte{{}, {0}, {35 << 1, 1, 0x50}, {38 << 1, 1, 0xff, 0x80}, {39 << 1, 1, 5, 1, 0, 0x80}, {40 << 1, 1, 0x80},
		{41 << 1, 1}, {48 << 1, 1, 1}, {63 << 1, 1, 1}, {10 << 1, 1, 1}, {31 << 1, 1, 1}, {33 << 1, 1 << 3, 0xff}}
	for _, name := range []string{"slices", "wavefront"} {
		var units [][]byte
		for n, err := range startCoded(readStream(t, name)) {
			if err != nil {
				t.Fatal(err)
			}
			units = append(append(units, others...), append([]byte{byte(n.kind << 1), 1}, n.bytes...))
		}
		var data []byte
		for _, u := range append(units, others...) {
			data = append(binary.BigEndian.AppendUint32(data, uint32(len(u))), u...)
		}
		c, err := ParseConfig(append(make([]byte, 21), 3, 0)) // lengths of 4 bytes, no parameter sets
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		if err := new(Decoder).Decode(t.Context(), c, data, func(b Band) error { rows += b.Planes[0].Height; return nil }); err != nil || rows == 0 {
			t.Errorf("%s: %d rows, error %v", name, rows, err)
		}
	}
}
