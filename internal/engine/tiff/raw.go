package tiff

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/jpeg/decode"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Camera raw files are TIFFs whose first directory is usually a thumbnail, and whose photograph is
// sensor data, which nothing here develops. They contain a JPEG that the camera made of it. That is
// shown if it is large; a thumbnail never is.

const (
	tagMake      = 271
	tagJPEGOfRaw = 46 // Panasonic

	// minPreview is the longer side in pixels from which on a preview stands for the photograph.
	minPreview = 1000
	// maxRawDirectories bounds the directories that are looked into.
	maxRawDirectories = 64
	// maxPreviews bounds the JPEG files whose headers are read.
	maxPreviews = 64
)

// sensorCompression are schemes that only sensor data has: of Kodak, Sony, Nikon, Samsung, Pentax,
// and lossy DNG.
var sensorCompression = map[int]bool{
	262: true, 32767: true, 32769: true, 32770: true, 34713: true, 34892: true, 65000: true, 65535: true,
}

// rawMagic are the bytes of files of Olympus and Panasonic, which have another number than 42.
var rawMagic = []string{"IIRO", "IIRS", "MMOR", "IIU\x00"}

func hasRawMagic(head []byte) bool {
	for _, m := range rawMagic {
		if bytes.HasPrefix(head, []byte(m)) {
			return true
		}
	}
	return false
}

// number returns the first value of a tag, or otherwise.
func (c *container) number(d *directory, tag uint16, otherwise int) int {
	e, ok := d.find(tag)
	if !ok || e.count == 0 {
		return otherwise
	}
	v, err := c.integer(e, 0)
	if err != nil {
		return otherwise
	}
	return int(min(v, math.MaxInt32))
}

// sensor reports whether a directory is of sensor data.
func (c *container) sensor(d *directory) bool {
	p := c.number(d, tagPhotometric, -1)
	return p == cfa || p == linearRaw || sensorCompression[c.number(d, tagCompression, 1)]
}

// rawDirectories returns the directories of a camera raw file, or nil if it is none.
func (c *container) rawDirectories(first *directory) ([]*directory, error) {
	head, err := c.bytes(0, 10)
	if err != nil {
		return nil, err
	}
	raw := hasRawMagic(head) || string(head[8:10]) == "CR" && !c.big && c.first >= 16
	_, camera := first.find(tagMake)
	_, dng := first.find(tagDNGVersion)
	_, sub := first.find(tagSubIFDs)
	small := c.number(first, tagNewSubfileType, 0)&1 != 0
	if !raw && !camera && !dng && !sub && !small && !c.sensor(first) {
		return nil, nil
	}
	all := c.related(first)
	if c.s.Err() != nil {
		return nil, c.s.Err()
	}
	raw = raw || dng && small
	for _, d := range all {
		raw = raw || c.sensor(d)
	}
	if !raw {
		return nil, nil
	}
	return all, nil
}

// related returns a directory, those that it names as its children, and those behind it. Broken ones
// are left out.
func (c *container) related(first *directory) []*directory {
	all := []*directory{first}
	seen := map[int64]bool{0: true, first.at: true}
	add := func(at int64) {
		if seen[at] || len(all) >= maxRawDirectories {
			return
		}
		seen[at] = true
		if d, err := c.directory(at); err == nil {
			all = append(all, d)
		}
	}
	for i := 0; i < len(all); i++ {
		if e, ok := all[i].find(tagSubIFDs); ok {
			children, err := c.integers(e, maxRawDirectories)
			if err != nil {
				continue
			}
			for _, at := range children {
				add(int64(at))
			}
		}
		add(all[i].next)
	}
	return all
}

// span is a range of the file.
type span struct{ at, end int64 }

// previews lists where the directories say that JPEG files are.
func (c *container) previews(all []*directory) []span {
	var found []span
	add := func(at, n int) {
		if at > 0 && n > 0 {
			found = append(found, span{int64(at), int64(at) + int64(n)})
		}
	}
	for _, d := range all {
		add(c.number(d, tagJPEGInterchange, 0), c.number(d, tagJPEGLength, 0))
		if e, ok := d.find(tagJPEGOfRaw); ok && e.typ == typeUndefined {
			add(int(min(e.at, math.MaxInt32)), int(min(e.size(), math.MaxInt32)))
		}
		scheme := c.number(d, tagCompression, 1)
		if c.sensor(d) {
			continue
		}
		if e, ok := d.find(tagStripOffsets); ok && e.count == 1 && (scheme == jpegOld || scheme == jpegNew) {
			add(c.number(d, tagStripOffsets, 0), c.number(d, tagStripByteCounts, 0))
		}
	}
	return found
}

// scan lists all places of the file where a JPEG file may begin: some cameras name their previews in
// notes of their own only.
func (c *container) scan() ([]span, error) {
	if _, err := c.load(math.MaxInt64); err != nil {
		return nil, err
	}
	var found []span
	for at := int64(0); at+3 <= c.size && len(found) < maxPreviews; {
		piece, err := c.piece(at)
		if err != nil {
			return nil, err
		}
		i := bytes.IndexByte(piece, 0xFF)
		if i < 0 {
			at += int64(len(piece))
			continue
		}
		at += int64(i)
		if c.startsJPEG(at) {
			if b, err := c.bytes(at+3, 1); err == nil && b[0] >= 0xC0 { // a marker
				found = append(found, span{at, c.size})
			}
		}
		at++
	}
	return found, nil
}

// preview is a decoder of the JPEG that a camera made of its raw file.
type preview struct {
	header codec.Header
	c      *container
	at     int64
	j      *decode.Decoder
}

// openRaw opens the largest preview of a camera raw file. It returns nil for other files.
func (c *container) openRaw(first *directory, h codec.Header, o codec.OpenOptions) (codec.Decoder, error) {
	all, err := c.rawDirectories(first)
	if all == nil || err != nil {
		return nil, err
	}
	photograph := 0 // longer side in pixels
	for _, d := range all {
		if c.sensor(d) {
			photograph = max(photograph, c.number(d, tagImageWidth, 0), c.number(d, tagImageLength, 0))
		}
	}
	enough := func(p *preview) bool {
		longer := max(p.header.Width, p.header.Height)
		return longer >= minPreview || photograph > 0 && longer >= photograph/10*9
	}
	best, err := c.largest(c.previews(all), o)
	if err == nil && (best == nil || !enough(best)) {
		var places []span
		if places, err = c.scan(); err == nil {
			best, err = c.largest(places, o)
		}
	}
	if err != nil {
		return nil, err
	}
	if best == nil || !enough(best) {
		return nil, fmt.Errorf("%w: camera raw without a large preview; export it as JPEG", codec.ErrUnsupported)
	}
	header := best.j.Header()
	h.Width, h.Height, h.Layout = header.Width, header.Height, header.Layout
	h.Layout.Space.ICC = header.ICC
	h.Preview = fmt.Sprintf("JPEG preview of %d×%d pixels in a camera raw file", h.Width, h.Height)
	icc := h.Layout.Space.ICC
	if err := c.describe(&h, first); err != nil {
		return nil, err
	}
	h.Layout.Space.ICC = icc
	// What the camera wrote into the preview is complete, and its offsets are right there.
	if header.EXIF != nil {
		h.SetEXIF(header.EXIF)
		h.Missing = header.Missing
	}
	if h.XMP == nil {
		h.XMP, h.ExtendedXMP = header.XMP, header.ExtendedXMP
	}
	if h.IPTC == nil {
		h.IPTC = header.IPTC
	}
	best.header = h
	return best, nil
}

// largest returns the preview with the most pixels that can be decoded, or nil.
func (c *container) largest(places []span, o codec.OpenOptions) (*preview, error) {
	var best *preview
	for _, p := range places[:min(len(places), maxPreviews)] {
		if _, err := c.load(p.end); err != nil {
			return nil, err
		}
		if !c.startsJPEG(p.at) {
			continue
		}
		s := &section{f: c.file}
		s.reset(p.at, min(p.end, c.size))
		j, err := decode.New(s, decode.Options{Threads: o.Threads})
		if err != nil {
			continue
		}
		// In some files sensor data is a lossless JPEG: of more bits, or of 2 or 4 components.
		if n := len(j.Header().Components); j.Header().Precision != 8 || n != 1 && n != 3 {
			continue
		}
		h := codec.Header{Width: j.Header().Width, Height: j.Header().Height}
		if best == nil || h.Width*h.Height > best.header.Width*best.header.Height {
			best = &preview{h, c, p.at, j}
		}
	}
	return best, nil
}

// Header implements codec.Decoder.
func (p *preview) Header() codec.Header { return p.header }

// Shrink implements codec.Decoder.
func (p *preview) Shrink(width, height int) plane.Layout {
	l := p.j.Shrink(width, height)
	l.Space = p.header.Layout.Space
	return l
}

// Memory implements codec.Decoder: the file, and the JPEG decoder.
func (p *preview) Memory() int64 { return p.c.held() + p.j.Memory() }

// Length implements codec.Decoder.
func (p *preview) Length(enough int64) (int64, error) { return p.c.s.Length(enough) }

// Decode implements codec.Decoder.
func (p *preview) Decode(ctx context.Context, sink plane.Sink) (codec.Report, error) {
	r, err := p.j.Decode(ctx, sink)
	var report codec.Report
	if r.Damage != "" {
		report.Damage = p.c.s.Corrupt(p.at, "JPEG data: %s", r.Damage)
	}
	if err != nil && !errors.Is(err, plane.ErrEnough) {
		err = p.c.jpegFault(err, p.at)
	}
	return report, err
}
