#!/usr/bin/env bash
# What: white in a lossy WebP is 235 in Go, and black 16, with golang.org/x/image/webp, and with gen2brain/webp, although that
#   runs libwebp. The latter does so to lossless files as well, and halves the resolution of their colours.
# Versions: golang.org/x/image v0.48.0, github.com/gen2brain/webp v0.5.5, Go 1.26; Pillow 13.0.0 from PyPI, which writes the files
#   and reads them for comparison.
# Why it matters: VP8 keeps colours in the limited range of video (16 to 235), and both libraries return its planes as Go's
#   image.YCbCr or NYCbCrA, which are defined in the full range of JFIF. Whatever draws, resizes or saves the picture computes
#   by that definition, and no error tells: variants of WebP uploads are pale, and each time one passes through it is
#   paler: white is 218 after the second time and 203 after the third. imgmill has a decoder of its own, which converts
#   from the limited range.
# Seen: 2026-11-30 (white, black, and an orange of 200 120 60 of opacity 128)
#   lossy: Pillow 255 255 255, x/image 235 235 235, gen2brain 235 235 235
#   lossy: Pillow 0 0 0, x/image 16 16 16, gen2brain 16 16 16
#   lossy: Pillow 200 121 61 128, x/image 189 119 67 128, gen2brain 189 119 67 128
#   lossless: Pillow 255 255 255, x/image 255 255 255, gen2brain 235 235 235
#   lossless: Pillow 0 0 0, x/image 0 0 0, gen2brain 16 16 16
#   lossless: Pillow 200 120 60 128, x/image 200 120 60 128, gen2brain 189 119 67 128
set -euo pipefail
work=$(mktemp -d)
export GOPATH=$work/go GOFLAGS=-modcacherw
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

venv/bin/python - <<'EOF'
from PIL import Image

for name, lossless in ("lossy", False), ("lossless", True):
    for i, colour in enumerate(((255, 255, 255), (0, 0, 0), (200, 120, 60, 128))):
        file = f"{name}{i}.webp"
        Image.new("RGB" if len(colour) == 3 else "RGBA", (64, 64), colour).save(file, lossless=lossless, quality=95)
        with open(f"{name}{i}.txt", "w") as text:
            print(*Image.open(file).getpixel((32, 32)), end="", file=text)
EOF

cat >go.mod <<'EOF'
module example.com/white

go 1.26

require (
	github.com/gen2brain/webp v0.5.5
	golang.org/x/image v0.48.0
)
EOF
cat >main.go <<'EOF'
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"io"
	"log"
	"os"

	gen2brain "github.com/gen2brain/webp"
	"golang.org/x/image/webp"
)

// level returns the colour in the middle as Go converts it.
func level(file []byte, decode func(io.Reader) (image.Image, error)) string {
	m, err := decode(bytes.NewReader(file))
	if err != nil {
		log.Fatal(err)
	}
	c := color.NRGBAModel.Convert(m.At(32, 32)).(color.NRGBA)
	if c.A == 255 {
		return fmt.Sprint(c.R, c.G, c.B)
	}
	return fmt.Sprint(c.R, c.G, c.B, c.A)
}

func main() {
	for _, name := range []string{"lossy", "lossless"} {
		for i := range 3 {
			file, err := os.ReadFile(fmt.Sprint(name, i, ".webp"))
			if err != nil {
				log.Fatal(err)
			}
			pillow, err := os.ReadFile(fmt.Sprint(name, i, ".txt"))
			if err != nil {
				log.Fatal(err)
			}
			fmt.Printf("%s: Pillow %s, x/image %s, gen2brain %s\n", name, pillow,
				level(file, webp.Decode), level(file, func(r io.Reader) (image.Image, error) { return gen2brain.Decode(r) }))
		}
	}
}
EOF
go mod tidy >/dev/null 2>&1
seen=$(CGO_ENABLED=0 go run -tags nodynamic .)
echo "$seen"
[ "$seen" = "lossy: Pillow 255 255 255, x/image 235 235 235, gen2brain 235 235 235
lossy: Pillow 0 0 0, x/image 16 16 16, gen2brain 16 16 16
lossy: Pillow 200 121 61 128, x/image 189 119 67 128, gen2brain 189 119 67 128
lossless: Pillow 255 255 255, x/image 255 255 255, gen2brain 235 235 235
lossless: Pillow 0 0 0, x/image 0 0 0, gen2brain 16 16 16
lossless: Pillow 200 120 60 128, x/image 200 120 60 128, gen2brain 189 119 67 128" ]
