//go:build nohevc

package heif

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/heif/heiftest"
)

// TestWithoutHEVC: the format is recognised and refused, and no decoder of HEVC is linked.
func TestWithoutHEVC(t *testing.T) {
	readable := &codec.Format{Name: "other", Title: "Other", Detect: func([]byte) bool { return false },
		Open: func(*codec.Stream, codec.OpenOptions) (codec.Decoder, error) { return nil, nil }}
	_, err := codec.Set{HEIC, readable}.Open(bytes.NewReader(heiftest.IPhone), codec.OpenOptions{})
	if !errors.Is(err, codec.ErrUnsupported) || !strings.Contains(err.Error(), "HEIC pictures cannot be read yet; use other") {
		t.Errorf("%v", err)
	}
	out, err := exec.Command("go", "list", "-tags", "nohevc", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "engine/hevc") {
		t.Error("package hevc is linked")
	}
}
