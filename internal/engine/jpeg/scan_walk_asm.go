//go:build (amd64 || arm64) && !purego

package jpeg

import (
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu"
)

//go:generate go -C _asm run . -out ../scan_walk_amd64.s -pkg jpeg

// walkKernel walks MCUs as walkMCUsGo does, by tables that give up to two coefficients in one look-up. r points to a walkRun. It stops
// within a block where these tables do not have what comes, and is to be called again once the block is done. amd64 and arm64
// have it; plain Go does the same on others, one coefficient at a look-up.
//
//go:noescape
func walkKernel(r *byte) (stopped bool)

// walkRun is some MCUs on their way through walkKernel, and where it stopped.
type walkRun struct {
	window
	mem              *byte
	units, due, past *walkTables // the first of an MCU, the one that is due, past the last
	coef             *int16      // of the MCU that is due
	size, clear      uint        // bytes of an MCU's coefficients, and of those that are cleared
	ends             *uint8      // of the block that is due
	until            uint        // bit before which MCUs begin
	left             uint        // MCUs
	place            int         // in the zigzag order, from which the block that is due is to go on; -1 if it was not begun
}

func (c *stretch) walkMCUs(m *mcu, w window, end uint, limit int) window {
	if m.tables == nil {
		return c.walkMCUsGo(m, w, end, limit)
	}
	coef, ends := c.coef, c.ends
	r := walkRun{
		window: w, mem: &c.mem[0],
		units: &m.tables[0], due: &m.tables[0], past: &m.tables[len(m.units)],
		coef: &coef[0], size: uint(m.size) * 2, ends: &ends[0], until: end, left: uint(limit),
	}
	if m.size > len(m.units) { // else every coefficient is written
		r.clear = r.size
	}
	for walkKernel((*byte)(unsafe.Pointer(&r))) {
		n := limit - int(r.left)
		i := int((uintptr(unsafe.Pointer(r.due)) - uintptr(unsafe.Pointer(r.units))) / unsafe.Sizeof(*r.due))
		u := &m.units[i]
		block := (*[blockRoom]int16)(coef[n*m.size+u.at:])
		w := c.from(r.pos())
		if r.place < 0 {
			ends[n*len(m.units)+i], w = c.walkBlock(u, block, w)
		} else {
			ends[n*len(m.units)+i], w = c.walkAC(u, block, w, uint(r.place))
		}
		r.window = w
		if i++; i == len(m.units) {
			i = 0
			n++
			r.left--
		}
		r.due = &m.tables[i]
		r.coef = &coef[n*m.size]
		r.ends = &ends[n*len(m.units)+i]
	}
	c.mcus = limit - int(r.left)
	return r.window
}

// ready makes the tables of walkKernel, if the processor has what it needs.
func (m *mcu) ready() {
	if !cpu.Vector() {
		return
	}
	m.tables = make([]walkTables, len(m.units)+1) // and one to point behind them
	for i := range m.units {
		u := &m.units[i]
		u.ac.withPairs()
		m.tables[i] = walkTables{&u.dc.look, u.ac.pairs, u.ac.skip, u.steps, walkEnds, u.keep, uint(u.at) * 2, &u.ac.look}
	}
}
