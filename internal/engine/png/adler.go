package png

// adler is a checksum in the making (RFC 1950, section 8.2): b<<16 | a, of which a is 1 and the sum
// of all bytes, and b the sum of all values that a has had.
type adler uint32

// adlerMod is the modulus of both sums. adlerRun is a number of bytes after which they are reduced:
// few enough for the partial sums, of which those of 32 bits are the narrowest.
const (
	adlerMod = 65521
	adlerRun = 16 << 10
)

// update adds bytes.
func (s *adler) update(p []byte) {
	a, b := uint64(*s&0xffff), uint64(*s>>16)
	for len(p) > 0 {
		part := p[:min(len(p), adlerRun)]
		p = p[len(part):]
		var n int
		a, b, n = vectorAdler(a, b, part)
		for _, v := range part[n:] {
			a += uint64(v)
			b += a
		}
		a, b = a%adlerMod, b%adlerMod
	}
	*s = adler(b<<16 | a)
}

// joinAdler returns the checksum of data whose parts have the checksums a and b; the second part
// has n bytes.
func joinAdler(a, b adler, n int) adler {
	const mod = adlerMod
	a1, a2, b1, b2 := uint64(a&0xffff), uint64(a>>16), uint64(b&0xffff), uint64(b>>16)
	s1 := (a1 + b1 + mod - 1) % mod
	s2 := (a2 + b2 + uint64(n)%mod*(a1+mod-1)) % mod
	return adler(s2<<16 | s1)
}
