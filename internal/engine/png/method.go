package png

import "github.com/klauspost/compress/flate"

// method is how the rows of a picture are compressed.
type method struct {
	filtered bool
	level    int // of package flate
}

// Levels of compression. Most photographs have few matches: filtered, they take about as many bytes
// without any, in less than a third of the time. Matches have to save more than a part of leastGain.
// The high level takes up to five times as long as the fast one and saves up to 9 %, so pictures of
// more than largeSize bytes get it only if it is quick: where there are so many matches that they save
// more than a part of quickGain.
const (
	fastLevel = 6
	highLevel = 8
	largeSize = 8 << 20
	leastGain = 0.04
	quickGain = 0.6
)

// Samples by which the method is chosen: bands of rows, spread over the picture. They are all of a
// small picture, and of others a part that is small enough for the choice to cost little.
const (
	sampleBands = 8
	samplePart  = 16
	sampleLeast = 64 << 10 // bytes
	sampleMost  = 128 << 10
)

// choose compresses samples with several methods and returns the best one for the picture. It
// depends on nothing but the picture.
func (w *worker) choose() method {
	size := (w.n + 1) * w.height
	level := highLevel
	if size > largeSize {
		level = fastLevel
	}
	filtered, plain := w.samples(max(sampleLeast, min(size/samplePart, sampleMost)))
	without := float64(w.deflatedSize(filtered, flate.HuffmanOnly))
	with, unfiltered := w.deflatedSize(filtered, level), w.deflatedSize(plain, level)
	gain := 1 - float64(with)/without
	switch {
	case unfiltered <= with && float64(unfiltered) < without:
		return method{false, highLevel}
	case gain < leastGain:
		return method{true, flate.HuffmanOnly}
	case gain > quickGain:
		return method{true, highLevel}
	}
	return method{true, level}
}

// samples returns about size bytes of rows, or all if there are fewer, with filters and without.
func (w *worker) samples(size int) (filtered, plain []byte) {
	rows := (size/sampleBands + w.n) / (w.n + 1)
	for i := range sampleBands {
		first, end := w.height*i/sampleBands, w.height*(i+1)/sampleBands
		last := min(first+rows, end)
		if first < last {
			filtered = w.filterRows(filtered, first, last, true)
			plain = w.filterRows(plain, first, last, false)
		}
	}
	return filtered, plain
}

// deflatedSize is the size of compressed data, in bytes.
func (w writers) deflatedSize(data []byte, level int) int {
	var n counter
	z := w.at(level)
	z.ResetDict(&n, nil) // Reset keeps the last dictionary
	z.Write(data)        // a counter never fails
	z.Close()
	return int(n)
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// writers are compressors by their level. They are large, and used again.
type writers map[int]*flate.Writer

func (w writers) at(level int) *flate.Writer {
	if w[level] == nil {
		w[level], _ = flate.NewWriter(nil, level) // an error would mean that there is no such level
	}
	return w[level]
}
