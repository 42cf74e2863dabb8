package formats

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// TestHostileToWebP turns the broken and odd files of the corpus into WebP and animated PNG. None may cause a panic or
// take more memory than its frames explain, whatever size it claims, and what is made can be read.
func TestHostileToWebP(t *testing.T) {
	root := os.Getenv("IMGMILL_CORPUS")
	if root == "" {
		t.Skip("IMGMILL_CORPUS is not set")
	}
	var variants []render.Variant
	webp := All().Named("webp")
	for name, v := range map[string]setting.Values{
		"lossy": nil, "coarse": {"quality": "1"}, "lossless": {"lossless": "true"}, "auto": {"lossless": "auto", "exact": "true", "effort": "fast"},
	} {
		variants = append(variants, render.Variant{
			Name: name, Width: 500, Height: 500, Fit: render.Inside, Format: webp, Encoding: v, Frames: render.AllFrames,
		})
	}
	variants = append(variants, render.Variant{
		Name: "png", Width: 500, Height: 500, Fit: render.Inside, Format: All().Named("png"), Frames: render.AllFrames, Poster: 2,
	})
	limits := codec.Limits{Pixels: 1 << 25, Frames: 100, Memory: 256 << 20}
	done, refused := 0, 0
	engine := &render.Engine{Formats: All()}
	try := func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		file, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h, outputs, err := engine.Make(t.Context(), bytes.NewReader(file), limits, variants)
		runtime.ReadMemStats(&after)
		switch {
		case err == nil:
			done++
		case !codec.Permanent(err), strings.Contains(err.Error(), "failed on it"):
			t.Errorf("%s: %v", path, err)
		default:
			refused++
		}
		if used, most := after.TotalAlloc-before.TotalAlloc, uint64(45+15*h.Frames)<<20; used > most {
			t.Errorf("%s: %d MB were allocated, at most %d are expected: %v", path, used>>20, most>>20, err)
		}
		for _, o := range outputs {
			if err := openAndDecode(bytes.NewReader(o.Data)); err != nil {
				t.Errorf("%s: %s cannot be read: %v", path, o.Variant.Name, err)
			}
		}
		return nil
	}
	for _, dir := range []string{"jpeg-hostile", "mixed", "webp-vectors", "pngsuite"} {
		if err := filepath.WalkDir(filepath.Join(root, "corpus", dir), try); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d files became WebP, %d were refused", done, refused)
	if done < 300 {
		t.Error("more of them can be decoded")
	}
}
