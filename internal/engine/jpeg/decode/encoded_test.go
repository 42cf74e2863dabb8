package decode

import (
	"bytes"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// encoded encodes a picture.
func encoded(t testing.TB, p *plane.Picture, o encode.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode.Encode(t.Context(), &b, p, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
