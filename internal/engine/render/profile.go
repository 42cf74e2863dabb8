package render

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// A profile has room for much beside colour: descriptions and copyright in any language, private
// tags, dates and device names, and bytes between its tags. plainProfile rebuilds it from what
// steers colour (ICC.1:2022, chapters 7 to 10), so that nothing else reaches a variant.

const (
	profileHeader  = 128 // bytes, 7.2
	tagEntry       = 12  // bytes of an entry of the tag table, 7.3
	maxProfileTags = 100
)

// colourTags are the tags that a reader needs to convert from the picture's colours (9.2).
var colourTags = []string{
	"wtpt", "chad", "cicp", "rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC", "kTRC", "A2B0", "A2B1", "A2B2",
}

// plainProfile returns a profile with the effect of another and without its texts, or nil if that
// is none that could be used.
func plainProfile(icc []byte) []byte {
	if len(icc) < profileHeader+4 || string(icc[36:40]) != "acsp" {
		return nil
	}
	tags := map[string][]byte{}
	for _, name := range colourTags {
		if data := colourData(profileTag(icc, name)); data != nil {
			tags[name] = data
		}
	}
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return tags[n] == nil })
	}
	if !has("A2B0") && !has("kTRC") && !has("rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC") {
		return nil
	}
	const about, rights = "Colours of the picture", "None stated"
	if icc[8] >= 4 {
		tags["desc"], tags["cprt"] = multiLocalized(about), multiLocalized(rights)
	} else {
		tags["desc"], tags["cprt"] = textDescription(about), append([]byte("text\x00\x00\x00\x00"+rights), 0)
	}
	return assembleProfile(icc, tags)
}

// profileTag returns the data of a tag, or nil if there is none.
func profileTag(icc []byte, name string) []byte {
	be := binary.BigEndian
	n := int(min(be.Uint32(icc[profileHeader:]), maxProfileTags))
	table := icc[profileHeader+4:]
	for i := 0; i < n && (i+1)*tagEntry <= len(table); i++ {
		e := table[i*tagEntry:]
		if string(e[:4]) != name {
			continue
		}
		at, size := uint64(be.Uint32(e[4:])), uint64(be.Uint32(e[8:]))
		if at < profileHeader || at+size > uint64(len(icc)) {
			return nil
		}
		return icc[at : at+size]
	}
	return nil
}

// colourData returns the data of a tag without reserved fields and without what follows its end, or
// nil if it is damaged or of another type (10.3 to 10.31). A table with curves (mAB) is returned as
// it is.
func colourData(data []byte) []byte {
	if len(data) < 12 {
		return nil
	}
	be := binary.BigEndian
	size := uint64(len(data))
	switch string(data[:4]) {
	case "XYZ ":
		size = 20
	case "cicp":
		size = 12
	case "sf32":
		size = 8 + 9*4
	case "curv":
		size = 12 + 2*uint64(be.Uint32(data[8:]))
	case "para":
		parameters := []uint64{1, 3, 4, 5, 7}
		function := int(be.Uint16(data[8:]))
		if function >= len(parameters) {
			return nil
		}
		size = 12 + 4*parameters[function]
	case "mft1", "mft2":
		if size = tableSize(data); size == 0 {
			return nil
		}
	case "mAB ":
	default:
		return nil
	}
	if size > uint64(len(data)) {
		return nil
	}
	out := bytes.Clone(data[:size])
	clear(out[4:8])
	if string(out[:4]) == "para" {
		clear(out[10:12])
	}
	return out
}

// tableSize returns the bytes of a lut8Type or lut16Type (10.10, 10.11), or 0 if it is damaged.
func tableSize(data []byte) uint64 {
	if len(data) < 52 {
		return 0
	}
	in, out, grid := uint64(data[8]), uint64(data[9]), uint64(data[10])
	if in == 0 || in > 15 || out == 0 || out > 15 {
		return 0
	}
	points := out
	for range in {
		if points *= grid; points > uint64(len(data)) {
			return 0
		}
	}
	if string(data[:4]) == "mft1" {
		return 48 + 256*in + points + 256*out
	}
	be := binary.BigEndian
	return 52 + 2*(uint64(be.Uint16(data[48:]))*in+points+uint64(be.Uint16(data[50:]))*out)
}

// assembleProfile writes a profile with the version, class, spaces, intent and illuminant of
// another. Equal tags share their data.
func assembleProfile(icc []byte, tags map[string][]byte) []byte {
	be := binary.BigEndian
	names := make([]string, 0, len(tags))
	for name := range tags {
		names = append(names, name)
	}
	slices.Sort(names)
	head := make([]byte, profileHeader)
	copy(head[8:24], icc[8:24])   // version, class, colour space, connection space
	clear(head[10:12])            // reserved
	be.PutUint16(head[24:], 2000) // year, month and day of a date that means nothing
	head[27], head[29] = 1, 1
	copy(head[36:], "acsp")
	copy(head[66:80], icc[66:80]) // intent, in its low half, and illuminant
	table := be.AppendUint32(nil, uint32(len(names)))
	var values []byte
	begin := profileHeader + 4 + tagEntry*len(names)
	places := map[string]int{}
	for _, name := range names {
		data := tags[name]
		at, shared := places[string(data)]
		if !shared {
			at = begin + len(values)
			places[string(data)] = at
			values = append(values, data...)
			values = append(values, make([]byte, -len(values)&3)...) // data starts at a multiple of 4
		}
		table = append(table, name...)
		table = be.AppendUint32(be.AppendUint32(table, uint32(at)), uint32(len(data)))
	}
	out := slices.Concat(head, table, values)
	be.PutUint32(out, uint32(len(out)))
	return out
}

// multiLocalized returns a text in US English as multiLocalizedUnicodeType (10.15).
func multiLocalized(text string) []byte {
	be := binary.BigEndian
	out := []byte("mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0cenUS")
	out = be.AppendUint32(be.AppendUint32(out, uint32(2*len(text))), 28)
	for _, c := range []byte(text) {
		out = append(out, 0, c)
	}
	return out
}

// textDescription returns a text as textDescriptionType (ICC.1:2001-04, 6.5.17), in ASCII alone.
func textDescription(text string) []byte {
	out := binary.BigEndian.AppendUint32([]byte("desc\x00\x00\x00\x00"), uint32(len(text)+1))
	out = append(append(out, text...), 0)
	return append(out, make([]byte, 4+4+2+1+67)...)
}
