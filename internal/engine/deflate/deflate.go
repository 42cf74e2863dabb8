// Package deflate compresses data (RFC 1951), for pictures: from Huffman codes alone, which suffice for
// most photographs, to a search for the parse with the fewest bits.
//
//	find.go     where the data has occurred before: hash chains
//	parse.go    literals and matches, chosen as they come
//	optimal.go  and those that cost least, for a model of costs that is refined
//	split.go    blocks, each with codes of its own
//	huffman.go  code lengths
//	block.go    a block in bits
//
// All of it is integer arithmetic: equal data gives equal bytes on every machine. The package never
// decompresses.
package deflate

import "context"

// Level is how hard a Compressor works.
type Level uint8

const (
	// Entropy finds no matches.
	Entropy Level = iota
	// Fast takes matches as they come.
	Fast
	// Normal looks for a longer match one byte later.
	Normal
	// Deep is Normal, but looks much farther back.
	Deep
	// Optimal looks for the parse with the fewest bits. It takes about fifty times as long as Normal.
	Optimal
)

// Limits of the format.
const (
	windowSize = 32 << 10
	minMatch   = 3
	maxMatch   = 258
)

// WindowSize is how far back a match can begin, in bytes.
const WindowSize = windowSize

// token is a literal, or a match: its length shifted by 16, and its distance.
type token uint32

func (t token) length() int   { return int(t >> 16) }
func (t token) distance() int { return int(t & 0xffff) }

// Compressor compresses data at any level. It holds up to a megabyte, at the optimal level about 50 bytes
// for each of the data, and is to be used again, by one goroutine at a time. The zero value is ready.
type Compressor struct {
	Passes int // through a block at the optimal level, at most; 0 means 12

	finder
	literals literalCosts
	tokens   []token
	split    splitter
	optimal
	bits bitWriter
}

// Append compresses data from start on and appends it to dst. Matches reach into what is in front of it.
// If more is to follow, it ends with an empty block at a whole byte, and what follows may have been
// compressed without it. The error is that of ctx.
func (c *Compressor) Append(ctx context.Context, dst, data []byte, start int, level Level, more bool) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	base := max(0, start-windowSize)
	data = data[base:]
	start -= base
	c.bits.out, c.bits.acc, c.bits.n = dst, 0, 0
	c.tokens = c.tokens[:0]
	switch level {
	case Entropy:
		c.literalBlocks(data[start:], more)
		return c.bits.out, nil
	case Fast:
		c.parseFast(data, start)
	case Deep:
		c.parse(data, start, deepDepth, deepNice)
	default:
		c.parse(data, start, normalDepth, normalNice)
	}
	ends := c.blocks()
	if level == Optimal {
		var err error
		if ends, err = c.optimise(ctx, data, start, ends); err != nil {
			return nil, err
		}
	}
	first := 0
	for i, end := range ends {
		start += c.bits.block(data[start:], c.tokens[first:end], i == len(ends)-1 && !more)
		first = end
	}
	if len(ends) == 0 && !more {
		c.bits.block(nil, nil, true)
	}
	c.bits.align(more)
	return c.bits.out, nil
}

// blocks returns where blocks of the tokens end.
func (c *Compressor) blocks() []int {
	return c.split.blocks(len(c.tokens), func(h *histogram, first, last int) { h.add(c.tokens[first:last]) })
}

// literalBlocks compresses data without matches.
func (c *Compressor) literalBlocks(data []byte, more bool) {
	ends := c.split.blocks(len(data), func(h *histogram, first, last int) { h.addLiterals(data[first:last]) })
	first := 0
	for i, end := range ends {
		c.bits.literalBlock(data[first:end], i == len(ends)-1 && !more)
		first = end
	}
	if len(ends) == 0 && !more {
		c.bits.block(nil, nil, true)
	}
	c.bits.align(more)
}
