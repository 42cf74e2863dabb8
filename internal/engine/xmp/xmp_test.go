package xmp

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// sample has properties as attributes and as elements, of every kind of value.
const sample = `<?xpacket begin="` + "\ufeff" + `" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="somebody's 1.0">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <!-- a comment -->
  <rdf:Description rdf:about="uuid:1" xmlns:t="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/" t:Orientation="6" t:ImageWidth="4000" exif:GPSLatitude="47,7.4N" t:Compression="5">
   <exif:PixelXDimension>4000</exif:PixelXDimension><exif:PixelYDimension>3000</exif:PixelYDimension>
   <exif:ColorSpace>65535</exif:ColorSpace>
   <dc:creator><rdf:Seq><rdf:li>Ann &amp; Bob</rdf:li> <rdf:li> Zoë 写真 </rdf:li></rdf:Seq></dc:creator>
   <dc:rights><rdf:Alt><rdf:li xml:lang="de">© Anna</rdf:li><rdf:li xml:lang="x-default">© Ann</rdf:li></rdf:Alt></dc:rights>
  </rdf:Description>
  <rdf:Description rdf:about="uuid:1" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:g="http://ns.adobe.com/xap/1.0/g/img/"
    xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:r="http://ns.adobe.com/xap/1.0/rights/" xmlns:c="http://ns.google.com/photos/1.0/container/">
   <xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType="Resource"><g:image>dW5jcm9wcGVk</g:image></rdf:li></rdf:Alt></xmp:Thumbnails>
   <xmp:Rating>5</xmp:Rating> <photoshop:Credit>Ann's agency</photoshop:Credit>
   <r:UsageTerms>Ask first</r:UsageTerms><r:WebStatement>https://example.com/a?b&amp;c</r:WebStatement>
   <c:Directory><rdf:Seq><rdf:li/></rdf:Seq></c:Directory>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>`

func mustParse(t testing.TB, packet, extension []byte) *Packet {
	t.Helper()
	p, err := Parse(packet, extension)
	if err != nil {
		t.Fatalf("%v: %s", err, packet)
	}
	return p
}

func TestRights(t *testing.T) {
	want := Rights{[]string{"Ann & Bob", "Zoë 写真"}, "© Ann", "Ann's agency", "Ask first", "https://example.com/a?b&c"}
	if got := mustParse(t, []byte(sample), nil).Rights(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	packet, _ := New(want).Marshal(0)
	if got := mustParse(t, packet, nil).Rights(); !reflect.DeepEqual(got, want) {
		t.Errorf("written and read again: %+v from %s", got, packet)
	}
	if packet, _ := New(Rights{}).Marshal(0); packet != nil {
		t.Errorf("of no rights: %s", packet)
	}
	odd := Rights{Notice: "a\x00b\xffc]]><!--"}
	packet, _ = New(odd).Marshal(0)
	if got := mustParse(t, packet, nil).Rights(); got.Notice != "a\ufffdb\ufffdc]]><!--" {
		t.Errorf("%q", got.Notice)
	}
}

func TestResized(t *testing.T) {
	p := mustParse(t, []byte(sample+"\x00"), nil)
	p.Resized(Picture{Width: 320, Height: 200, ColorSpace: 1})
	packet, extension := p.Marshal(0)
	if extension != nil {
		t.Errorf("an extension: %s", extension)
	}
	const want = "<?xpacket begin=\"\ufeff\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>" +
		`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description rdf:about="uuid:1" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"` +
		` xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"` +
		` xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/">` +
		`<tiff:Orientation>1</tiff:Orientation><tiff:ImageWidth>320</tiff:ImageWidth><exif:GPSLatitude>47,7.4N</exif:GPSLatitude>` +
		`<exif:PixelXDimension>320</exif:PixelXDimension><exif:PixelYDimension>200</exif:PixelYDimension><exif:ColorSpace>1</exif:ColorSpace>` +
		`<dc:creator><rdf:Seq><rdf:li>Ann &amp; Bob</rdf:li><rdf:li> Zoë 写真 </rdf:li></rdf:Seq></dc:creator>` +
		`<dc:rights><rdf:Alt><rdf:li xml:lang="de">© Anna</rdf:li><rdf:li xml:lang="x-default">© Ann</rdf:li></rdf:Alt></dc:rights>` +
		`<xmp:Rating>5</xmp:Rating><photoshop:Credit>Ann&#39;s agency</photoshop:Credit>` +
		`<xmpRights:UsageTerms>Ask first</xmpRights:UsageTerms><xmpRights:WebStatement>https://example.com/a?b&amp;c</xmpRights:WebStatement>` +
		`</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`
	if string(packet) != want {
		t.Errorf("got\n%s, want\n%s", packet, want)
	}
	again := mustParse(t, packet, nil)
	if !reflect.DeepEqual(again.props, p.props) {
		t.Errorf("read again, it is another packet")
	}
	q := mustParse(t, []byte(sample), nil)
	q.Resized(Picture{Width: 320, Height: 200})
	if n := q.property(nsEXIF, "ColorSpace"); n.text != "65535" {
		t.Errorf("colour space %q of a picture that was not converted", n.text)
	}
}

// document returns a packet of properties in a namespace of their own.
func document(properties string) []byte {
	return []byte(`<rdf:RDF xmlns:rdf="` + nsRDF + `"><rdf:Description xmlns:a="urn:a">` + properties + `</rdf:Description></rdf:RDF>`)
}

func TestHostilePacketsAreRefused(t *testing.T) {
	for name, packet := range map[string][]byte{
		"document type":      []byte(`<!DOCTYPE a [<!ENTITY b "c">]>` + string(document(`<a:a>&b;</a:a>`))),
		"unknown entity":     document(`<a:a>&b;</a:a>`),
		"deep":               document(strings.Repeat("<a:a>", 10000) + strings.Repeat("</a:a>", 10000)),
		"many elements":      document(strings.Repeat("<a:a/>", maxNodes)),
		"many attributes":    document("<a:a " + strings.Repeat(`b="" `, maxNodes) + "/>"),
		"long":               document(strings.Repeat(" ", MaxLength)),
		"not closed":         document("<a:a>"),
		"not XML":            []byte("PLANTED"[:3] + "\xff<"),
		"another encoding":   []byte(`<?xml version="1.0" encoding="utf-16"?><a/>`),
		"colon at the start": document(`<a:a><:b/></a:a>`),
		"colon at the end":   document(`<a:a b:=""/>`),
	} {
		if _, err := Parse(packet, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestHostilePacketsAreCheap checks that no packet of the largest length takes long to read and divide.
func TestHostilePacketsAreCheap(t *testing.T) {
	var names, spaces strings.Builder
	for i := range 15000 {
		fmt.Fprintf(&names, "<a:p%d>%d</a:p%d>", i, i, i)
		fmt.Fprintf(&spaces, `<p:a xmlns:p="urn:%d"/>`, i)
	}
	for name, properties := range map[string]string{
		"many properties": names.String(),
		"many namespaces": spaces.String(),
		"many comments":   "<a:a>" + strings.Repeat("a<!---->", 120000) + "</a:a>",
		"many references": "<a:a>" + strings.Repeat("&#34;", 200000) + "</a:a>",
		"nested":          strings.Repeat("<a:a>"+strings.Repeat("<a:a>", 50)+strings.Repeat("</a:a>", 50)+"</a:a>", 900),
	} {
		start := time.Now()
		p, err := Parse(document(properties), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p.Resized(Picture{Width: 1, Height: 1})
		packet, extension := p.Marshal(65000)
		if len(packet) > 65000 || packet == nil {
			t.Errorf("%s: %d bytes and %d", name, len(packet), len(extension))
		}
		if took := time.Since(start); took > 20*time.Second { // it takes 0.2 s; machines are busy
			t.Errorf("%s: %v", name, took)
		}
	}
}

// TestDivided checks that a packet that is too large for one place is read whole from two, for every
// room that there may be.
func TestDivided(t *testing.T) {
	p := mustParse(t, []byte(sample), nil)
	p.props = append(p.props, &node{name: name{"urn:history", "All"}, text: strings.Repeat("saved ", 500)})
	whole, _ := p.Marshal(0)
	divided := 0
	for most := 1; most <= len(whole); most += 7 {
		packet, extension := p.Marshal(most)
		if packet == nil {
			if most > 700 {
				t.Errorf("nothing fits %d bytes", most)
			}
			continue
		}
		if len(packet) > most || (extension == nil) != (most >= len(whole)) {
			t.Fatalf("%d bytes and %d, where %d fit", len(packet), len(extension), most)
		}
		if extension == nil {
			continue
		}
		divided++
		if !bytes.Contains(packet, []byte(GUID(extension))) {
			t.Fatalf("%s does not refer to the extension", packet)
		}
		got := mustParse(t, packet, extension)
		if len(got.props) != len(p.props) || !slices.EqualFunc(got.Rights().Creators, p.Rights().Creators, func(a, b string) bool { return a == b }) {
			t.Fatalf("%d properties of %d from %d bytes and %d", len(got.props), len(p.props), len(packet), len(extension))
		}
	}
	if divided < 200 {
		t.Errorf("divided %d times", divided)
	}
}

// FuzzParse checks that what is written is read again as the same properties.
func FuzzParse(f *testing.F) {
	f.Add([]byte(sample), []byte(nil))
	f.Add(document(`<a:a xmlns:b="urn:b" b:c="d"><rdf:Bag><rdf:li>e</rdf:li></rdf:Bag></a:a>`), document("<a:b>x</a:b>"))
	f.Add(inRDF(list(`<rdf:li mwg-rs:Type="Focus"><mwg-rs:Area stArea:x="100" stArea:y="0.5" stArea:d="4" stArea:unit="pixel"/></rdf:li>`)), []byte(nil))
	f.Fuzz(func(t *testing.T, packet, extension []byte) {
		p, err := Parse(packet, extension)
		if err != nil {
			return
		}
		p.Rights()
		for _, r := range p.Regions() {
			if !(0 <= r.Left && r.Left <= r.Right && r.Right <= 1 && 0 <= r.Top && r.Top <= r.Bottom && r.Bottom <= 1) {
				t.Fatalf("a region %+v", r)
			}
		}
		p.Resized(Picture{Width: 320, Height: 200, ColorSpace: 1})
		for _, most := range []int{0, 600} {
			a, b := p.Marshal(most)
			if len(a)+len(b) > MaxLength || a == nil {
				continue
			}
			q := mustParse(t, a, b)
			if most == 0 && !reflect.DeepEqual(q.props, p.props) || len(q.props) != len(p.props) {
				t.Fatalf("%s and %s: read again, they are other properties", a, b)
			}
		}
	})
}
