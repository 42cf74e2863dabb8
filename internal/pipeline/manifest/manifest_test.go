package manifest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/placeholder"
	"github.com/imgmill/imgmill/internal/pipeline/manifest"
	"github.com/imgmill/imgmill/internal/pipeline/manifest/manifesttest"
)

func variant(set, name, format string, width int) manifest.Variant {
	key := name + "/a b,c.jpg"
	return manifest.Variant{Name: name, Set: set, Key: key, URL: manifest.URL("https://i.example/x/", key), Type: "image/" + format,
		Format: format, Width: width, Height: width / 2, Bytes: 9}
}

// page is a manifest of a variant and two sets.
func page() manifest.Manifest {
	return manifest.Manifest{
		Source:      manifest.Source{Bucket: "in", Key: "a b,c.jpg", ETag: "e", Format: "jpeg", Width: 900, Height: 450, Bytes: 77},
		Alt:         `A "rose" & more`,
		Placeholder: &placeholder.Placeholder{ThumbHash: "3wcCDABpIZkYZI2F9uX2JYCPgQ==", BlurHash: "L00000fQfQfQfQfQfQfQfQfQfQfQ", Colour: "#aa0011"},
		Variants: []manifest.Variant{
			variant("", "thumb", "jpeg", 90),
			variant("page", "p320w", "webp", 320), variant("page", "p900w", "webp", 900),
			variant("page", "p320j", "jpeg", 320), variant("page", "p900j", "jpeg", 900),
			variant("card", "cw", "webp", 400), variant("card", "cj", "jpeg", 400),
		},
		Failed: []manifest.Failure{{Name: "tiny", Reason: "too large"}}, Dropped: []string{"metadata x: not text"},
	}
}

func TestEncode(t *testing.T) {
	for _, sizes := range []string{"", "50vw"} {
		data, err := page().Encode(map[string]string{"page": sizes})
		if err != nil {
			t.Fatal(err)
		}
		if err := manifesttest.Validate(t, data); err != nil {
			t.Error(err)
		}
		m, err := manifest.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if m.Version != 2 || len(m.Variants) != 7 || len(m.Sets) != 2 {
			t.Fatalf("%s", data)
		}
		if sizes == "" {
			sizes = "(min-width: 900px) 900px, 100vw"
		}
		s, card := m.Sets[0], m.Sets[1]
		const srcset = "https://i.example/x/p320w/a%20b%2Cc.jpg 320w, https://i.example/x/p900w/a%20b%2Cc.jpg 900w"
		if s.Sizes != sizes || len(s.Sources) != 2 || s.Sources[0] != (manifest.Format{Type: "image/webp", SrcSet: srcset}) {
			t.Errorf("%+v", s)
		}
		if card.Sizes != "" || card.Sources[1].SrcSet != "https://i.example/x/cj/a%20b%2Cc.jpg" {
			t.Errorf("%+v", card)
		}
	}
	if got := manifest.URL("", "a/b.jpg"); got != "/a/b.jpg" {
		t.Errorf("without an address: %s", got)
	}
}

// TestSchemaRefuses: the schema can fail.
func TestSchemaRefuses(t *testing.T) {
	data, err := page().Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"version": 2`, `"version": 3`}, {`"width": 320`, `"width": 0`}, {`"etag": "e"`, `"etag": ""`}, {`"#aa0011"`, `"red"`},
		{`"type": "image/webp"`, `"type": "text/html"`}, {`a%20b%2Cc.jpg"`, `a b,c.jpg"`}, {`"reason"`, `"because"`},
	} {
		changed := strings.Replace(string(data), change[0], change[1], 1)
		if changed == string(data) || manifesttest.Validate(t, []byte(changed)) == nil {
			t.Errorf("%s is accepted in the place of %s", change[1], change[0])
		}
	}
	for _, other := range []string{"{", `{"version": 1}`, "{}"} {
		if _, err := manifest.Parse([]byte(other)); err == nil {
			t.Errorf("%s is read as a manifest", other)
		}
	}
}

func TestHTML(t *testing.T) {
	data, err := page().Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	var m manifest.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	const src = "https://i.example/x/"
	for _, test := range []struct{ name, alt, want string }{
		{"", "", `<picture>
  <source type="image/webp" srcset="` + src + `p320w/a%20b%2Cc.jpg 320w, ` + src + `p900w/a%20b%2Cc.jpg 900w" sizes="(min-width: 900px) 900px, 100vw">
  <img src="` + src + `p900j/a%20b%2Cc.jpg" srcset="` + src + `p320j/a%20b%2Cc.jpg 320w, ` + src + `p900j/a%20b%2Cc.jpg 900w" sizes="(min-width: 900px) 900px, 100vw" width="900" height="450" alt="A &#34;rose&#34; &amp; more" loading="lazy" decoding="async" style="background-color: #aa0011">
</picture>
`},
		{"card", "Other", `<picture>
  <source type="image/webp" srcset="` + src + `cw/a%20b%2Cc.jpg">
  <img src="` + src + `cj/a%20b%2Cc.jpg" width="400" height="200" alt="Other" loading="lazy" decoding="async" style="background-color: #aa0011">
</picture>
`},
		{"thumb", "", `<img src="` + src + `thumb/a%20b%2Cc.jpg" width="90" height="45" alt="A &#34;rose&#34; &amp; more" loading="lazy" decoding="async" style="background-color: #aa0011">
`},
	} {
		if got, err := m.HTML(test.name, test.alt); got != test.want || err != nil {
			t.Errorf("%s: %v\n got %s\nwant %s", test.name, err, got, test.want)
		}
	}
	if _, err := m.HTML("other", ""); err == nil || !strings.Contains(err.Error(), "it has thumb, page, card") {
		t.Errorf("a variant that is not there: %v", err)
	}
}
