//go:build !purego

package resample

import "unsafe"

// spreadView computes 16*groups values of h from spread lanes whose views hold whole windows; start is that of
// kernel.go.
//
//go:noescape
func spreadView(dst *int16, src *byte, base *int32, mask *byte, coef *int16, groups, pairs int, start int32)

// spread8 computes a row of h from samples and spread lanes.
func (l *lanes) spread8(dst []int16, src []byte) {
	if l.whole {
		spreadView(&dst[0], &src[0], &l.base[0], &l.mask[0], &l.coef[0], l.groups, l.steps, horizontalStart8)
		return
	}
	spread(&dst[0], unsafe.Pointer(&src[0]), &l.base[0], &l.mask[0], &l.coef[0],
		l.groups, l.steps, 2, horizontalStart8, horizontalShift8)
}
