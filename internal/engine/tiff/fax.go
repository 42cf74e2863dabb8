package tiff

import (
	"context"
	"errors"
	"io"
)

// faxMode is how the rows of a CCITT scheme follow one another.
type faxMode uint8

const (
	modeRLE  faxMode = iota // one-dimensional, each row begins with a byte (TIFF 6.0, section 10)
	modeRLEW                // each row begins with a word of 16 bits
	modeT41D                // ITU-T T.4, 4.1: an EOL before each row, if there are any
	modeT42D                // ITU-T T.4, 4.2: an EOL and a bit that marks one-dimensional rows
	modeT6                  // ITU-T T.6: two-dimensional, no EOL
)

// fax decodes CCITT bilevel data. A row is a list of changes: columns at which white becomes black,
// black becomes white, and so on. White pixels become bits of 0; the photometric interpretation
// decides later what they look like.
type fax struct {
	mode     faxMode
	columns  int
	rowBytes int

	s     *section
	run   []byte
	acc   uint64 // the next bits, the first one highest
	n     int    // how many of them are of the data
	ended bool

	ref, cur []int // changes of the row above and of this one
	started  bool  // a row has been decoded
}

func newFax(f *fields, columns, rowBytes int) *fax {
	x := &fax{columns: columns, rowBytes: rowBytes}
	switch {
	case f.compression == faxRLEW:
		x.mode = modeRLEW
	case f.compression == faxT4 && f.t4Options&1 != 0:
		x.mode = modeT42D
	case f.compression == faxT4:
		x.mode = modeT41D
	case f.compression == faxT6:
		x.mode = modeT6
	}
	return x
}

func (x *fax) begin(_ context.Context, s *section) error {
	x.s, x.run, x.acc, x.n, x.ended, x.started = s, nil, 0, 0, false, false
	x.cur = x.cur[:0]
	return nil
}

var (
	errFaxCode   = errors.New("invalid CCITT code")
	errFaxRow    = errors.New("CCITT row of the wrong length")
	errFaxEnd    = errors.New("the CCITT data ends before the last row")
	errFaxPixels = errors.New("CCITT data with uncompressed pixels, which are not read")
)

// Read decodes whole rows into p.
func (x *fax) Read(p []byte) (n int, err error) {
	for ; n+x.rowBytes <= len(p); n += x.rowBytes {
		if err := x.row(); err != nil {
			return n, err
		}
		x.paint(p[n : n+x.rowBytes])
	}
	return n, nil
}

// need makes k bits available, at most 32. Behind the end of the data there are zeros.
func (x *fax) need(k int) error {
	for x.n < k && !x.ended {
		if len(x.run) == 0 {
			run, err := x.s.next()
			if err == io.EOF {
				x.ended = true
				return nil
			} else if err != nil {
				return err
			}
			x.run = run
		}
		for x.n <= 56 && len(x.run) > 0 {
			x.acc |= uint64(x.run[0]) << (56 - x.n)
			x.run = x.run[1:]
			x.n += 8
		}
	}
	return nil
}

// drop consumes k bits.
func (x *fax) drop(k int) error {
	if x.n -= k; x.n < 0 {
		x.n = 0
		return io.ErrUnexpectedEOF
	}
	x.acc <<= k
	return nil
}

// peek returns the next k bits.
func (x *fax) peek(k int) uint32 { return uint32(x.acc >> (64 - k)) }

// row decodes the next row into cur.
func (x *fax) row() error {
	x.ref, x.cur = x.cur, x.ref[:0]
	flat, err := x.start()
	if err != nil {
		return err
	}
	x.started = true
	if !flat {
		return x.row2D()
	}
	at, black := 0, false
	for at < x.columns {
		run, err := x.length(black)
		if err != nil {
			return err
		}
		if at += run; at > x.columns {
			return errFaxRow
		}
		x.cur = append(x.cur, at)
		black = !black
	}
	return nil
}

// start passes what lies before a row and reports whether it is one-dimensional.
func (x *fax) start() (flat bool, err error) {
	switch x.mode {
	case modeRLE:
		return true, x.drop(x.n % 8)
	case modeRLEW:
		return true, x.align()
	case modeT6:
		return false, nil
	}
	eol, err := x.endOfLine()
	if err != nil || x.mode == modeT41D {
		return true, err
	}
	if !eol {
		if x.started {
			return false, errFaxRow // nothing says of which kind it is
		}
		return true, nil
	}
	if err := x.need(1); err != nil {
		return false, err
	}
	flat = x.peek(1) == 1
	return flat, x.drop(1)
}

// align passes the rest of a word of 16 bits.
func (x *fax) align() error {
	at := x.s.offset() - int64(len(x.run)) // of the byte behind those in acc
	if err := x.drop(x.n % 8); err != nil {
		return err
	}
	if (at-int64(x.n/8)-x.s.begun)%2 == 0 {
		return nil
	}
	if err := x.need(8); err != nil {
		return err
	}
	return x.drop(8)
}

// endOfLine passes an EOL with the fill bits before it, and reports whether there was one: at least
// eleven zeros and a one (T.4, 4.1.2 and 4.1.3). A second EOL is the end of the page.
func (x *fax) endOfLine() (bool, error) {
	for found := false; ; found = true {
		if err := x.need(12); err != nil {
			return found, err
		}
		if x.peek(11) != 0 {
			return found, nil
		}
		if found {
			return false, errFaxEnd
		}
		for x.peek(1) == 0 {
			if err := x.drop(1); err != nil {
				return false, err
			}
			if err := x.need(1); err != nil {
				return false, err
			}
		}
		if err := x.drop(1); err != nil {
			return false, err
		}
		if x.mode == modeT42D {
			return true, nil // the bit that follows is not part of the code
		}
	}
}

// length decodes the length of a run: make-up codes and a terminating one (T.4, tables 2 and 3).
func (x *fax) length(black bool) (int, error) {
	t, width := &faxTables().white, whiteBits
	if black {
		t, width = &faxTables().black, blackBits
	}
	for total := 0; ; {
		if err := x.need(13); err != nil {
			return 0, err
		}
		c := t[x.peek(width)]
		if c.bits == 0 {
			if x.n == 0 {
				return 0, io.ErrUnexpectedEOF
			}
			return 0, errFaxCode
		}
		if err := x.drop(int(c.bits)); err != nil {
			return 0, err
		}
		total += int(c.run)
		if c.run < 64 {
			return total, nil
		}
		if total > x.columns {
			return 0, errFaxRow
		}
	}
}

// row2D decodes a two-dimensional row (T.4, 4.2; T.6, 2.2). The changes b1 and b2 of the row above
// are the first one right of a0 whose colour is opposite to that of a0, and the next.
func (x *fax) row2D() error {
	a0, black := -1, false
	i := 0 // index of b1, even if a0 is white
	above := func(i int) int {
		if i < len(x.ref) {
			return x.ref[i]
		}
		return x.columns
	}
	for a0 < x.columns {
		for i > 1 && above(i-2) > a0 {
			i -= 2
		}
		for above(i) <= a0 && above(i) < x.columns {
			i += 2
		}
		if err := x.need(10); err != nil {
			return err
		}
		m := faxModes[x.peek(7)]
		if m.bits == 0 {
			return x.noMode()
		}
		if err := x.drop(int(m.bits)); err != nil {
			return err
		}
		switch m.kind {
		case pass:
			a0 = above(i + 1)
		case horizontal:
			a0 = max(a0, 0)
			for k := range 2 {
				run, err := x.length(black != (k == 1))
				if err != nil {
					return err
				}
				if a0 += run; a0 > x.columns {
					return errFaxRow
				}
				x.cur = append(x.cur, a0)
			}
		case vertical:
			a1 := above(i) + int(m.delta)
			if a1 < max(a0, 0) || a1 > x.columns {
				return errFaxRow
			}
			x.cur = append(x.cur, a1)
			a0, black = a1, !black
			i ^= 1
		}
		if len(x.cur) > 2*x.columns+8 {
			return errFaxRow // runs of no pixels
		}
	}
	return nil
}

// noMode returns the error for bits that are no mode code.
func (x *fax) noMode() error {
	switch {
	case x.n == 0:
		return io.ErrUnexpectedEOF
	case x.peek(7) == 1:
		return errFaxPixels
	case x.peek(7) == 0:
		return errFaxEnd
	}
	return errFaxCode
}

// paint writes the row in cur as bits.
func (x *fax) paint(row []byte) {
	clear(row)
	for i := 0; i < len(x.cur); i += 2 {
		from, to := x.cur[i], x.columns
		if i+1 < len(x.cur) {
			to = x.cur[i+1]
		}
		if from >= to {
			continue
		}
		first, last := from/8, (to-1)/8
		left, right := byte(0xFF)>>(from%8), byte(0xFF)<<(7-(to-1)%8)
		if first == last {
			row[first] |= left & right
			continue
		}
		row[first] |= left
		for k := first + 1; k < last; k++ {
			row[k] = 0xFF
		}
		row[last] |= right
	}
}
