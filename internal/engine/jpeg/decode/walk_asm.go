//go:build (amd64 || arm64) && !purego

package decode

import (
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu"
)

//go:generate go -C _asm run . -out ../walk_amd64.s -pkg decode

// walkKernel walks MCUs as walkMCUsGo does, with tables that decode up to two coefficients per
// look-up; plain Go decodes one per look-up. r points to a walkRun. The kernel stops within a block
// when it meets something that its tables do not cover. The caller must then complete the block and
// call it again. There are kernels for amd64 and arm64.
//
//go:noescape
func walkKernel(r *byte) (stopped bool)

// walkRun is the state of walkKernel: the MCUs to walk, and where it has stopped.
type walkRun struct {
	window
	mem              *byte
	units, due, past *walkTables // the first of an MCU, the current one, and the end
	coef             *int16      // coefficients of the current MCU
	size, clear      uint        // size of an MCU's coefficients in bytes, and how many to clear
	ends             *uint8      // end of the current block
	until            uint        // bit before which MCUs start
	left             uint        // number of MCUs left
	// place is the index in the zigzag order at which to continue in the current block, or -1 if
	// the block has not been started.
	place int
}

func (c *stretch) walkMCUs(m *mcu, w window, end uint, limit int) window {
	if m.tables == nil {
		return c.walkMCUsGo(m, w, end, limit)
	}
	coef, ends := c.coef, c.ends
	r := walkRun{
		window: w, mem: &c.mem[0],
		units: &m.tables[0], due: &m.tables[0], past: &m.tables[len(m.units)],
		coef: &coef[c.mcus*m.size], size: uint(m.size) * 2, ends: &ends[c.mcus*len(m.units)],
		until: end, left: uint(limit - c.mcus),
	}
	if m.size > len(m.units) { // Otherwise every coefficient is written.
		r.clear = r.size
	}
	for walkKernel((*byte)(unsafe.Pointer(&r))) {
		n := limit - int(r.left)
		offset := uintptr(unsafe.Pointer(r.due)) - uintptr(unsafe.Pointer(r.units))
		i := int(offset / unsafe.Sizeof(*r.due))
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

// ready builds the tables of walkKernel if the processor supports the kernel.
func (m *mcu) ready() {
	if !cpu.Vector() {
		return
	}
	m.tables = make([]walkTables, len(m.units)+1) // The last is the end that walkRun.past points to.
	for i := range m.units {
		u := &m.units[i]
		u.ac.withPairs()
		m.tables[i] = walkTables{
			dc: &u.dc.look, pairs: u.ac.pairs, skip: u.ac.skip, steps: u.steps, ends: walkEnds,
			keep: u.keep, at: uint(u.at) * 2, look: &u.ac.look,
		}
	}
}
