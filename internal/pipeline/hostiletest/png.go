package hostiletest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"

	"github.com/imgmill/imgmill/internal/engine/sample"
)

// addPNG adds a picture for each chunk that holds text or anything private, for colours that no pixel
// shows, for a frame beyond the number that is declared, and for what may follow the end of the pixels and of the file.
func addPNG(add adder) {
	drawing := encodePNG(sample.Landscape(30, 20))
	const first = 8 + 25                                                     // the signature and IHDR
	const frame = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x0a\x00\x00" // at 0,0 for 0.1 s
	for name, chunks := range map[string][]byte{
		"text.png":           chunk("tEXt", "Author\x00"+run),
		"zipped text.png":    chunk("zTXt", "Author\x00\x00"+string(deflated(run))),
		"international.png":  chunk("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+run),
		"zipped xmp.png":     chunk("iTXt", "XML:com.adobe.xmp\x00\x01\x00\x00\x00"+string(deflated(run))),
		"exif.png":           chunk("eXIf", exif()),
		"profile.png":        chunk("iCCP", Marker+"\x00\x00"+string(deflated(profile()))),
		"broken profile.png": chunk("iCCP", Marker+"\x00\x00"+string(deflated(run))),
		"private chunk.png":  chunk("prVt", run),
		"suggested.png":      chunk("sPLT", Marker+"\x00\x08"+run[:60]),
		"animation.png": join(chunk("acTL", "\x00\x00\x00\x01\x00\x00\x00\x00"),
			chunk("fcTL", "\x00\x00\x00\x00\x00\x00\x00\x1e\x00\x00\x00\x14"+frame)),
	} {
		file := join(drawing[:first], chunks, drawing[first:])
		if name == "animation.png" {
			file = join(file[:len(file)-12], chunk("fcTL", "\x00\x00\x00\x01\x00\x00\x00\x1e\x00\x00\x00\x01"+frame),
				chunk("fdAT", "\x00\x00\x00\x02"+string(deflated("\x00"+run[:90]))), file[len(file)-12:])
		}
		add(name, drawing, file)
	}
	end := len(drawing) - 12
	add("text behind the pixels.png", drawing, join(drawing[:end], chunk("tEXt", "Author\x00"+run), drawing[end:]))
	add("after the end.png", drawing, join(drawing, []byte(run)))
	add("a page.png", drawing, join(drawing, []byte("<html>"+run), archive()))

	// A row of two pixels in a palette of 256 colours.
	palette := func(unused string) []byte {
		return join(drawing[:8], chunk("IHDR", "\x00\x00\x00\x02\x00\x00\x00\x01\x08\x03\x00\x00\x00"),
			chunk("PLTE", "\x10\x20\x30\xf0\xe0\xd0"+unused), chunk("IDAT", string(deflated("\x00\x00\x01"))), chunk("IEND", ""))
	}
	add("unused colours.png", palette(""), palette(run[:300]))
	for _, size := range []image.Point{{30, 20}, {8, 5}} { // to be reduced, and to be copied
		add(fmt.Sprintf("hidden colours of %v.png", size), encodePNG(hidden(size, "")), append(encodePNG(hidden(size, run)), run...))
	}
}

// hidden returns a picture of which a part is transparent, with colours there.
func hidden(size image.Point, colours string) image.Image {
	m := image.NewNRGBA(image.Rectangle{Max: size})
	for i := range m.Pix {
		m.Pix[i] = byte(i)
		if m.Pix[i/4*4+3] = 255; i/4%size.X > 3 {
			m.Pix[i/4*4+3] = 0
			if i%4 < 3 {
				m.Pix[i] = 0
				if colours != "" {
					m.Pix[i] = colours[i%len(colours)]
				}
			}
		}
	}
	return m
}

// encodePNG returns the file of a small picture, which png.Encode never refuses.
func encodePNG(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// chunk returns a chunk of a PNG.
func chunk(name, data string) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, name...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// deflated returns data as a zlib stream of one stored block.
func deflated(data string) []byte {
	a, b := uint32(1), uint32(0)
	for _, c := range []byte(data) {
		a = (a + uint32(c)) % 65521
		b = (b + a) % 65521
	}
	out := []byte{0x78, 1, 1}
	out = binary.LittleEndian.AppendUint16(out, uint16(len(data)))
	out = binary.LittleEndian.AppendUint16(out, ^uint16(len(data)))
	return binary.BigEndian.AppendUint32(append(out, data...), b<<16|a)
}
