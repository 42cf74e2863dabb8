package psd

import (
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/iptc"
)

// info is what the sections before the picture declare.
type info struct {
	large         bool
	channels      int
	width, height int
	depth, mode   int
	palette       []byte // 256 of red, then green, then blue; only indexed
	transparent   int    // the colour index that is transparent, or -1
	icc           []byte
	meta          codec.Metadata
	alpha         bool // the first channel beyond the colours is the picture's alpha
}

// readHeader reads all sections before the picture.
func readHeader(r *reader) (*info, error) {
	b := r.bytes(26)
	if r.err != nil {
		return nil, r.err
	}
	u16 := func(i int) int { return int(b[i])<<8 | int(b[i+1]) }
	u32 := func(i int) int { return u16(i)<<16 | u16(i+2) }
	h := &info{
		large: u16(4) == 2, channels: u16(12), height: u32(14), width: u32(18),
		depth: u16(22), mode: u16(24), transparent: -1,
	}
	r.large = h.large
	if h.width < 1 || h.height < 1 || h.width > 300000 || h.height > 300000 || h.channels > 56 {
		return nil, r.s.Corrupt(12, "%d channels of %d×%d", h.channels, h.width, h.height)
	}
	if err := h.supported(r.s); err != nil {
		return nil, err
	}
	h.colourData(r)
	h.resources(r)
	h.layers(r)
	return h, r.err
}

// supported checks that mode and depth are read.
func (h *info) supported(s *codec.Stream) error {
	if name := modeNames[h.mode]; name != "" {
		return fmt.Errorf("%w: a PSD of mode %s; save it as RGB", codec.ErrUnsupported, name)
	}
	if h.colours() == 0 {
		return s.Corrupt(24, "mode %d", h.mode)
	}
	if h.depth == 32 {
		return fmt.Errorf("%w: a PSD of 32 bits per sample; save it with 8 or 16", codec.ErrUnsupported)
	}
	valid := h.depth == 1
	if h.mode != bitmap {
		valid = h.depth == 8 || h.depth == 16 && h.mode != indexed
	}
	if !valid {
		return s.Corrupt(22, "depth %d in mode %d", h.depth, h.mode)
	}
	if h.channels < h.colours() {
		return s.Corrupt(12, "channel count %d in mode %d", h.channels, h.mode)
	}
	return nil
}

// colours is how many channels hold colour; 0 for an unknown mode.
func (h *info) colours() int {
	return map[int]int{bitmap: 1, gray: 1, indexed: 1, duotone: 1, rgb: 3, cmyk: 4}[h.mode]
}

// colourData reads the colour mode data section, which is a palette or to be ignored.
func (h *info) colourData(r *reader) {
	n := r.u32()
	end := r.at + n
	if h.mode == indexed {
		if n < 768 && r.err == nil {
			r.err = r.s.Corrupt(r.at, "a palette of length %d", n)
			return
		}
		h.palette = r.bytes(768)
	}
	r.skip(end)
}

// Image resources.
const (
	resourceICC         = 1039
	resourceTransparent = 1047 // the index of an indexed picture
)

// resources reads the image resources section.
func (h *info) resources(r *reader) {
	n := r.u32()
	end := r.at + n
	for r.err == nil && r.at+12 <= end {
		if string(r.bytes(4)) != "8BIM" {
			break // other programs' resources, or damage: neither changes the pixels
		}
		id := r.u16()
		name := int64(r.bytes(1)[0])
		r.skip(r.at + (name | 1)) // the name and its length have an even number of bytes
		size := r.u32()
		next := r.at + size + size&1
		if next > end {
			break
		}
		switch {
		case id == resourceICC && size <= codec.MaxProfile:
			h.icc = r.bytes(int(size))
		case id == iptc.ResourceEXIF:
			h.block(r, &h.meta.EXIF, "EXIF", size)
		case id == iptc.ResourceXMP:
			h.block(r, &h.meta.XMP, "XMP", size)
		case id == iptc.ResourceIIM:
			h.block(r, &h.meta.IPTC, "IPTC", size)
		case id == resourceTransparent && size == 2 && h.mode == indexed:
			h.transparent = r.u16()
		}
		r.skip(next)
	}
	r.skip(end)
}

// block reads a block of metadata, unless it is too large.
func (h *info) block(r *reader, to *[]byte, name string, size int64) {
	if size > codec.MaxMetadata {
		h.meta.Lacks("%s: %d bytes, more than %d", name, size, codec.MaxMetadata)
		return
	}
	*to = r.bytes(int(size))
}

// layers reads the layer and mask information section for the sign of the number of layers.
func (h *info) layers(r *reader) {
	n := r.length(true)
	end := r.at + n
	if n > 0 {
		layers := r.length(true)
		next := r.at + layers
		if layers >= 2 {
			h.alpha = int16(r.u16()) < 0
		}
		if next <= end {
			r.skip(next)
			h.deepLayers(r, end)
		}
	}
	h.alpha = h.alpha && h.channels > h.colours() && h.mode != bitmap && h.mode != indexed
	r.skip(end)
}

// wideBlocks are the additional blocks whose length has 8 bytes in a PSB.
var wideBlocks = map[string]bool{
	"LMsk": true, "Lr16": true, "Lr32": true, "Layr": true, "Mt16": true, "Mt32": true, "Mtrn": true,
	"Alph": true, "FMsk": true, "lnk2": true, "FEid": true, "FXid": true, "PxSD": true,
}

// deepLayers looks for the layers of a file of 16 bits, which are in an additional block.
func (h *info) deepLayers(r *reader, end int64) {
	if r.at+4 > end {
		return
	}
	mask := r.u32()
	r.skip(r.at + mask)
	for r.err == nil && r.at+12 <= end {
		if sign := string(r.bytes(4)); sign != "8BIM" && sign != "8B64" {
			return
		}
		key := string(r.bytes(4))
		size := r.length(wideBlocks[key])
		next := r.at + (size+3)&^3
		if next > end {
			return
		}
		if (key == "Lr16" || key == "Lr32") && size >= 2 {
			h.alpha = int16(r.u16()) < 0
		}
		r.skip(next)
	}
}
