//go:build amd64 && !purego

package webp

import (
	"bytes"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// TestPlainEncodeIsTheSame compares whole files.
func TestPlainEncodeIsTheSame(t *testing.T) {
	cputest.NeedVector(t)
	p := codectest.Draw(plane.NewLayout(plane.YCbCr, true, 150, 90, 2, 2), codectest.Smooth, 4)
	var want [][]byte
	for _, effort := range codec.EffortSetting.Choices {
		want = append(want, encodeWith(t, p, setting.Values{"effort": effort}, codec.EncodeOptions{}))
	}
	defer cpu.Plain()()
	for i, effort := range codec.EffortSetting.Choices {
		if !bytes.Equal(encodeWith(t, p, setting.Values{"effort": effort}, codec.EncodeOptions{}), want[i]) {
			t.Errorf("effort %s: without kernels the bytes are others", effort)
		}
	}
}
