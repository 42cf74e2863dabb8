package gif

import (
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// headerLength is the length of the signature and the logical screen descriptor (sections 17, 18).
const headerLength = 13

// Block labels (appendix A).
const (
	labelExtension = 0x21
	labelImage     = 0x2c
	labelTrailer   = 0x3b

	graphicControl = 0xf9
	application    = 0xff
)

// Disposal methods: what becomes of a frame before the next one is drawn (section 23).
const (
	restoreBackground = 2
	restorePrevious   = 3
)

// frame is what the blocks before the data of a frame declare.
type frame struct {
	x, y, w, h  int // on the canvas
	interlaced  bool
	table       []byte // red, green and blue of each colour
	transparent int    // the colour index that leaves the canvas as it is, or -1
	disposal    byte
	delay       int // milliseconds
	data        int // offset of the LZW minimum code size
}

// blocks walks the blocks of a file from one frame to the next (appendix A).
type blocks struct {
	file   *file
	i      int // offset of the next block
	s      *codec.Stream
	table  []byte // the global colour table
	frames int    // until now
	loops  int    // how many times the animation plays; 0 means for ever
	xmp    extent // of the XMP packet with what surrounds it; empty if there is none
}

// newBlocks returns the walk of a file, before its first frame, and the logical screen's size.
func newBlocks(f *file, s *codec.Stream) (r *blocks, width, height int, err error) {
	b := f.bytes(0, headerLength)
	if len(b) < headerLength {
		return nil, 0, 0, s.Corrupt(int64(len(b)), "the file ends within its header")
	}
	r = &blocks{file: f, s: s, loops: 1}
	r.table = r.colours(headerLength, b[10])
	r.i = headerLength + tableSize(b[10])
	return r, int(binary.LittleEndian.Uint16(b[6:])), int(binary.LittleEndian.Uint16(b[8:])), nil
}

// next walks to the next frame. ok is false at the end of the file: at the trailer, where the bytes
// end, or at bytes that are no block. The frames until then are those that browsers show.
func (r *blocks) next() (f frame, ok bool, err error) {
	f.transparent, f.delay = -1, codec.ShownDelay(0)
	for r.i < r.file.size {
		switch label := r.file.at(r.i); label {
		case labelExtension:
			r.extension(&f)
		case labelImage:
			if r.i+10 > r.file.size {
				r.i = r.file.size
				return f, false, nil
			}
			r.descriptor(&f)
			r.frames++
			return f, true, nil
		case 0: // filling that some tools leave between blocks
			r.i++
		default:
			if label == labelTrailer || r.frames > 0 {
				r.i = r.file.size
				return f, false, nil
			}
			return f, false, r.s.Corrupt(int64(r.i), "unknown block 0x%02x", label)
		}
	}
	return f, false, nil
}

// descriptor reads the image descriptor and the colour table of a frame (sections 20, 21).
func (r *blocks) descriptor(f *frame) {
	b := r.file.bytes(r.i, 10)
	at := func(k int) int { return int(binary.LittleEndian.Uint16(b[k:])) }
	f.x, f.y, f.w, f.h = at(1), at(3), at(5), at(7)
	flags := b[9]
	f.interlaced = flags&0x40 != 0
	f.table = r.table
	if flags&0x80 != 0 {
		f.table = r.colours(r.i+10, flags)
	}
	f.data = r.i + 10 + tableSize(flags)
	r.i = r.skip(f.data + 1)
}

// extension reads the extensions that change what is shown: the graphic control of the next frame
// (section 23), and the number of loops, which is Netscape's. It remembers where an XMP packet is.
func (r *blocks) extension(f *frame) {
	start := r.i
	b := r.file.bytes(r.i, 18)
	if len(b) >= 8 && b[1] == graphicControl && b[2] >= 4 {
		f.disposal = b[3] >> 2 & 7
		f.delay = codec.ShownDelay(10 * int(binary.LittleEndian.Uint16(b[4:])))
		f.transparent = -1
		if b[3]&1 != 0 {
			f.transparent = int(b[6])
		}
	}
	if len(b) >= 18 && b[1] == application && b[2] == 11 && b[14] >= 3 && b[15] == 1 {
		if name := string(b[3:14]); name == "NETSCAPE2.0" || name == "ANIMEXTS1.0" {
			// The number is that of repetitions, after the first time.
			if r.loops = int(binary.LittleEndian.Uint16(b[16:])); r.loops > 0 {
				r.loops++
			}
		}
	}
	r.i = r.skip(r.i + 2)
	if len(b) >= 14 && b[1] == application && b[2] == 11 && string(b[3:14]) == "XMP DataXMP" && r.xmp.to == 0 {
		r.xmp = extent{start + 14, min(r.i, r.file.size)}
	}
}

// extent is a range of bytes of the file.
type extent struct{ from, to int }

// xmpTrailer is the number of bytes behind an XMP packet: one, then all values downwards, and the end of
// the block. The packet is not divided into sub-blocks. Wherever a reader that takes it for some ends up
// in the trailer, the byte there leads it to the end (XMP Specification Part 3, 1.1.2).
const xmpTrailer = 1 + 256 + 1

// packet returns the XMP packet of the file, or nil.
func (r *blocks) packet() []byte {
	n := r.xmp.to - r.xmp.from - xmpTrailer
	if n <= 0 || n > codec.MaxMetadata {
		return nil
	}
	packet := make([]byte, 0, n)
	for len(packet) < n {
		packet = append(packet, r.file.bytes(r.xmp.from+len(packet), min(n-len(packet), pieceSize))...)
	}
	return packet
}

// tableSize returns the length in bytes of the colour table that a flags byte announces.
func tableSize(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// colours returns the colour table at an offset, as far as the file has it.
func (r *blocks) colours(i int, flags byte) []byte {
	return r.file.bytes(i, tableSize(flags))
}

// skip returns the offset behind a chain of data sub-blocks.
func (r *blocks) skip(i int) int {
	for i < r.file.size {
		n := int(r.file.at(i))
		i += 1 + n
		if n == 0 {
			break
		}
	}
	return i
}
