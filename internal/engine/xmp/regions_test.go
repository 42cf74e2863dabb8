package xmp

import (
	"fmt"
	"strings"
	"testing"
)

// inRDF puts properties into a packet.
func inRDF(properties string) []byte {
	return []byte(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description ` +
		`xmlns:mwg-rs="` + nsRegions + `" xmlns:stArea="` + nsArea + `" xmlns:stDim="` + nsDimensions + `" xmlns:MP="` + nsPeople +
		`" xmlns:MPRI="` + nsPeopleInfo + `" xmlns:MPReg="` + nsPeopleFaces + `">` + properties + `</rdf:Description></rdf:RDF></x:xmpmeta>`)
}

// list is a list of MWG regions that apply to a picture of 400×300.
func list(items string) string {
	return `<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="400" stDim:h="300" stDim:unit="pixel"/>` +
		`<mwg-rs:RegionList><rdf:Bag>` + items + `</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>`
}

// TestMovedRegions: where a picture was turned or cropped, its packet says no longer where something was.
func TestMovedRegions(t *testing.T) {
	const rest = `<dc:format xmlns:dc="http://purl.org/dc/elements/1.1/">image/jpeg</dc:format><xmp:Rating xmlns:xmp="http://ns.adobe.com/xap/1.0/">3</xmp:Rating>`
	for _, moved := range []bool{false, true} {
		p, err := Parse(inRDF(rest+list(`<rdf:li><mwg-rs:Area stArea:x="0.5" stArea:y="0.5" stArea:w="1" stArea:h="1"/></rdf:li>`)), nil)
		if err != nil {
			t.Fatal(err)
		}
		p.Resized(Picture{Width: 40, Height: 30, Moved: moved})
		if n := len(p.Regions()); (n == 0) != moved || p.property(nsXMP, "Rating") == nil {
			t.Errorf("moved %t: %d regions, %d properties", moved, n, len(p.props))
		}
	}
}

func TestRegions(t *testing.T) {
	const people = `<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag><rdf:li MPReg:Rectangle="0.1, 0.2, 0.3, 0.4" MPReg:PersonDisplayName="A"/>` +
		`<rdf:li MPReg:Rectangle="0.1, 0.2, 0.3"/><rdf:li rdf:parseType="Resource"><MPReg:Rectangle>0.5,0.5,0.6,0.25</MPReg:Rectangle></rdf:li></rdf:Bag></MPRI:Regions></MP:RegionInfo>`
	for _, c := range []struct{ what, properties, want string }{
		{"nothing", "", ""},
		{"attributes, as Apple writes them", list(`<rdf:li rdf:parseType="Resource"><mwg-rs:Area stArea:x="0.5" stArea:y="0.25" stArea:w="0.2" stArea:h="0.1" stArea:unit="normalized"/>` +
			`<mwg-rs:Type>Face</mwg-rs:Type></rdf:li>`), "Face 0.40 0.20 0.60 0.30 of 400×300"},
		{"an rdf:Description, as Lightroom writes it", list(`<rdf:li><rdf:Description mwg-rs:Type="Pet" mwg-rs:Name="Rex"><mwg-rs:Area stArea:x="0.5" stArea:y="0.25" stArea:w="0.2" stArea:h="0.1"/>` +
			`</rdf:Description></rdf:li>`), "Pet 0.40 0.20 0.60 0.30 of 400×300"},
		{"elements", list(`<rdf:li rdf:parseType="Resource"><mwg-rs:Area rdf:parseType="Resource"><stArea:x>0.5</stArea:x><stArea:y>0.25</stArea:y><stArea:w>0.2</stArea:w>` +
			`<stArea:h>0.1</stArea:h></mwg-rs:Area></rdf:li>`), "Face 0.40 0.20 0.60 0.30 of 400×300"},
		{"a point, a circle and pixels", list(`<rdf:li mwg-rs:Type="Focus"><mwg-rs:Area stArea:x="0.5" stArea:y="0.25"/></rdf:li>` +
			`<rdf:li mwg-rs:Type="Focus"><mwg-rs:Area stArea:x="0.5" stArea:y="0.5" stArea:d="0.4"/></rdf:li>` +
			`<rdf:li mwg-rs:Type="BarCode"><mwg-rs:Area stArea:x="100" stArea:y="150" stArea:w="40" stArea:h="30" stArea:unit="pixel"/></rdf:li>`),
			"Focus 0.50 0.25 0.50 0.25 of 400×300, Focus 0.35 0.30 0.65 0.70 of 400×300, BarCode 0.20 0.45 0.30 0.55 of 400×300"},
		{"beyond the edge, and outside", list(`<rdf:li mwg-rs:Type="Face"><mwg-rs:Area stArea:x="0.95" stArea:y="0" stArea:w="0.2" stArea:h="0.1"/></rdf:li>` +
			`<rdf:li mwg-rs:Type="Face"><mwg-rs:Area stArea:x="1.5" stArea:y="0" stArea:w="0.2" stArea:h="0.1"/></rdf:li>`), "Face 0.85 0.00 1.00 0.05 of 400×300"},
		{"no numbers", list(`<rdf:li mwg-rs:Type="Face"><mwg-rs:Area stArea:x="NaN" stArea:y="0" stArea:w="0.2" stArea:h="0.1"/></rdf:li><rdf:li/>` +
			`<rdf:li mwg-rs:Type="Face"><mwg-rs:Area stArea:x="0.5" stArea:y="Inf" stArea:w="-0.2" stArea:h="0.1"/></rdf:li>`), ""},
		{"people", people, "Face 0.10 0.20 0.40 0.60 of 0×0, Face 0.50 0.50 1.00 0.75 of 0×0"},
		{"both", people + list(`<rdf:li mwg-rs:Type="Face"><mwg-rs:Area stArea:x="0.5" stArea:y="0.5" stArea:w="1" stArea:h="1"/></rdf:li>`), "Face 0.00 0.00 1.00 1.00 of 400×300"},
		{"not what it should be", `<mwg-rs:Regions>text</mwg-rs:Regions><MP:RegionInfo MPRI:Regions="1"/>`, ""},
	} {
		p, err := Parse(inRDF(c.properties), nil)
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		var got []string
		for _, r := range p.Regions() {
			got = append(got, fmt.Sprintf("%s %.2f %.2f %.2f %.2f of %v×%v", r.Kind, r.Left, r.Top, r.Right, r.Bottom, r.OfWidth, r.OfHeight))
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s: %s, want %s", c.what, s, c.want)
		}
	}
}
