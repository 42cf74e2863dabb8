//go:build (amd64 || arm64) && !purego

package jpeg

import (
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// oddMCU has up to as many blocks as an MCU can have, of any scale, with codes that the kernel knows.
func oddMCU(t *testing.T, rng *rand.Rand) *mcu {
	t.Helper()
	m := new(mcu)
	count := 1 + rng.IntN(6)
	if rng.IntN(20) == 0 {
		count = maxUnits
	}
	for range count {
		var quant [64]uint16
		for i := range quant {
			quant[i] = uint16(rng.IntN(1 << (1 + rng.IntN(16))))
		}
		n := 1 + rng.IntN(8)
		u := unit{component: &component{n: n}, at: m.size, keep: uint(lastKept[n]), steps: stepTable(&quant, n)}
		u.dc, u.ac = oddTable(t, rng, true, true), oddTable(t, rng, false, true)
		u.ac.withSkip()
		m.size += blockSize(n)
		m.units = append(m.units, u)
	}
	return m
}

// fillOdd makes data in which ones and zeros are as many, ones are few or many, or all bits are the same.
func fillOdd(rng *rand.Rand, data []byte) {
	kind := rng.IntN(5)
	for i := range data {
		b := byte(rng.Uint32())
		data[i] = [...]byte{b, b & byte(rng.Uint32()), b | byte(rng.Uint32()), 0, 255}[kind]
	}
}

// TestWalkKernelStays walks in the kernel with data, coefficients and ends that each end where memory does, and begin there.
func TestWalkKernelStays(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	walked := 0
	for round := range 400 {
		m := oddMCU(t, rng)
		if m.ready(); m.tables == nil {
			t.Skip("the processor has no such instructions")
		}
		limit, until := 1+rng.IntN(3), 1+rng.IntN(400)
		mem := guarded(t, (until+7)/8+len(m.units)*slack, round%2 == 0)
		fillOdd(rng, mem)
		coef := guarded(t, 2*(limit*m.size+blockRoom), round%2 == 0)
		ends := guarded(t, limit*len(m.units)+1, round%2 == 0)
		r := walkRun{
			mem: &mem[0], units: &m.tables[0], due: &m.tables[0], past: &m.tables[len(m.units)],
			coef: (*int16)(unsafe.Pointer(&coef[0])), size: uint(m.size) * 2, ends: &ends[0], until: uint(until), left: uint(limit),
		}
		if m.size > len(m.units) {
			r.clear = r.size
		}
		walkKernel((*byte)(unsafe.Pointer(&r)))
		walked += limit - int(r.left)
		if r.next > uint(len(mem)) {
			t.Fatalf("round %d: the next byte is %d of %d", round, r.next, len(mem))
		}
	}
	if walked < 200 {
		t.Errorf("only %d MCUs were walked", walked)
	}
}

// guarded is memory between two pages that must not be touched, at the end of it or else at the beginning.
func guarded(t *testing.T, size int, end bool) []byte {
	t.Helper()
	page := os.Getpagesize()
	whole := (size+page-1)/page*page + 2*page
	mem, err := syscall.Mmap(-1, 0, whole, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{mem[:page], mem[whole-page:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	if end {
		return mem[whole-page-size : whole-page]
	}
	return mem[page:][:size]
}
