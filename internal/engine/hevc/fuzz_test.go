package hevc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// held returns how many bytes a decoder keeps in buffers whose sizes depend on the picture.
func held(d *Decoder) int64 {
	p := &d.p
	n := int64(unsafe.Sizeof(*d))
	for c := range 3 {
		n += 2 * int64(cap(p.planes[c].pix)+cap(p.band[c]))
	}
	n += int64(cap(p.cells) + cap(p.qp) + 2*cap(p.filters) + cap(p.sao)*int(unsafe.Sizeof(saoParameters{})))
	return n + int64(cap(p.slices)*int(unsafe.Sizeof(filterParameters{}))+cap(p.aboveMode)+cap(p.aboveDepth))
}

// FuzzDecode decodes arbitrary streams; IMGMILL_HEVC_SEEDS names a folder of more seeds. A picture comes out whole or not at all, errors are permanent,
// and no more memory is held than Info says.
func FuzzDecode(f *testing.F) {
	names, err := filepath.Glob(filepath.Join("testdata", "*.hevc"))
	if err != nil {
		f.Fatal(err)
	}
	if dir := os.Getenv("IMGMILL_HEVC_SEEDS"); dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "*.hevc"))
		if err != nil || more == nil {
			f.Fatalf("no streams in %s: %v", dir, err)
		}
		names = append(names, more...)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		in, err := ReadInfoAnnexB(stream)
		if err == nil && in.Memory() > 32<<20 {
			return
		}
		var d Decoder
		planes, again, err := decodeAll(&d, stream)
		if err != nil {
			if !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrUnsupported) {
				t.Fatalf("error %v", err)
			}
		} else if again != in {
			t.Fatalf("info %+v, then %+v", in, again)
		} else if want := in.Width * in.Height; len(planes) < want {
			t.Fatalf("%d bytes of %d×%d samples", len(planes), in.Width, in.Height)
		}
		if n := held(&d); in.Memory() > 0 && n > in.Memory() {
			t.Fatalf("%d bytes are held for %d×%d samples, not %d", n, in.CodedWidth, in.CodedHeight, in.Memory())
		}
		for threads := 1; threads <= 2; threads++ { // with the buffers of the first time
			d.Threads = threads
			other, _, err2 := decodeAll(&d, stream)
			if err == nil && !bytes.Equal(other, planes) || fmt.Sprint(err2) != fmt.Sprint(err) {
				t.Fatalf("%d threads, another time: error %v, not %v", threads, err2, err)
			}
		}
	})
}

// record returns a configuration record with the parameter sets of a stream, and the slices with
// lengths in front of them.
func record(stream []byte, lengthSize int) (hvcC, data []byte) {
	hvcC = make([]byte, 23)
	hvcC[0], hvcC[21] = 1, byte(lengthSize-1)
	for n := range startCoded(stream) {
		unit := append([]byte{byte(n.kind << 1), 1}, n.bytes...)
		if n.isSlice() {
			length := binary.BigEndian.AppendUint32(nil, uint32(len(unit)))
			data = append(append(data, length[4-lengthSize:]...), unit...)
			continue
		}
		hvcC[22]++
		hvcC = append(hvcC, byte(n.kind), 0, 1)
		hvcC = append(binary.BigEndian.AppendUint16(hvcC, uint16(len(unit))), unit...)
	}
	return hvcC, data
}

// FuzzConfig reads arbitrary configuration records and data.
func FuzzConfig(f *testing.F) {
	stream, err := os.ReadFile(filepath.Join("testdata", "crop.hevc"))
	if err != nil {
		f.Fatal(err)
	}
	for _, size := range []int{2, 4} {
		hvcC, data := record(stream, size)
		f.Add(hvcC, data)
	}
	f.Fuzz(func(t *testing.T, hvcC, data []byte) {
		c, err := ParseConfig(hvcC)
		if err == nil {
			_, err = ReadInfo(c, data)
		}
		if err != nil && !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrUnsupported) {
			t.Fatalf("error %v", err)
		}
	})
}
