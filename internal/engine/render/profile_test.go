package render

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// makeProfile returns a profile of a version with the given tags, in the order of names, and junk
// wherever a profile has room for it.
func makeProfile(version byte, junk string, names []string, tags map[string]string) []byte {
	be := binary.BigEndian
	p := bytes.Repeat([]byte(junk), 128/len(junk)+1)[:128]
	copy(p[8:], []byte{version, 0, 0, 0})
	copy(p[12:], "mntrRGB XYZ ")
	copy(p[36:], "acsp")
	copy(p[64:], "\x00\x00\x00\x01\x00\x00\xf6\xd6\x00\x01\x00\x00\x00\x00\xd3\x2d")
	p = be.AppendUint32(p, uint32(len(names)))
	at := 128 + 4 + 12*len(names)
	var values []byte
	for _, name := range names {
		p = append(p, name...)
		p = be.AppendUint32(be.AppendUint32(p, uint32(at+len(values))), uint32(len(tags[name])))
		values = append(values, tags[name]+junk...)
	}
	return append(append(p, values...), junk...)
}

// matrixTags are those of a matrix profile, with junk in reserved fields and at their ends.
func matrixTags(junk string) ([]string, map[string]string) {
	names := []string{"desc", "rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC", "wtpt", "cprt", "priv"}
	r := junk[:4]
	xyz := func(v string) string { return "XYZ " + r + v + v + v + junk }
	return names, map[string]string{
		"desc": "desc" + r + junk, "cprt": "text" + r + junk, "priv": junk,
		"rXYZ": xyz("\x00\x00\x60\x00"), "gXYZ": xyz("\x00\x00\x70\x00"), "bXYZ": xyz("\x00\x00\x20\x00"), "wtpt": xyz("\x00\x01\x00\x00"),
		"rTRC": "curv" + r + "\x00\x00\x00\x01\x02\x33" + junk,
		"gTRC": "para" + r + "\x00\x00" + junk[:2] + "\x00\x02\x00\x00" + junk,
		"bTRC": "curv" + r + "\x00\x00\x00\x01\x02\x33" + junk,
	}
}

// TestPlainProfile checks that a profile keeps what steers colour, and no text.
func TestPlainProfile(t *testing.T) {
	const junk = "PLANTED!"
	for _, version := range []byte{2, 4} {
		names, tags := matrixTags(junk)
		plain := plainProfile(makeProfile(version, junk, names, tags))
		if plain == nil || bytes.Contains(plain, []byte("PLAN")) || bytes.Contains(plain, []byte("ANTED")) {
			t.Fatalf("version %d: %q", version, plain)
		}
		if int(binary.BigEndian.Uint32(plain)) != len(plain) || len(plain)%4 != 0 || plain[8] != version || string(plain[12:24]) != "mntrRGB XYZ " {
			t.Errorf("version %d: header %q", version, plain[:40])
		}
		for name, want := range map[string]string{
			"gXYZ": "XYZ \x00\x00\x00\x00\x00\x00\x70\x00\x00\x00\x70\x00\x00\x00\x70\x00",
			"rTRC": "curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33",
			"gTRC": "para\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00",
			"priv": "",
		} {
			if got := string(profileTag(plain, name)); got != want {
				t.Errorf("version %d: %s is %q, want %q", version, name, got, want)
			}
		}
		if again := plainProfile(plain); !bytes.Equal(again, plain) {
			t.Errorf("version %d: a plain profile changes", version)
		}
		delete(tags, "bXYZ")
		if p := plainProfile(makeProfile(version, junk, names, tags)); p != nil {
			t.Errorf("version %d: a profile without a primary is used", version)
		}
	}
}

// TestPlainProfileOfAnything checks that a damaged profile is dropped or rebuilt, without a panic.
func TestPlainProfileOfAnything(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	names, tags := matrixTags("PLANTED!")
	tags["A2B0"] = "mft2\x00\x00\x00\x00\x03\x03\x02\x00" + string(make([]byte, 40))
	names = append(names, "A2B0")
	whole := makeProfile(4, "PLANTED!", names, tags)
	for range 20000 {
		p := bytes.Clone(whole[:rng.IntN(len(whole)+1)])
		for range rng.IntN(6) {
			if len(p) > 0 {
				p[rng.IntN(len(p))] = byte(rng.IntN(256))
			}
		}
		if plain := plainProfile(p); plain != nil && len(plain) > len(p)+400 {
			t.Fatalf("%d bytes become %d", len(p), len(plain))
		}
	}
}
