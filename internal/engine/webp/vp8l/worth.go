package vp8l

// Copies take most of the time of lossless coding, and photographs hardly have any. Whether to look for
// them follows from a sample: of all places, those are remembered whose first two pixels have a hash
// below a limit, so that of pixels that occur twice the same places are remembered. What follows a place
// and an earlier one with the same pixels is a copy, and stands for all places that are not remembered.
const (
	worthSample = 6               // logarithm of the share of places that are remembered
	worthBits   = 15              // logarithm of the size of their table
	worthMost   = 64              // pixels of a copy that are looked at to each side
	worthCopy   = 28 << parseBits // what a copy takes
	worthRun    = 12 << parseBits // and one of the pixel before
)

// worthPixels is the number of pixels from which on a sample pays for itself.
const worthPixels = 1 << 12

// worthCopies reports whether copies may save more than one in share bits.
func (c *entropyCoder) worthCopies(share int) (bool, error) {
	if len(c.pix) < worthPixels {
		return true, nil
	}
	w, err := newWorth(c)
	if err != nil {
		return false, err
	}
	for at := 1; at < len(c.pix); at += checkPixels {
		if err := c.ctx.Err(); err != nil {
			return false, err
		}
		w.look(at, min(at+checkPixels, len(c.pix)))
	}
	w.endRun(len(w.pix) - 1)
	return w.saved*uint64(share) > w.all, nil
}

// worth is the sample. Costs have parseBits bits behind the point.
type worth struct {
	pix        []uint32
	costs      *symbolCosts
	all, saved uint64 // what pixels take without copies, and what copies save of it
	remembered []int32
	run        int // pixels like the one before
}

// worthRows is of how many rows one is counted for the costs of pixels.
const worthRows = 4

func newWorth(c *entropyCoder) (*worth, error) {
	h := newHistogram(0)
	for at := 0; at < len(c.pix); at += worthRows * c.width {
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
		for _, argb := range c.pix[at:min(at+c.width, len(c.pix))] {
			h.literal(argb)
		}
	}
	w := &worth{pix: c.pix, costs: newSymbolCosts(h, c.distances), remembered: make([]int32, 1<<worthBits)}
	costs := [...][]uint32{w.costs.green[:256], w.costs.red[:], w.costs.blue[:], w.costs.alpha[:]}
	counts := [...][]uint32{h.green(), h.red(), h.blue(), h.alpha()}
	for i := range costs {
		for v, n := range costs[i] {
			if n > 0 {
				costs[i][v] = max(n, 1<<parseBits) // a code has whole bits
			}
			w.all += worthRows * uint64(counts[i][v]) * uint64(costs[i][v])
		}
	}
	return w, nil
}

func (w *worth) cost(argb uint32) uint64 {
	return uint64(w.costs.green[argb>>8&255] + w.costs.red[argb>>16&255] + w.costs.blue[argb&255] + w.costs.alpha[argb>>24])
}

// look adds what copies of the pixels from at > 0 to end save.
func (w *worth) look(at, end int) {
	pix := w.pix[:min(end+1, len(w.pix))]
	last := pix[at-1]
	for i := at; i+1 < len(pix); i++ {
		argb := pix[i]
		if argb == last {
			w.run++
			continue
		}
		w.endRun(i)
		last = argb
		hash := (argb*0x9e3779b1 ^ pix[i+1]*0x85ebca6b) * 0xc2b2ae35
		if hash>>(32-worthSample) != 0 {
			continue
		}
		before := &w.remembered[hash<<worthSample>>(32-worthBits)]
		if *before > 0 {
			w.compare(i, int(*before))
		}
		*before = int32(i)
	}
}

// endRun adds what the run before a place saves.
func (w *worth) endRun(at int) {
	if w.run >= minCopy {
		if n := uint64(w.run) * w.cost(w.pix[at-1]); n > worthRun {
			w.saved += n - worthRun
		}
	}
	w.run = 0
}

// compare adds what the copy around a place saves that is the same as around an earlier one.
func (w *worth) compare(at, before int) {
	sum, first, end := uint64(0), at, at
	for end < len(w.pix) && end-at < worthMost && w.pix[end] == w.pix[end-at+before] {
		sum += w.cost(w.pix[end])
		end++
	}
	for at-first < min(worthMost, before) && w.pix[first-1] == w.pix[first-1-at+before] {
		first--
		sum += w.cost(w.pix[first])
	}
	if sum > worthCopy {
		w.saved += (sum - worthCopy) << worthSample / uint64(end-first)
	}
}
