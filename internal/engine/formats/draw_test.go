package formats

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"io"

	"golang.org/x/image/bmp"
)

// The functions below write a picture in the plainest way that its format has.

// drawICO writes an icon of one bitmap with a mask that hides nothing.
func drawICO(w io.Writer, m image.Image) error {
	var b bytes.Buffer
	if err := bmp.Encode(&b, m); err != nil {
		return err
	}
	dib := b.Bytes()[14:]
	width, height := m.Bounds().Dx(), m.Bounds().Dy()
	binary.LittleEndian.PutUint32(dib[8:], uint32(2*height))
	dib = append(dib, make([]byte, (width+31)/32*4*height)...)
	head := []byte{0, 0, 1, 0, 1, 0, byte(width), byte(height), 0, 0, 1, 0, 24, 0}
	head = binary.LittleEndian.AppendUint32(head, uint32(len(dib)))
	head = binary.LittleEndian.AppendUint32(head, 22)
	_, err := w.Write(append(head, dib...))
	return err
}

// drawPNM writes a binary PPM.
func drawPNM(w io.Writer, m image.Image) error {
	b := fmt.Appendf(nil, "P6\n%d %d\n255\n", m.Bounds().Dx(), m.Bounds().Dy())
	_, err := w.Write(append(b, samples(m)...))
	return err
}

// drawQOI writes each pixel as a chunk of its own.
func drawQOI(w io.Writer, m image.Image) error {
	b := binary.BigEndian.AppendUint32([]byte("qoif"), uint32(m.Bounds().Dx()))
	b = binary.BigEndian.AppendUint32(b, uint32(m.Bounds().Dy()))
	b = append(b, 3, 0)
	for s := samples(m); len(s) > 0; s = s[3:] {
		b = append(append(b, 0xfe), s[:3]...)
	}
	_, err := w.Write(append(b, 0, 0, 0, 0, 0, 0, 0, 1))
	return err
}

// drawPSD writes an RGB picture without layers.
func drawPSD(w io.Writer, m image.Image) error {
	b := append([]byte("8BPS"), 0, 1, 0, 0, 0, 0, 0, 0, 0, 3)
	b = binary.BigEndian.AppendUint32(b, uint32(m.Bounds().Dy()))
	b = binary.BigEndian.AppendUint32(b, uint32(m.Bounds().Dx()))
	b = append(b, 0, 8, 0, 3)
	b = append(b, make([]byte, 3*4+2)...)
	s := samples(m)
	for i := range 3 {
		for k := i; k < len(s); k += 3 {
			b = append(b, s[k])
		}
	}
	_, err := w.Write(b)
	return err
}

// samples returns red, green and blue of each pixel.
func samples(m image.Image) (s []byte) {
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			c := rgb(m.At(x, y))
			s = append(s, c[:]...)
		}
	}
	return s
}
