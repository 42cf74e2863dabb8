package jpeg

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
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

// decoded decodes a file by codec's contract.
func decoded(t *testing.T, file []byte, threads int) (codec.Decoder, *plane.Picture) {
	t.Helper()
	d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	p := plane.New(d.Header().Layout)
	if _, err := d.Decode(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return d, p
}

// TestEncoderContract checks that the error of a context comes through codec's contract unchanged.
func TestEncoderContract(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e, p := Format.Encoder(nil).(codec.LossyEncoder), jpegtest.Noise(40, 30, 2, 2, 1)
	if _, err := e.Encode(ctx, p, codec.EncodeOptions{}); err != context.Canceled {
		t.Errorf("Encode: %v", err)
	}
	if _, err := e.Trials(ctx, p, codec.EncodeOptions{}); err != context.Canceled {
		t.Errorf("Trials: %v", err)
	}
	trials, err := e.Trials(t.Context(), p, codec.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trials.Encode(ctx, 50); err != context.Canceled {
		t.Errorf("Trials.Encode: %v", err)
	}
	if _, err := e.Encode(t.Context(), &plane.Picture{Layout: plane.NewLayout(plane.RGB, false, 1, 1, 1, 1)},
		codec.EncodeOptions{}); !errors.Is(err, codec.ErrUnsupported) {
		t.Errorf("RGB: %v", err)
	}
}
