//go:build purego || !amd64

package dct

func inverse2Blocks(dst []byte, stride, step int, b *Blocks) { inverse2BlocksGo(dst, stride, step, b) }
