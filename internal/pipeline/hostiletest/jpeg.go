package hostiletest

import (
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/sample"
)

// addJPEG adds a picture for each kind of segment, for tables that no scan uses, and for what may
// follow the end: a second picture, a page, an archive.
func addJPEG(add adder) {
	photo := sample.Photo(60, 40)
	profile := profile()
	for name, segments := range map[string][]byte{
		"comment.jpg":          segment(0xfe, run),
		"script.jpg":           segment(0xfe, "*/=1;alert('"+run+"')/*"),
		"document.jpg":         segment(0xfe, "%PDF-1.7\n"+run),
		"exif.jpg":             segment(0xe1, "Exif\x00\x00"+exif()),
		"broken exif.jpg":      segment(0xe1, "Exif\x00\x00"+run),
		"xmp.jpg":              segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta>"+run+"</x:xmpmeta>"),
		"extended xmp.jpg":     segment(0xe1, "http://ns.adobe.com/xmp/extension/\x00"+run),
		"jfif thumbnail.jpg":   segment(0xe0, "JFXX\x00\x13\x04\x04"+run),
		"iptc.jpg":             segment(0xed, "Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x01\x40"+run),
		"adobe.jpg":            segment(0xee, "Adobe\x00\x64\x00\x00\x00\x00\x01"+run),
		"every app.jpg":        everyAPP(),
		"unused tables.jpg":    append(segment(0xdb, "\x03"+run[:64]), segment(0xc4, "\x13\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"+Marker)...),
		"profile.jpg":          segment(0xe2, "ICC_PROFILE\x00\x01\x01"+profile),
		"broken profile.jpg":   segment(0xe2, "ICC_PROFILE\x00\x01\x01"+run),
		"profile in parts.jpg": append(segment(0xe2, "ICC_PROFILE\x00\x02\x02"+profile[300:]), segment(0xe2, "ICC_PROFILE\x00\x01\x02"+profile[:300])...),
	} {
		add(name, photo, join(photo[:2], segments, photo[2:]))
	}
	add("after the end.jpg", photo, join(photo, []byte(run)))
	add("second picture.jpg", photo, join(photo[:2], segment(0xe2, "MPF\x00"+exif()), photo[2:], photo[:2], segment(0xfe, run), photo[2:]))
	add("a page.jpg", photo, join(photo, []byte("<html><script>"+run+"</script></html>")))
	add("an archive.jpg", photo, join(photo, archive()))
}

// segment returns a segment of a JPEG.
func segment(marker byte, data string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(data)+2)), data...)
}

// everyAPP returns a segment of each application, and of those that JPEG reserves, with text alone.
func everyAPP() []byte {
	var all []byte
	for marker := byte(0xe0); marker <= 0xef; marker++ {
		if marker != 0xee { // a malformed Adobe segment would change how colours are read
			all = append(all, segment(marker, run)...)
		}
	}
	return all
}
