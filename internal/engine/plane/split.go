package plane

import "encoding/binary"

// Split3 separates pixels of three bytes: byte k of pixel x goes to index x of the k-th destination.
// All destinations have the length of a, and src three times that.
func Split3(a, b, c, src []byte) {
	b, c, src = b[:len(a)], c[:len(a)], src[:3*len(a)]
	done := split3Blocks(a, b, c, src)
	split3(a[done:], b[done:], c[done:], src[3*done:])
}

// Split4 separates pixels of four bytes as Split3 does those of three.
func Split4(a, b, c, d, src []byte) {
	b, c, d, src = b[:len(a)], c[:len(a)], d[:len(a)], src[:4*len(a)]
	done := split4Blocks(a, b, c, d, src)
	split4(a[done:], b[done:], c[done:], d[done:], src[4*done:])
}

func split3(a, b, c, src []byte) {
	b, c = b[:len(a)], c[:len(a)]
	src = src[:3*len(a)]
	for x := range a {
		s := src[3*x:][:3:3]
		a[x], b[x], c[x] = s[0], s[1], s[2]
	}
}

func split4(a, b, c, d, src []byte) {
	b, c, d = b[:len(a)], c[:len(a)], d[:len(a)]
	src = src[:4*len(a)]
	for x := range a {
		v := binary.LittleEndian.Uint32(src[4*x:])
		a[x], b[x], c[x], d[x] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
	}
}
