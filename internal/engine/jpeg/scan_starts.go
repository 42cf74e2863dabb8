package jpeg

// Where blocks start. The walk through entropy-coded data is one chain of look-ups, each of which
// waits for the one before it, although a core could make several at the same time. At small scales
// the kernels therefore work in two steps. The first finds only where blocks start, in
// several lanes at a time, each through a part of a stretch. The second decodes the blocks, which
// then no longer depend on each other.
//
// A lane after the first begins at an arbitrary position, and usually synchronises with the correct
// walk as a walk ahead does; see scan_ahead.go. What it has found counts from the first block on
// that the lane before it has found as well, in the same place of an MCU. If there is none, the rest
// of the stretch is walked in order.

// blockStarts are the bits at which the blocks of a stretch start.
type blockStarts struct {
	at       []uint32
	read     int  // number of blocks that have been decoded
	searched bool // whether they have been searched for in this stretch
	misses   int  // number of successive stretches in which lanes did not synchronise
}

// maxUnsynchronised is the number of successive stretches in which lanes did not synchronise after
// which they are no longer tried.
const maxUnsynchronised = 4

// reset discards the starts for another stretch.
func (s *blockStarts) reset() { s.at, s.read, s.searched = s.at[:0], 0, false }

// known is the number of whole MCUs after the one that starts at bit pos whose blocks are known.
func (s *blockStarts) known(pos uint, units int) int {
	if s.read >= len(s.at) || uint(s.at[s.read]) != pos {
		return 0
	}
	return (len(s.at) - s.read - 1) / units // The start after an MCU must be known, too.
}

// walkKnown decodes MCUs as walk does, as far as it is known where their blocks start.
func (c *stretch) walkKnown(m *mcu, end uint, limit int) {
	s := &c.starts
	if m.starts == nil {
		return
	}
	if !s.searched && limit > 1 {
		s.searched = true
		c.findStarts(m, end)
	}
	units := len(m.units)
	n := min(limit, s.known(c.pos, units))
	for n > 0 && uint(s.at[s.read+(n-1)*units]) >= end {
		n--
	}
	if n == 0 {
		return
	}
	at := s.at[s.read:][:n*units+1]
	c.readBlocks(m, at)
	c.mcus = n
	s.read += n * units
	c.pos = uint(at[n*units])
}

// joined returns the first block that both lists contain in the same place of an MCU: its indices in
// before and in after.
func joined(before, after []uint32, units int) (i, j int, ok bool) {
	if len(after) == 0 {
		return 0, 0, false
	}
	for i = len(before); i > 0 && before[i-1] >= after[0]; i-- {
	}
	for i < len(before) && j < len(after) {
		switch a, b := before[i], after[j]; {
		case a == b && i%units == j%units:
			return i, j, true
		case a <= b:
			i++
		default:
			j++
		}
	}
	return 0, 0, false
}
