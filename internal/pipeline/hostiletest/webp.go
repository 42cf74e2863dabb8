package hostiletest

// addWebP adds lossless and lossy pictures of one pixel with each kind of chunk, with bytes behind the
// pixel in its chunk, and with what may follow the end.
func addWebP(add adder) {
	const lossless = "\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07"
	const lossy = "\x70\x01\x00\x9d\x01\x2a\x01\x00\x01\x00\x02\xc0\x4c\x25\x90\x02\x74\x01" +
		"\x40\x00\x00\xfe\xe4\x01\x7a\xf5\xa5\xb9\xbb\x1f\xc9\xfa\x23\x00\x00\x00"
	for kind, pixel := range map[string]string{"VP8L": lossless, "VP8 ": lossy} {
		named := func(name string) string { return name + " beside " + kind + ".webp" }
		picture := part(kind, pixel)
		clean := riff(picture)
		add(named("exif"), clean, riff(extended(8), picture, part("EXIF", exif())))
		add(named("xmp"), clean, riff(extended(4), picture, part("XMP ", run)))
		add(named("profile"), clean, riff(extended(32), part("ICCP", profile()), picture))
		add(named("broken profile"), clean, riff(extended(32), part("ICCP", run), picture))
		add(named("unknown chunk"), clean, riff(extended(0), picture, part("PRIV", run)))
		add(named("behind the pixel"), clean, riff(part(kind, pixel+run)))
		add(named("after the end"), clean, join(clean, []byte(run)))
		add(named("a page"), clean, join(clean, []byte("<html>"+run), archive()))
	}
}

func riff(chunks ...[]byte) []byte {
	body := join(append([][]byte{[]byte("WEBP")}, chunks...)...)
	return join([]byte("RIFF"), le.AppendUint32(nil, uint32(len(body))), body)
}

// part returns a chunk.
func part(name, data string) []byte {
	out := le.AppendUint32([]byte(name), uint32(len(data)))
	return append(append(out, data...), make([]byte, len(data)&1)...)
}

// extended returns the header of a file of one pixel. Flags: profile 32, EXIF 8, XMP 4.
func extended(flags byte) []byte {
	return part("VP8X", string([]byte{flags})+"\x00\x00\x00\x00\x00\x00\x00\x00\x00")
}
