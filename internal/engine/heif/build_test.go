package heif

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// This file writes HEIF files for the tests, box by box, around coded pictures.

// pack joins fields: texts and bytes as they are, integers big-endian in their size.
func pack(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		default:
			var err error
			if b, err = binary.Append(b, binary.BigEndian, p); err != nil {
				panic(fmt.Sprintf("%T: %v", p, err))
			}
		}
	}
	return b
}

func mkbox(kind string, parts ...any) []byte {
	body := pack(parts...)
	return pack(uint32(len(body)+8), kind, body)
}

// prop is a property of an item.
type prop struct {
	box       []byte
	essential bool
}

func ispe(w, h int) prop { return prop{mkbox("ispe", uint32(0), uint32(w), uint32(h)), false} }
func irot(n int) prop    { return prop{mkbox("irot", uint8(n)), true} }
func imir(n int) prop    { return prop{mkbox("imir", uint8(n)), true} }
func hvcC(b []byte) prop { return prop{mkbox("hvcC", b), true} }

func clap(w, h, x, y, d int) prop {
	return prop{mkbox("clap", uint32(w), uint32(d), uint32(h), uint32(d), int32(x), uint32(d), int32(y), uint32(d)), true}
}

func nclxBox(primaries, transfer, matrix int, full bool) prop {
	flag := uint8(0)
	if full {
		flag = 0x80
	}
	return prop{mkbox("colr", "nclx", uint16(primaries), uint16(transfer), uint16(matrix), flag), false}
}

func iccBox(profile []byte) prop { return prop{mkbox("colr", "prof", profile), false} }

func auxC(kind string) prop { return prop{mkbox("auxC", uint32(0), kind, uint8(0)), true} }

// entry is an item of a drawn file.
type entry struct {
	id         uint32
	kind       string
	media      string // of the kind mime
	data       []byte
	method     int    // construction method
	parts      int    // extents that its data is divided into; 0 means 1
	toEnd      bool   // its data has a length of 0, which means to the end of what it lies in
	flags      uint32 // of infe; 1 means hidden
	reference  int    // data_reference_index
	properties []prop
	references []reference
}

// drawn is a file to be written.
type drawn struct {
	brands   string // the major one first; "" means heic, mif1, heic
	primary  uint32
	entries  []entry
	metaLast bool
	version  int    // of iloc; 2 also makes the identifiers of the other boxes 32 bits wide
	wideAt   int    // bytes of offsets and lengths: 4 or 8
	wideProp bool   // 16-bit associations
	wideBox  bool   // mdat has a 64-bit size
	front    []byte // boxes behind ftyp
	behind   []byte // boxes at the end
	inMeta   []byte // further boxes of meta, and what is behind them
}

// file returns the bytes of the file.
func (d drawn) file() []byte {
	if d.brands == "" {
		d.brands = "heicmif1heic"
	}
	ftyp := pack(mkbox("ftyp", d.brands[:4], uint32(0), d.brands[4:]), d.front)
	var mdat []byte
	at := map[uint32]int{} // of the data in mdat
	for _, e := range d.entries {
		if e.method == 0 {
			at[e.id] = len(mdat)
			mdat = append(mdat, e.data...)
		}
	}
	box := mkbox("mdat", mdat)
	head := 8
	if d.wideBox {
		box, head = pack(uint32(1), "mdat", uint64(len(mdat)+16), mdat), 16
	}
	if d.metaLast {
		return pack(ftyp, box, d.meta(at, len(ftyp)+head), d.behind)
	}
	n := len(d.meta(at, 0))
	return pack(ftyp, d.meta(at, len(ftyp)+n+head), box, d.behind)
}

func (d drawn) id(id uint32) any {
	if d.version == 2 {
		return id
	}
	return uint16(id)
}

func (d drawn) full() uint32 {
	if d.version == 2 {
		return 1 << 24
	}
	return 0
}

// meta writes the meta box of a file whose mdat has its data at an offset.
func (d drawn) meta(at map[uint32]int, base int) []byte {
	var infos, refs, idat []byte
	for _, e := range d.entries {
		version := uint32(2 << 24)
		if d.version == 2 {
			version = 3 << 24
		}
		tail := []byte(nil)
		if e.kind == "mime" {
			tail = pack(e.media, uint8(0))
		}
		infos = append(infos, mkbox("infe", version|e.flags, d.id(e.id), uint16(0), e.kind, uint8(0), tail)...)
		for _, r := range e.references {
			parts := pack(d.id(e.id), uint16(len(r.to)))
			for _, to := range r.to {
				parts = pack(parts, d.id(to))
			}
			refs = append(refs, mkbox(r.kind, parts)...)
		}
	}
	iloc := d.locations(at, base, &idat)
	count := any(uint16(len(d.entries)))
	if d.version == 2 {
		count = uint32(len(d.entries))
	}
	boxes := pack(
		mkbox("hdlr", uint32(0), uint32(0), "pict", uint32(0), uint64(0), uint8(0)),
		mkbox("pitm", d.full(), d.id(d.primary)),
		mkbox("iinf", d.full(), count, infos),
		iloc,
	)
	if refs != nil {
		boxes = pack(boxes, mkbox("iref", d.full(), refs))
	}
	boxes = pack(boxes, d.iprp())
	if idat != nil {
		boxes = pack(boxes, mkbox("idat", idat))
	}
	return mkbox("meta", uint32(0), boxes, d.inMeta)
}

func (d drawn) locations(at map[uint32]int, base int, idat *[]byte) []byte {
	size := 4
	if d.wideAt != 0 {
		size = d.wideAt
	}
	number := func(n int) any {
		if size == 8 {
			return uint64(n)
		}
		return uint32(n)
	}
	sizes := uint16(size<<12 | size<<8 | size<<4)
	if d.version > 0 {
		sizes |= uint16(size)
	}
	count := any(uint16(len(d.entries)))
	if d.version == 2 {
		count = uint32(len(d.entries))
	}
	body := pack(uint32(d.version)<<24, sizes, count)
	for _, e := range d.entries {
		body = pack(body, d.id(e.id))
		if d.version > 0 {
			body = pack(body, uint16(e.method))
		}
		start := 0
		switch e.method {
		case 0:
			start = base + at[e.id]
		case 1:
			start = len(*idat)
			*idat = append(*idat, e.data...)
		}
		n := max(e.parts, 1)
		body = pack(body, uint16(e.reference), number(start), uint16(n))
		for k := range n {
			from, to := len(e.data)*k/n, len(e.data)*(k+1)/n
			if d.version > 0 {
				body = pack(body, number(1))
			}
			if e.toEnd {
				to = from
			}
			body = pack(body, number(from), number(to-from))
		}
	}
	return mkbox("iloc", body)
}

func (d drawn) iprp() []byte {
	var ipco, ipma []byte
	var known [][]byte
	n := uint32(0)
	for _, e := range d.entries {
		if len(e.properties) == 0 {
			continue
		}
		n++
		ipma = pack(ipma, d.id(e.id), uint8(len(e.properties)))
		for _, p := range e.properties {
			k := slices.IndexFunc(known, func(b []byte) bool { return string(b) == string(p.box) })
			if k < 0 {
				k = len(known)
				known = append(known, p.box)
				ipco = append(ipco, p.box...)
			}
			v := uint16(k + 1)
			switch {
			case d.wideProp && p.essential:
				ipma = pack(ipma, v|0x8000)
			case d.wideProp:
				ipma = pack(ipma, v)
			case p.essential:
				ipma = pack(ipma, uint8(v)|0x80)
			default:
				ipma = pack(ipma, uint8(v))
			}
		}
	}
	flags := d.full()
	if d.wideProp {
		flags |= 1
	}
	return mkbox("iprp", mkbox("ipco", ipco), mkbox("ipma", flags, n, ipma))
}

// gridData is the data of a grid.
func gridData(columns, rows, w, h int) []byte {
	return pack(uint8(0), uint8(0), uint8(rows-1), uint8(columns-1), uint16(w), uint16(h))
}

// overlayData is the data of an overlay on an opaque or transparent ground.
func overlayData(fill [4]uint16, w, h int, at ...int16) []byte {
	return pack(uint8(0), uint8(0), fill[:], uint16(w), uint16(h), at)
}

func ref(kind string, to ...uint32) []reference { return []reference{{kind, to}} }
