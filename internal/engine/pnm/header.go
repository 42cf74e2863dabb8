package pnm

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// info is what a header declares.
type info struct {
	width, height int
	depth         int // samples of a pixel
	max           int // the largest sample
	text          bool
	bits          bool // a bitmap: 1 is black, without spaces between, or eight in a byte
}

// maxNumber bounds the numbers of a header, so that they multiply without overflow.
const maxNumber = 1<<31 - 1

// readHeader reads up to the first byte of the pixels.
func readHeader(s *codec.Stream) (*info, error) {
	var magic [2]byte
	if _, err := io.ReadFull(s, magic[:]); err != nil {
		return nil, err
	}
	kind := magic[1] - '0'
	if kind == 7 {
		return readPAM(s)
	}
	h := &info{depth: 1, max: 1, text: kind <= 3, bits: kind == 1 || kind == 4}
	if kind == 3 || kind == 6 {
		h.depth = 3
	}
	t := tokens{s: s}
	fields := []*int{&h.width, &h.height, &h.max}
	if h.bits {
		fields = fields[:2]
	}
	for _, f := range fields {
		n, err := t.number()
		if err != nil {
			return nil, err
		}
		*f = n
	}
	return h, h.check(s)
}

// check refuses what no picture has.
func (h *info) check(s *codec.Stream) error {
	if h.width < 1 || h.height < 1 {
		return s.Corrupt(2, "a size of %d×%d", h.width, h.height)
	}
	if h.max < 1 || h.max > 65535 {
		return s.Corrupt(2, "a largest sample of %d", h.max)
	}
	return nil
}

// readPAM reads the header of a PAM: a keyword and a value in each line.
func readPAM(s *codec.Stream) (*info, error) {
	h := &info{}
	kind := ""
	if _, err := s.ReadByte(); err != nil { // the end of the first line
		return nil, err
	}
	for lines := 0; ; lines++ {
		line, err := s.ReadSlice('\n')
		if err != nil || lines > 1000 {
			if s.Err() != nil || err == io.EOF {
				return nil, err
			}
			return nil, s.Corrupt(3, "a header of too many bytes")
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		word, value, _ := strings.Cut(string(line), " ")
		value = strings.TrimSpace(value)
		if word == "ENDHDR" {
			break
		}
		if word == "TUPLTYPE" {
			kind = strings.TrimSpace(kind + " " + value)
			continue
		}
		field, ok := map[string]*int{
			"WIDTH": &h.width, "HEIGHT": &h.height, "DEPTH": &h.depth, "MAXVAL": &h.max,
		}[word]
		if !ok {
			return nil, s.Corrupt(3, "a header line %.20q", line)
		}
		if *field, err = strconv.Atoi(value); err != nil || *field > maxNumber {
			return nil, s.Corrupt(3, "a header line %.20q", line)
		}
	}
	switch kind {
	case "", "BLACKANDWHITE", "GRAYSCALE", "RGB", "BLACKANDWHITE_ALPHA", "GRAYSCALE_ALPHA", "RGB_ALPHA":
	default:
		return nil, fmt.Errorf("%w: a PAM of %.40q", codec.ErrUnsupported, kind)
	}
	if h.depth < 1 || h.depth > 4 {
		return nil, fmt.Errorf("%w: a PAM of %d samples per pixel", codec.ErrUnsupported, h.depth)
	}
	return h, h.check(s)
}

// layout returns the layout of the planes.
func (h *info) layout() plane.Layout {
	model := plane.Gray
	if h.depth >= 3 {
		model = plane.RGB
	}
	return plane.NewLayout(model, h.depth%2 == 0, h.width, h.height, 1, 1)
}

// tokens reads numbers that whitespace and comments separate.
type tokens struct{ s *codec.Stream }

// start skips whitespace and comments, and returns the byte behind them.
func (t tokens) start() (byte, error) {
	for {
		c, err := t.s.ReadByte()
		if err != nil {
			return 0, err
		}
		for c == '#' {
			for c != '\n' && c != '\r' {
				if c, err = t.s.ReadByte(); err != nil {
					return 0, err
				}
			}
		}
		if !isSpace(c) {
			return c, nil
		}
	}
}

func isSpace(c byte) bool { return strings.IndexByte(whitespace, c) >= 0 }

// number reads a number and the byte behind it, which is whitespace or the end of the file.
func (t tokens) number() (int, error) {
	c, err := t.start()
	if err != nil {
		return 0, err
	}
	n := 0
	for {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%q in a number", c)
		}
		if n = 10*n + int(c-'0'); n > maxNumber {
			return 0, fmt.Errorf("a number of more than %d", maxNumber)
		}
		c, err = t.s.ReadByte()
		if err == io.EOF || err == nil && isSpace(c) {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}
