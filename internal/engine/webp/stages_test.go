package webp

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// TestTrialAfterCancelledOne: what a trial that was cancelled has left behind changes no later one.
func TestTrialAfterCancelledOne(t *testing.T) {
	p := codectest.Draw(plane.NewLayout(plane.YCbCr, true, 90, 170, 2, 2), codectest.Smooth, 5)
	want := encodeWith(t, p, nil, codec.EncodeOptions{})
	for n := range 12 {
		trials, err := Format.Encoder(nil).(codec.LossyEncoder).Trials(t.Context(), p, codec.EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := trials.Encode(&codectest.EndsAfter{Context: t.Context(), Left: n}, 30); !errors.Is(err, context.Canceled) {
			t.Fatalf("%d looks: %v", n, err)
		}
		got, err := trials.Encode(t.Context(), DefaultQuality)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d looks: other bytes than without a trial before, %v", n, err)
		}
	}
}

// TestPixelsAskContext checks that what comes before VP8L, and alpha, looks at its context
// for each piece of a picture, and returns its error.
func TestPixelsAskContext(t *testing.T) {
	const w, h = 500, 300
	p := codectest.Draw(plane.NewLayout(plane.RGB, true, w, h, 1, 1), codectest.Noisy, 1)
	few := codectest.Draw(plane.NewLayout(plane.RGB, false, w, h, 1, 1), codectest.Stripes, 1)
	for name, stage := range map[string]func(ctx context.Context) error{
		"planes": func(ctx context.Context) error { _, err := losslessEncoder{}.encodePicture(ctx, few, 1); return err },
		"filter": func(ctx context.Context) error { _, _, err := chooseFilter(ctx, p, 3); return err },
		"alpha":  func(ctx context.Context) error { _, err := alphaChunk(ctx, p); return err },
	} {
		codectest.AsksContext(t, name, h, stage) // a look for each row
	}
}
