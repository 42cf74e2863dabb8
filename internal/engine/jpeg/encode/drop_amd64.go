//go:build !purego

package encode

import (
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

//go:generate go -C _asm run ./drop -out ../drop_amd64.s -pkg encode

// dropKernel decides on coefficients of blocks as drop does. r points to a dropRun.
//
//go:noescape
func dropKernel(r *byte)

// dropRun is the state of dropKernel.
type dropRun struct {
	coef, raw   *int16
	nonzero     *uint64
	blocks      uint
	steps       *[64]int16
	lowest      *[32]int16
	table       *savings
	zigzag      *[64 + 16]uint8
	gradients   uint64
	quiet, busy uint // times 8
	price       int64
	_           [2]uint // for the kernel
}

// lowestAC is 1 for the coefficients that activity adds up, of the first four rows.
var lowestAC = [32]int16{1: 1, 2: 1, 3: 1, 8: 1, 9: 1, 10: 1, 16: 1, 17: 1, 24: 1}

// dropRow decides on the coefficients of a row of blocks.
func (q *quantiser) dropRow(coef, raw []int16, nonzero []uint64) {
	if !cpu.Vector() {
		q.dropRowGo(coef, raw, nonzero)
		return
	}
	r := dropRun{
		coef: &coef[0], raw: &raw[0], nonzero: &nonzero[0], blocks: uint(len(nonzero)),
		steps: &q.steps, lowest: &lowestAC, table: q.saved, zigzag: &stream.Zigzag,
		gradients: gradients, quiet: 8 * quiet, busy: 8 * busy, price: q.price,
	}
	dropKernel((*byte)(unsafe.Pointer(&r)))
}
