package jpeg

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// A JPEG with a gain map (Android's Ultra HDR image format 1.1; ISO 21496-1:2025, annex C) is two JPEG files
// one behind the other. The first announces the second in its XMP or in an APP2 segment, and an MPF segment
// (CIPA DC-007) says where it lies. What its samples mean is in the second file's own XMP or APP2 segment:
// the latter counts, if it has both.

const (
	mpfPrefix = "MPF\x00"
	isoPrefix = "urn:iso:std:iso:ts:21496:-1\x00"

	hdrgmSpace = "http://ns.adobe.com/hdr-gain-map/1.0/"

	maxGainMap = 16 << 20 // bytes; those of cameras have less than 1 MB
)

// gainMapHints are what the header of the first file says about the second.
type gainMapHints struct {
	announced bool
	at        int64 // where the second file begins; 0 if that is unknown
}

// read takes in an APP1 or APP2 segment, whose body begins at an offset of the file.
func (h *gainMapHints) read(body []byte, offset int64) {
	switch {
	case bytes.HasPrefix(body, []byte(stream.XMPPrefix)):
		h.announced = h.announced || bytes.Contains(body, []byte(hdrgmSpace))
	case bytes.HasPrefix(body, []byte(isoPrefix)):
		h.announced = true
	case bytes.HasPrefix(body, []byte(mpfPrefix)) && h.at == 0:
		if second, ok := mpfSecond(body[len(mpfPrefix):]); ok {
			h.at = offset + int64(len(mpfPrefix)) + int64(second)
		}
	}
}

// mpfSecond returns the offset of the second picture in an MPF segment (DC-007, 5.2): that of the second
// entry of tag 0xB002, relative to the byte order mark.
func mpfSecond(b []byte) (uint32, bool) {
	if len(b) < 8 {
		return 0, false
	}
	var order binary.ByteOrder = binary.BigEndian
	if b[0] == 'I' {
		order = binary.LittleEndian
	}
	dir := uint64(order.Uint32(b[4:]))
	if dir+2 > uint64(len(b)) {
		return 0, false
	}
	for i := range uint64(order.Uint16(b[dir:])) {
		at := dir + 2 + 12*i
		if at+12 > uint64(len(b)) {
			return 0, false
		}
		e := b[at:]
		if order.Uint16(e) != 0xB002 {
			continue
		}
		entries := uint64(order.Uint32(e[8:]))
		if order.Uint32(e[4:]) < 32 || entries+32 > uint64(len(b)) {
			return 0, false
		}
		second := order.Uint32(b[entries+16+8:])
		return second, second > 0
	}
	return 0, false
}

var errNoGainMap = fmt.Errorf("%w: the file announces a gain map and has none that can be used", codec.ErrCorrupt)

// GainMap implements codec.GainMapDecoder.
func (d *streamDecoder) GainMap(context.Context) (*codec.GainMap, error) {
	if !d.hints.announced {
		return nil, nil
	}
	file, err := io.ReadAll(io.LimitReader(d.d.Rest(d.hints.at), maxGainMap))
	if failed := d.stream.Err(); failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, fmt.Errorf("read the gain map: %w", err)
	}
	start := bytes.Index(file, []byte{0xFF, stream.SOI, 0xFF})
	if start < 0 {
		return nil, errNoGainMap
	}
	file = file[start:]
	gain, err := gainOf(file)
	if err != nil {
		return nil, err
	}
	return &codec.GainMap{File: file, Gain: *gain}, nil
}

// gainOf reads what the samples of a gain map mean from the segments of its file.
func gainOf(file []byte) (gain *codec.Gain, err error) {
	for _, s := range appSegments(file) {
		switch body := s.body; {
		case s.marker == stream.APP2 && bytes.HasPrefix(body, []byte(isoPrefix)):
			if g, isoErr := parseGainISO(body[len(isoPrefix):]); isoErr == nil {
				return g, nil
			}
		case s.marker == stream.APP1 && bytes.HasPrefix(body, []byte(stream.XMPPrefix)) && gain == nil:
			gain, err = parseGainXMP(body[len(stream.XMPPrefix):])
		}
	}
	if gain == nil && err == nil {
		err = errNoGainMap
	}
	return gain, err
}

// appSegment is an application segment, which lies at an offset of its file.
type appSegment struct {
	marker byte
	body   []byte
}

// appSegments returns the application segments before the first one of another kind.
func appSegments(file []byte) (list []appSegment) {
	for at := 2; at+4 <= len(file); {
		n := int(binary.BigEndian.Uint16(file[at+2:]))
		if file[at] != 0xFF || file[at+1] < stream.APP0 || file[at+1] > stream.APP15 || n < 2 || at+2+n > len(file) {
			break
		}
		list = append(list, appSegment{file[at+1], file[at+4 : at+2+n]})
		at += 2 + n
	}
	return list
}
