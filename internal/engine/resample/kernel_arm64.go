//go:build !purego

package resample

import "unsafe"

// spread8 computes a row of h from samples and spread lanes.
func (l *lanes) spread8(dst []int16, src []byte) {
	spread(&dst[0], unsafe.Pointer(&src[0]), &l.base[0], &l.mask[0], &l.coef[0],
		l.groups, l.steps, 2, horizontalStart8, horizontalShift8)
}
