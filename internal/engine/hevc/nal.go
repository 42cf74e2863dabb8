package hevc

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// Types of NAL units (Table 7-1).
const (
	nalLastTrailing = 9 // RASL_R; 0 to 9 are pictures that are no random access points
	nalFirstIRAP    = 16
	nalIDRWithRADL  = 19
	nalIDRNoLeading = 20
	nalLastIRAP     = 23 // 22 and 23 are reserved
	nalVPS          = 32
	nalSPS          = 33
	nalPPS          = 34
)

// maxParameterSet bounds a parameter set, in bytes. Scaling lists and tiles take at most a few
// kilobytes.
const maxParameterSet = 1 << 16

// nalUnit is a NAL unit with its header (7.3.1).
type nalUnit struct {
	kind   int    // nal_unit_type
	layer  int    // nuh_layer_id
	bytes  []byte // behind the header, with emulation prevention bytes
	number int    // counted from 0 in the data, for errors
}

// nalHeader is how many bytes the header of a NAL unit has. Shorter units say nothing: some writers leave
// an empty one.
const nalHeader = 2

// parseNAL reads the header of a NAL unit, which has one.
func parseNAL(b []byte, number int) (nalUnit, error) {
	if b[0]&0x80 != 0 {
		return nalUnit{}, corrupt("NAL unit %d: its forbidden bit is set", number)
	}
	return nalUnit{kind: int(b[0]) >> 1, layer: int(b[0])&1<<5 | int(b[1])>>3, bytes: b[2:], number: number}, nil
}

// isSlice reports whether the unit is a slice segment of a coded picture.
func (n nalUnit) isSlice() bool {
	return n.kind <= nalLastTrailing || n.kind >= nalFirstIRAP && n.kind <= nalLastIRAP
}

// units is a sequence of NAL units. It ends with the first error.
type units = iter.Seq2[nalUnit, error]

// lengthPrefixed yields the NAL units of data that have lengths of size bytes in front of them
// (ISO/IEC 14496-15).
func lengthPrefixed(data []byte, size int) units {
	return func(yield func(nalUnit, error) bool) {
		rest := data
		for number := 0; len(rest) > 0; number++ {
			if len(rest) < size {
				yield(nalUnit{}, corrupt("NAL unit %d has a length of %d bytes, but %d are left", number, size, len(rest)))
				return
			}
			var n uint64
			for _, b := range rest[:size] {
				n = n<<8 | uint64(b)
			}
			rest = rest[size:]
			if n > uint64(len(rest)) {
				yield(nalUnit{}, corrupt("the length of NAL unit %d is %d, with %d left", number, n, len(rest)))
				return
			}
			unit := rest[:n]
			rest = rest[n:]
			if n < nalHeader {
				continue
			}
			if parsed, err := parseNAL(unit, number); !yield(parsed, err) || err != nil {
				return
			}
		}
	}
}

// startCoded yields the NAL units of a byte stream (Annex B).
func startCoded(stream []byte) units {
	return func(yield func(nalUnit, error) bool) {
		code := []byte{0, 0, 1}
		at := bytes.Index(stream, code)
		for number := 0; at >= 0; number++ {
			stream = stream[at+3:]
			at = bytes.Index(stream, code)
			unit := stream
			if at >= 0 {
				unit = stream[:at]
			}
			if unit = bytes.TrimRight(unit, "\x00"); len(unit) < nalHeader {
				continue
			}
			if n, err := parseNAL(unit, number); !yield(n, err) || err != nil {
				return
			}
		}
	}
}

// unescape appends to dst the payload of a NAL unit, without emulation prevention bytes (7.3.1.1), and
// to removed how many bytes of the result are before each of those.
func unescape(dst []byte, removed []int, b []byte) ([]byte, []int) {
	start := len(dst)
	for {
		at := bytes.Index(b, []byte{0, 0, 3})
		if at < 0 {
			return append(dst, b...), removed
		}
		dst = append(dst, b[:at+2]...)
		removed = append(removed, len(dst)-start)
		b = b[at+3:]
	}
}

// Config is what an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.2.1) says: how long the
// lengths are in front of NAL units, and the parameter sets.
type Config struct {
	lengthSize    int
	parameterSets []nalUnit
}

// ParseConfig reads an HEVCDecoderConfigurationRecord, the contents of an hvcC box. It refers to hvcC.
func ParseConfig(hvcC []byte) (Config, error) {
	const fixed = 23
	if len(hvcC) < fixed {
		return Config{}, corrupt("a configuration record of length %d", len(hvcC))
	}
	if v := hvcC[0]; v != 1 && v != 0 { // some early writers left 0
		return Config{}, unsupported("version %d of the configuration record", v)
	}
	c := Config{lengthSize: int(hvcC[21]&3) + 1}
	if c.lengthSize == 3 {
		return Config{}, corrupt("a configuration record with lengths of 3 bytes")
	}
	b := hvcC[fixed:]
	for range hvcC[22] {
		if len(b) < 3 {
			return Config{}, corrupt("the configuration record ends within its arrays")
		}
		count := int(binary.BigEndian.Uint16(b[1:]))
		b = b[3:]
		for range count {
			if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
				return Config{}, corrupt("the configuration record ends within its arrays")
			}
			n := int(binary.BigEndian.Uint16(b))
			unit := b[2 : 2+n]
			b = b[2+n:]
			if n < nalHeader {
				continue
			}
			parsed, err := parseNAL(unit, len(c.parameterSets))
			if err != nil {
				return Config{}, err
			}
			c.parameterSets = append(c.parameterSets, parsed)
		}
	}
	return c, nil
}
