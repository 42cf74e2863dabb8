package resample

// lanes holds the weights of a table in the order in which the vector kernels read them. Output
// values are handled in groups of 16; those past the end of the row have zero weights.
//
// Spread lanes serve windows that start close to one another. Four neighbouring outputs share one
// view of 16 bytes of source, which begins at the first sample of the first output's window. For
// each output, the mask picks the two samples at which its window begins, as 16-bit values (0x80
// picks a zero byte). A step weights these two samples and moves the view forward by two samples,
// so the same mask serves every step; where the view holds all that its outputs need, the mask may
// move instead. The views of a group are stored in the order 0, 2, 1, 3:
// views 0 and 2 in the two 128-bit lanes of one register, 1 and 3 in those of another, which narrow
// to 16 values in order.
//
//	base  [group][view]                      first sample, as an offset in bytes
//	mask  [group][view][output][4]           bytes of the view
//	coef  [group][step][view][output][2]     weights
//
// Dot lanes serve all other windows, which are long. A step weights 16 samples of each of four
// outputs.
//
//	base  [output]                           first sample, as an offset in bytes
//	coef  [output/4][step][output%4][16]     weights
type lanes struct {
	groups, steps int
	// need is the number of samples that must be readable in a row; some may have zero weight.
	need  int
	base  []int32
	mask  []byte // nil for dot lanes
	coef  []int16
	whole bool // whether each view of spread lanes holds the windows of its four outputs
}

var viewOrder = [4]int{0, 2, 1, 3}

// newLanes arranges the weights of t for source samples of size bytes.
func newLanes(t *table, size int) *lanes {
	l := &lanes{groups: (len(t.first) + 15) / 16, whole: true}
	for i := 0; i < len(t.first); i += 4 {
		distance := int(t.first[min(i+3, len(t.first)-1)] - t.first[i])
		l.whole = l.whole && (distance+t.taps)*size <= 16
		if (distance+2)*size > 16 {
			l.dot(t, size)
			return l
		}
	}
	l.spread(t, size)
	return l
}

func (l *lanes) spread(t *table, size int) {
	const views = 4
	l.steps = (t.taps + 1) / 2
	l.base = make([]int32, l.groups*views)
	l.mask = make([]byte, l.groups*views*16)
	l.coef = make([]int16, l.groups*l.steps*views*8)
	dst := len(t.first)
	for v := range l.groups * views {
		group, at := v/views, v/views*16+viewOrder[v%views]*4
		begin := int(t.first[min(at, dst-1)])
		l.base[v] = int32(begin * size)
		l.need = max(l.need, begin+2*(l.steps-1)+16/size)
		for k := range 4 {
			i := min(at+k, dst-1)
			mask := l.mask[v*16+k*4:][:4]
			from := byte((int(t.first[i]) - begin) * size)
			for b := range mask {
				switch {
				case size == 2:
					mask[b] = from + byte(b)
				case b%2 == 0:
					mask[b] = from + byte(b/2)
				default:
					mask[b] = 0x80
				}
			}
			if at+k >= dst {
				continue
			}
			for j, c := range t.coef[i*t.taps:][:t.taps] {
				l.coef[((group*l.steps+j/2)*views+v%views)*8+k*2+j%2] = c
			}
		}
	}
}

func (l *lanes) dot(t *table, size int) {
	l.steps = (t.taps + 15) / 16
	l.base = make([]int32, l.groups*16)
	l.coef = make([]int16, l.groups*16*l.steps*16)
	dst := len(t.first)
	for o := range l.base {
		i := min(o, dst-1)
		l.base[o] = t.first[i] * int32(size)
		l.need = max(l.need, int(t.first[i])+16*l.steps)
		if o >= dst {
			continue
		}
		for j, c := range t.coef[i*t.taps:][:t.taps] {
			l.coef[((o/4*l.steps+j/16)*4+o%4)*16+j%16] = c
		}
	}
}
