package hostiletest

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
)

// addGIF adds a picture for each extension, for colours that no pixel of any frame shows, and for
// what may follow the pixels and the end.
func addGIF(add adder) {
	still := encodeGIF(frame(""))
	at := 13 + 3*256 // behind the screen's palette
	for name, extension := range map[string]string{
		"comment.gif":     "\xfe\x40" + run[:64] + "\x00",
		"application.gif": "\xff\x0bXMP DataXMP\x40" + run[:64] + "\x00",
		"private.gif":     "\xff\x0b" + Marker + "1.0\x40" + run[:64] + "\x00",
		"plain text.gif":  "\x01\x0c\x00\x00\x00\x00\x01\x00\x01\x00\x08\x08\x01\x00\x40" + run[:64] + "\x00",
		"unknown.gif":     "\x77\x40" + run[:64] + "\x00",
	} {
		add(name, still, join(still[:at], []byte{0x21}, []byte(extension), still[at:]))
	}
	add("unused colours.gif", still, encodeGIF(frame(run)))
	add("second frame.gif", encodeGIF(frame(""), frame("")), encodeGIF(frame(""), frame(run)))
	end := len(still) - 2 // before the empty sub-block and the trailer
	add("behind the pixels.gif", still, join(still[:end], []byte("\x40"+run[:64]), still[end:]))
	add("after the end.gif", still, join(still, []byte(run)))
	add("a page.gif", still, join(still, []byte("<script>"+run+"</script>"), archive()))
}

// frame returns a frame in two of 256 colours; the others are taken from a text.
func frame(unused string) *image.Paletted {
	p := make(color.Palette, 256)
	for i := range p {
		c := color.RGBA{A: 255}
		if i < 2 {
			c.R, c.G, c.B = byte(200*i), 90, byte(30+100*i)
		} else if k := 3 * (i - 2); k+3 <= len(unused) {
			c.R, c.G, c.B = unused[k], unused[k+1], unused[k+2]
		}
		p[i] = c
	}
	m := image.NewPaletted(image.Rect(0, 0, 30, 20), p)
	for i := range m.Pix {
		m.Pix[i] = byte(i/7) & 1
	}
	return m
}

// encodeGIF returns the file of small frames, which gif.EncodeAll never refuses.
func encodeGIF(frames ...*image.Paletted) []byte {
	var b bytes.Buffer
	g := &gif.GIF{Image: frames, Delay: make([]int, len(frames)), LoopCount: -1}
	g.Config = image.Config{ColorModel: frames[0].Palette, Width: 30, Height: 20}
	if err := gif.EncodeAll(&b, g); err != nil {
		panic(err)
	}
	return b.Bytes()
}
