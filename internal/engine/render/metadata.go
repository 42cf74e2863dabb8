package render

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/iptc"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/xmp"
)

// Metadata is which part of the picture's metadata (EXIF, XMP, IPTC) goes into a variant. A colour
// profile is not metadata; Colour decides about that.
type Metadata string

const (
	Strip     Metadata = "strip"     // nothing; the default
	Copyright Metadata = "copyright" // who made the picture and who may use it, and nothing else
	Keep      Metadata = "keep"      // everything, position included
)

// metadata returns the blocks that go into the file of a job, whose picture is in a space. What was to
// be kept and cannot be is listed in j.dropped, and never makes a picture bad.
func (j *job) metadata(s plane.Space) codec.Metadata {
	switch j.variant.Metadata {
	case Copyright:
		j.dropped = append(j.dropped, j.header.Missing...)
		return j.rights()
	case Keep:
		j.dropped = append(j.dropped, j.header.Missing...)
		return j.kept(s)
	}
	return codec.Metadata{}
}

func (j *job) drop(format string, args ...any) {
	j.dropped = append(j.dropped, fmt.Sprintf(format, args...))
}

// packet reads the XMP packet of the source, or returns nil.
func (j *job) packet() *xmp.Packet {
	if j.header.XMP == nil {
		return nil
	}
	p, err := xmp.Parse(j.header.XMP, j.header.ExtendedXMP)
	if err != nil {
		j.drop("%v", err)
		return nil
	}
	return p
}

// kept returns all blocks for the size that the picture has now and the space that it is in, as far as
// the format holds them.
func (j *job) kept(s plane.Space) (m codec.Metadata) {
	h, f := j.header, j.format
	width, height := j.frame.canvasWidth, j.frame.canvasHeight
	var space uint16 // the picture's own
	if j.variant.Colour != KeepSpace {
		space = exif.SRGB
		if s.ICC != nil {
			space = exif.Uncalibrated
		}
	}
	if h.EXIF != nil && f.EXIF {
		m.EXIF = j.fitting(exif.Resized(h.EXIF, exif.Picture{Width: width, Height: height, ColorSpace: space}))
	}
	if p := j.packet(); p != nil && f.XMP {
		p.Resized(xmp.Picture{Width: width, Height: height, Moved: j.moved(), ColorSpace: int(space)})
		if m.XMP, m.ExtendedXMP = p.Marshal(f.MaxXMP); m.XMP == nil && !p.Empty() {
			j.drop("XMP: it cannot be divided for %s", f.Title)
		}
	}
	if h.IPTC != nil && f.IPTC {
		m.IPTC = iptc.Resized(h.IPTC)
		switch n := len(m.IPTC); {
		case n == 0:
			j.drop("IPTC data: %d bytes that say nothing about the picture", len(h.IPTC))
		case f.MaxIPTC > 0 && n > f.MaxIPTC:
			j.drop("IPTC data: %d bytes, of which %s holds %d", n, f.Title, f.MaxIPTC)
			m.IPTC = nil
		}
	}
	for _, block := range []struct {
		name  string
		has   bool
		holds bool
	}{{"EXIF", h.EXIF != nil, f.EXIF}, {"XMP", h.XMP != nil, f.XMP}, {"IPTC", h.IPTC != nil, f.IPTC}} {
		if block.has && !block.holds {
			j.drop("%s data: %s holds none", block.name, f.Title)
		}
	}
	return m
}

// moved reports whether the variant shows another part of the picture than all of it, as it is stored and without
// anything around it.
func (j *job) moved() bool {
	w, h := upright(j.header)
	f := j.frame
	const pixel = 0.01 // the window may differ from the picture by rounding
	return j.header.Orientation > 1 || f.window.width < float64(w)-pixel || f.window.height < float64(h)-pixel ||
		f.canvasWidth > f.width || f.canvasHeight > f.height
}

// fitting returns an EXIF block of which the format holds no more than a part without what is least
// missed.
func (j *job) fitting(block []byte) []byte {
	most := j.format.MaxEXIF
	if most == 0 || len(block) <= most {
		return block
	}
	j.drop("EXIF maker note and large values: %d bytes in all, of which %s holds %d",
		len(block), j.format.Title, most)
	return exif.Reduced(block, most)
}

// rights returns the blocks that say who made the picture and who may use it: artist and copyright in
// EXIF, and in XMP these and what EXIF has no fields for. Each field is taken from EXIF or, if it is
// empty there, from XMP or, at last, from IPTC.
func (j *job) rights() (m codec.Metadata) {
	h, f := j.header, j.format
	info, _ := exif.Parse(h.EXIF) // returns what could be read beside the error
	var r xmp.Rights
	if p := j.packet(); p != nil {
		r = p.Rights()
	}
	iim := iptc.Read(h.IPTC)
	if len(r.Creators) == 0 {
		r.Creators = iim.Creators
	}
	r.Notice, r.Credit = cmp.Or(r.Notice, iim.Notice), cmp.Or(r.Credit, iim.Credit)
	own := exif.Info{
		Artist:    cmp.Or(info.Artist, strings.Join(r.Creators, "; ")),
		Copyright: cmp.Or(info.Copyright, r.Notice),
	}
	if info.Artist != "" {
		r.Creators = []string{text(info.Artist)}
	}
	if info.Copyright != "" {
		r.Notice = text(notices(info.Copyright))
	}
	if f.EXIF {
		m.EXIF = exif.CopyrightOnly(own)
	}
	if f.XMP {
		m.XMP, m.ExtendedXMP = xmp.New(r).Marshal(f.MaxXMP)
	}
	return m
}

// notices returns the photographer's and the editor's notice, which a NUL separates in EXIF.
func notices(copyright string) string {
	photographer, editor, _ := strings.Cut(copyright, "\x00")
	photographer, editor = strings.TrimSpace(photographer), strings.TrimSpace(editor)
	if photographer == "" || editor == "" {
		return photographer + editor
	}
	return photographer + "; " + editor
}

// text returns a text of EXIF, which names no encoding, as UTF-8: where it is not that, it is taken for
// Latin-1.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return iptc.Latin1(s)
}
