package hostiletest

import "github.com/imgmill/imgmill/internal/engine/sample"

// pix are the samples of a picture of 3×2 pixels.
const pix = "\x10\x20\x30\x40\x50\x60\x70\x80\x90\xa0\xb0\xc0\xd0\xe0\xf0\x00\x11\x22"

// addICO adds icons: with a PNG that has text, with a second picture, with gaps, and a cursor.
func addICO(add adder) {
	clean := encodePNG(sample.Landscape(30, 20))
	noted := join(clean[:33], chunk("tEXt", "Author\x00"+run), clean[33:])
	add("text.ico", icon(1, "", clean), join(icon(1, "", noted), []byte(run)))
	add("gap.ico", icon(1, "", clean), icon(1, run, clean))
	add("second picture.ico", icon(1, "", clean), icon(1, "", clean, join([]byte("\x28\x00\x00\x00"), []byte(run))))
	add("text.cur", icon(2, "", clean), icon(2, run, noted))
}

// icon returns an icon (kind 1) or a cursor (2) with a picture of 30×20 pixels, and others that are said
// to have one pixel.
func icon(kind byte, gap string, pictures ...[]byte) []byte {
	out := []byte{0, 0, kind, 0, byte(len(pictures)), 0}
	at := 6 + 16*len(pictures) + len(gap)
	for i, p := range pictures {
		w, h := byte(30), byte(20)
		if i > 0 {
			w, h = 1, 1
		}
		out = append(out, w, h, 0, 0, 1, 0, 32, 0)
		out = le.AppendUint32(le.AppendUint32(out, uint32(len(p))), uint32(at))
		at += len(p)
	}
	return join(out, []byte(gap), join(pictures...))
}

// addPNM adds pictures with comments and with a second picture.
func addPNM(add adder) {
	pnm := func(comment string) []byte { return []byte("P6\n" + comment + "3 2\n255\n" + pix) }
	add("comment.ppm", pnm(""), pnm("# "+run+"\n"))
	add("second picture.ppm", pnm(""), join(pnm(""), pnm("# "+run+"\n")))
	pam := func(comment string) []byte {
		return []byte("P7\nWIDTH 3\nHEIGHT 2\nDEPTH 3\nMAXVAL 255\n" + comment + "TUPLTYPE RGB\nENDHDR\n" + pix)
	}
	add("comment.pam", pam(""), pam("# "+run+"\n"))
}

// addQOI adds the only place that QOI has.
func addQOI(add adder) {
	qoi := []byte("qoif\x00\x00\x00\x03\x00\x00\x00\x02\x03\x00")
	for i := 0; i < len(pix); i += 3 {
		qoi = append(append(qoi, 0xfe), pix[i:i+3]...)
	}
	qoi = append(qoi, 0, 0, 0, 0, 0, 0, 0, 1)
	add("after the end.qoi", qoi, join(qoi, []byte(run), archive()))
}

// addPSD adds a picture for each resource that holds texts or pictures, and for layers.
func addPSD(add adder) {
	psd := func(mode, resources, layers, end string) []byte {
		out := []byte("8BPS\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x02\x00\x00\x00\x03\x00\x08\x00\x03")
		for _, section := range []string{mode, resources, layers} {
			out = append(be.AppendUint32(out, uint32(len(section))), section...)
		}
		return join(out, []byte("\x00\x00"+pix+end)) // not compressed
	}
	clean := psd("", "", "", "")
	resource := func(id uint16, data string) string {
		out := be.AppendUint16([]byte("8BIM"), id)
		out = be.AppendUint32(append(out, 0, 0), uint32(len(data)))
		return string(append(append(out, data...), make([]byte, len(data)&1)...))
	}
	for name, r := range map[string]string{
		"iptc.psd": resource(1028, run), "thumbnail.psd": resource(1036, run), "channel names.psd": resource(1006, "\x08"+Marker),
		"slices.psd": resource(1050, run), "exif.psd": resource(1058, exif()), "xmp.psd": resource(1060, run),
		"private.psd": resource(4000, run), "profile.psd": resource(1039, profile()), "broken profile.psd": resource(1039, run),
	} {
		add(name, clean, psd("", r, "", ""))
	}
	add("layers.psd", clean, psd("", "", "\x00\x00\x00\x00\x00\x00\x00\x00"+run, ""))
	add("colour mode.psd", clean, psd(run, "", "", ""))
	add("after the end.psd", clean, psd("", "", "", run+string(archive())))
}
