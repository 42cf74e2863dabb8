package colour

import (
	"encoding/binary"
	"fmt"
	"math"
)

const (
	headerSize = 128
	maxTags    = 100 // real profiles have about 20

	// MaxProfile is the length, in bytes, of the longest profile that is read; the longest in use have 4 MB.
	MaxProfile = 8 << 20
)

// profile is a parsed ICC profile: its header and tag table (ICC.1:2022, 7.2 and 7.3).
type profile struct {
	data  []byte
	class string // device class: "scnr", "mntr", "prtr", "spac", ...
	space string // data colour space: "RGB ", "GRAY", "CMYK", "Lab "
	pcs   string // profile connection space: "XYZ " or "Lab "
	major byte   // of the version
	tags  map[string][]byte
}

// Intent is how colours are rendered that two spaces do not have in common (ICC.1:2022, 6.2).
type Intent uint8

const (
	// Relative is the relative colorimetric intent: colours stay as they are, relative to white.
	Relative Intent = iota
	// Perceptual is the perceptual intent: a profile of tables may change all colours so that the picture
	// looks right. It includes black-point compensation, because the profiles that are written are of
	// version 4, whose perceptual intent fixes where black is.
	Perceptual
)

// Rendering is how a profile is read.
type Rendering struct {
	Intent Intent
	// BlackPoint scales light so that the darkest colour of the profile becomes black (ISO 18619).
	BlackPoint bool
}

// ParseICC returns the space of the samples that a profile describes: gray, RGB or CMYK, by matrix and
// curves or by tables. Tables of the intent take precedence over those of the other one.
// Errors wrap ErrProfile. data must not change afterwards.
func ParseICC(data []byte, r Rendering) (Source, error) {
	p, err := parseProfile(data)
	if err != nil {
		return nil, err
	}
	s, err := p.source(r.Intent)
	if err != nil {
		return nil, err
	}
	if r.BlackPoint || r.Intent == Perceptual {
		s = p.compensate(s, r.Intent)
	}
	return s, nil
}

// source returns the space of the samples by an intent.
func (p *profile) source(intent Intent) (Source, error) {
	channels := p.channels()
	if channels == 0 {
		return nil, fmt.Errorf("%w: samples of colour space %q", ErrProfile, p.space)
	}
	for _, tag := range intent.tags() {
		if p.tags[tag] == nil {
			continue
		}
		lut, err := p.parseLUT(tag)
		if err == nil && lut.in != channels {
			err = fmt.Errorf("%w: inputs of %s: %d, want %d", ErrProfile, tag, lut.in, channels)
		}
		return lut, err
	}
	switch channels {
	case 1:
		return p.gray()
	case 3:
		return p.matrixTRC()
	}
	return nil, fmt.Errorf("%w: a CMYK profile without tables", ErrProfile)
}

func (p *profile) channels() int { return map[string]int{"GRAY": 1, "RGB ": 3, "CMYK": 4}[p.space] }

// tags are the tables of an intent, in order of precedence (9.2).
func (i Intent) tags() []string {
	if i == Perceptual {
		return []string{"A2B0", "A2B1"}
	}
	return []string{"A2B1", "A2B0"}
}

func parseProfile(data []byte) (*profile, error) {
	if len(data) > MaxProfile {
		return nil, fmt.Errorf("%w: it has %d bytes, more than %d", ErrProfile, len(data), MaxProfile)
	}
	if len(data) < headerSize+4 || string(data[36:40]) != "acsp" {
		return nil, fmt.Errorf("%w: no header", ErrProfile)
	}
	p := &profile{
		data: data, class: string(data[12:16]), space: string(data[16:20]), pcs: string(data[20:24]),
		major: data[8], tags: map[string][]byte{},
	}
	if p.pcs != "XYZ " && p.pcs != "Lab " {
		return nil, fmt.Errorf("%w: connection space %q", ErrProfile, p.pcs)
	}
	n := binary.BigEndian.Uint32(data[headerSize:])
	if n > maxTags {
		return nil, fmt.Errorf("%w: %d tags", ErrProfile, n)
	}
	end := min(uint64(len(data)), uint64(binary.BigEndian.Uint32(data))) // of the profile, as it says
	for i := range int(n) {
		entry := headerSize + 4 + 12*i
		if entry+12 > len(data) {
			return nil, fmt.Errorf("%w: the tag table ends early", ErrProfile)
		}
		offset, size := uint64(binary.BigEndian.Uint32(data[entry+4:])), uint64(binary.BigEndian.Uint32(data[entry+8:]))
		if offset+size <= end && size >= 8 {
			p.tags[string(data[entry:entry+4])] = data[offset : offset+size : offset+size]
		}
	}
	return p, nil
}

// s15Fixed16 reads a signed number with 16 fractional bits (4.6).
func s15Fixed16(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }

// xyz reads a tag of type XYZ (10.31).
func (p *profile) xyz(tag string) (XYZ, error) {
	b := p.tags[tag]
	if len(b) < 20 || string(b[:4]) != "XYZ " {
		return XYZ{}, fmt.Errorf("%w: no colorant %s", ErrProfile, tag)
	}
	return XYZ{s15Fixed16(b[8:]), s15Fixed16(b[12:]), s15Fixed16(b[16:])}, nil
}

// matrixTRC returns a space of three curves and three colorants (F.3). Colorants are light, whatever the
// connection space: some profiles declare L*a*b* for the sake of tables that they do not have.
func (p *profile) matrixTRC() (Source, error) {
	s := new(rgbSpace)
	for i, name := range []string{"r", "g", "b"} {
		c, err := p.xyz(name + "XYZ")
		if err != nil {
			return nil, err
		}
		if s.curve[i], err = parseCurveTag(p.tags[name+"TRC"]); err != nil {
			return nil, err
		}
		for k := range 3 {
			s.matrix[k][i] = c[k]
		}
	}
	if _, ok := s.matrix.inverse(); !ok {
		return nil, fmt.Errorf("%w: the colorants lie in a plane", ErrProfile)
	}
	return s, nil
}

// gray returns a space of one curve (F.2). With a Lab connection space the curve is that of L*.
func (p *profile) gray() (Source, error) {
	curve, err := parseCurveTag(p.tags["kTRC"])
	if err != nil {
		return nil, err
	}
	if p.pcs == "Lab " {
		inner := curve
		curve = func(v float64) float64 { return labToXYZ([3]float64{100 * inner(v), 0, 0})[1] }
	}
	return &graySpace{curve}, nil
}

// labToXYZ converts CIE L*a*b* relative to D50 (ISO 11664-4).
func labToXYZ(lab [3]float64) XYZ {
	f := func(t float64) float64 {
		if t > 6.0/29 {
			return t * t * t
		}
		return 3 * 36.0 / 841 * (t - 4.0/29)
	}
	y := (lab[0] + 16) / 116
	return XYZ{d50[0] * f(y+lab[1]/500), d50[1] * f(y), d50[2] * f(y-lab[2]/200)}
}

// clamp01 bounds v; NaN becomes 0.
func clamp01(v float64) float64 {
	if !(v > 0) || math.IsNaN(v) {
		return 0
	}
	return min(v, 1)
}
