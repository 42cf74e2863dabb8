package jpeg

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Flags of the metadata of a gain map (ISO 21496-1:2025, C.2). That of a common denominator is of a draft,
// and reserved now; libultrahdr has written such files.
const (
	isoMultichannel      = 0x80
	isoBaseSpace         = 0x40
	isoCommonDenominator = 0x08
)

var errGain = fmt.Errorf("%w: the values of the gain map are invalid", codec.ErrCorrupt)

// parseGainISO reads the metadata of ISO 21496-1: two versions, flags, two headrooms, and for each channel
// five fractions. A common denominator comes before them.
func parseGainISO(b []byte) (*codec.Gain, error) {
	if len(b) < 5 || binary.BigEndian.Uint16(b) != 0 { // the least version that can read it
		return nil, errGain
	}
	flags := b[4]
	channels := 1
	if flags&isoMultichannel != 0 {
		channels = 3
	}
	b = b[5:]
	next := func() (v uint32) {
		v, b = binary.BigEndian.Uint32(b), b[4:]
		return v
	}
	fractions := 2 + 5*channels
	common := flags&isoCommonDenominator != 0
	if common && len(b) < 4+4*fractions || !common && len(b) < 8*fractions {
		return nil, errGain
	}
	var d uint32
	if common {
		d = next()
	}
	ok := true
	fraction := func(signed bool) float64 {
		n := next()
		if !common {
			d = next()
		}
		ok = ok && d != 0
		if signed {
			return float64(int32(n)) / float64(d)
		}
		return float64(n) / float64(d)
	}
	g := &codec.Gain{OwnSpace: flags&isoBaseSpace == 0}
	g.BaseHeadroom, g.AlternateHeadroom = fraction(false), fraction(false)
	for c := range channels {
		g.Min[c], g.Max[c], g.Gamma[c] = fraction(true), fraction(true), fraction(false)
		g.OffsetBase[c], g.OffsetAlternate[c] = fraction(true), fraction(true)
	}
	if channels == 1 {
		shareFirst(g)
	}
	if !ok {
		return nil, errGain
	}
	return g, checkGain(g)
}

func shareFirst(g *codec.Gain) {
	for _, v := range []*[3]float64{&g.Min, &g.Max, &g.Gamma, &g.OffsetBase, &g.OffsetAlternate} {
		v[1], v[2] = v[0], v[0]
	}
}

// checkGain refuses values of which nothing can be made.
func checkGain(g *codec.Gain) error {
	for c := range 3 {
		if !(g.Gamma[c] >= 1.0/1024) || !(g.Max[c] >= g.Min[c]) || !(math.Abs(g.Min[c]) < 64) || !(math.Abs(g.Max[c]) < 64) ||
			!(math.Abs(g.OffsetBase[c]) < 64) || !(math.Abs(g.OffsetAlternate[c]) < 64) || g.Gamma[c] > 64 {
			return errGain
		}
	}
	if !(g.BaseHeadroom < 64) || !(g.AlternateHeadroom < 64) || g.BaseHeadroom < 0 || g.AlternateHeadroom < 0 {
		return errGain
	}
	if g.BaseHeadroom > g.AlternateHeadroom {
		return fmt.Errorf("%w: the base is the HDR picture", errGain)
	}
	return nil
}

// parseGainXMP reads the hdrgm properties of XMP: attributes, elements, or sequences of three. Those that
// are missing have the defaults of Ultra HDR.
func parseGainXMP(packet []byte) (*codec.Gain, error) {
	g := &codec.Gain{
		Gamma: [3]float64{1, 1, 1}, OffsetBase: [3]float64{1. / 64, 1. / 64, 1. / 64},
		OffsetAlternate: [3]float64{1. / 64, 1. / 64, 1. / 64},
	}
	values, err := hdrgm(packet)
	if err != nil {
		return nil, err
	}
	if len(values["Version"]) == 0 || len(values["GainMapMax"]) == 0 || len(values["HDRCapacityMax"]) == 0 {
		return nil, errNoGainMap
	}
	if v := values["BaseRenditionIsHDR"]; len(v) > 0 && strings.EqualFold(v[0], "true") {
		return nil, fmt.Errorf("%w: the base is the HDR picture", errGain)
	}
	for name, to := range map[string]*[3]float64{
		"GainMapMin": &g.Min, "GainMapMax": &g.Max, "Gamma": &g.Gamma, "OffsetSDR": &g.OffsetBase, "OffsetHDR": &g.OffsetAlternate,
	} {
		if err := numbers(values[name], to[:]); err != nil {
			return nil, err
		}
	}
	for name, to := range map[string]*float64{"HDRCapacityMin": &g.BaseHeadroom, "HDRCapacityMax": &g.AlternateHeadroom} {
		v := [1]float64{*to}
		if err := numbers(values[name], v[:]); err != nil {
			return nil, err
		}
		*to = v[0]
	}
	return g, checkGain(g)
}

// numbers parses one text for all of dst, or one for each; no text leaves it.
func numbers(texts []string, dst []float64) error {
	if len(texts) == 0 {
		return nil
	}
	for i := range dst {
		text := texts[min(i, len(texts)-1)]
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return fmt.Errorf("%w: %.20q is no number", errGain, text)
		}
		dst[i] = v
	}
	return nil
}

// hdrgm returns the texts of the properties of the gain map's namespace.
func hdrgm(packet []byte) (map[string][]string, error) {
	values := map[string][]string{}
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimRight(packet, "\x00 ")))
	property := ""
	for {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return values, nil
		case err != nil:
			return nil, fmt.Errorf("%w: %w", errGain, err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name.Space == hdrgmSpace {
				property = t.Name.Local
			}
			for _, a := range t.Attr {
				if a.Name.Space == hdrgmSpace {
					values[a.Name.Local] = []string{a.Value}
				}
			}
		case xml.EndElement:
			if t.Name.Space == hdrgmSpace {
				property = ""
			}
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); property != "" && text != "" {
				values[property] = append(values[property], text)
			}
		}
	}
}

// same reports whether all channels have the same values.
func same(g *codec.Gain) bool {
	h := *g
	shareFirst(&h)
	return h == *g
}

// gainISO writes the metadata of ISO 21496-1.
func gainISO(g *codec.Gain) []byte {
	b := []byte{0, 0, 0, 0, isoBaseSpace}
	if g.OwnSpace {
		b[4] = 0
	}
	channels := 1
	if !same(g) {
		channels = 3
		b[4] |= isoMultichannel
	}
	fraction := func(values ...float64) {
		const d = 1 << 20
		for _, v := range values {
			b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(v*d))))
			b = binary.BigEndian.AppendUint32(b, d)
		}
	}
	fraction(g.BaseHeadroom, g.AlternateHeadroom)
	for c := range channels {
		fraction(g.Min[c], g.Max[c], g.Gamma[c], g.OffsetBase[c], g.OffsetAlternate[c])
	}
	return b
}

// gainXMP writes the hdrgm properties.
func gainXMP(g *codec.Gain) string {
	attributes, elements := "", ""
	add := func(name string, v [3]float64) {
		if v[0] == v[1] && v[0] == v[2] {
			attributes += fmt.Sprintf("\n hdrgm:%s=\"%s\"", name, decimal(v[0]))
			return
		}
		elements += fmt.Sprintf("<hdrgm:%s><rdf:Seq><rdf:li>%s</rdf:li><rdf:li>%s</rdf:li><rdf:li>%s</rdf:li></rdf:Seq></hdrgm:%s>\n",
			name, decimal(v[0]), decimal(v[1]), decimal(v[2]), name)
	}
	add("GainMapMin", g.Min)
	add("GainMapMax", g.Max)
	add("Gamma", g.Gamma)
	add("OffsetSDR", g.OffsetBase)
	add("OffsetHDR", g.OffsetAlternate)
	attributes += fmt.Sprintf("\n hdrgm:HDRCapacityMin=\"%s\"\n hdrgm:HDRCapacityMax=\"%s\"\n hdrgm:BaseRenditionIsHDR=\"False\"",
		decimal(g.BaseHeadroom), decimal(g.AlternateHeadroom))
	return xmpPacket(gainDescription("", attributes, elements))
}

func decimal(v float64) string { return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64) }

// xmpPacket writes XMP with one description.
func xmpPacket(description string) string {
	return `<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
` + description + `</rdf:RDF>
</x:xmpmeta>
`
}

// gainDescription is the RDF description of a gain map: further namespaces, attributes and elements.
func gainDescription(spaces, attributes, elements string) string {
	return `<rdf:Description rdf:about="" xmlns:hdrgm="` + hdrgmSpace + `"` + spaces + `
 hdrgm:Version="1.0"` + attributes + `>
` + elements + `</rdf:Description>
`
}
