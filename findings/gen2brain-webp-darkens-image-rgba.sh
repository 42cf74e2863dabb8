#!/usr/bin/env bash
# What: Encode writes half transparent colours of an *image.RGBA darker than they are: white of opacity 128 becomes a gray of 128.
#   It stores the type's premultiplied samples as though they were the colours. The same picture as *image.NRGBA is right, and
#   the same author's encoder of AVIF takes either.
# Versions: github.com/gen2brain/webp v0.5.5, github.com/gen2brain/avif v0.4.4 and golang.org/x/image v0.48.0, Go 1.26; Pillow
#   13.0.0 from PyPI, which reads the files.
# Why it matters: image.RGBA is what one draws and resizes into in Go, and image/png writes it rightly. A resizer that adds WebP gives
#   logos and cut-outs dark rims and shadows in that format alone, lossless or not; opaque pixels, of which most tests are
#   made, are the same in both types. Draw into an *image.NRGBA. imgmill divides by the opacity before it writes.
# Seen: 2026-11-30 (as Pillow reads what Go wrote)
#   white of opacity 128: NRGBA 255 255 255 128, RGBA 128 128 128 128, RGBA as AVIF 255 255 255 128
#   200 120 60 of opacity 128: NRGBA 200 120 60 128, RGBA 100 60 30 128, RGBA as AVIF 200 119 61 128
#   200 120 60, opaque: NRGBA 200 120 60, RGBA 200 120 60, RGBA as AVIF 200 119 61
set -euo pipefail
work=$(mktemp -d)
export GOPATH=$work/go GOFLAGS=-modcacherw
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >go.mod <<'EOF'
module example.com/rims

go 1.26

require (
	github.com/gen2brain/avif v0.4.4
	github.com/gen2brain/webp v0.5.5
	golang.org/x/image v0.48.0
)
EOF
cat >main.go <<'EOF'
package main

import (
	"image"
	"image/color"
	"io"
	"log"
	"os"

	"github.com/gen2brain/avif"
	"github.com/gen2brain/webp"
	"golang.org/x/image/draw"
)

func save(name string, encode func(io.Writer) error) {
	file, err := os.Create(name)
	if err != nil {
		log.Fatal(err)
	}
	if err := encode(file); err != nil {
		log.Fatal(err)
	}
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
}

func main() {
	for name, c := range map[string]color.NRGBA{
		"white of opacity 128":      {255, 255, 255, 128},
		"200 120 60 of opacity 128": {200, 120, 60, 128},
		"200 120 60, opaque":        {200, 120, 60, 255},
	} {
		box := image.Rect(0, 0, 64, 64)
		straight, premultiplied := image.NewNRGBA(box), image.NewRGBA(box)
		draw.Draw(straight, box, image.NewUniform(c), image.Point{}, draw.Src)
		draw.CatmullRom.Scale(premultiplied, box, straight, box, draw.Src, nil)
		lossless := webp.Options{Lossless: true}
		save(name+": NRGBA.webp", func(w io.Writer) error { return webp.Encode(w, straight, lossless) })
		save(name+": RGBA.webp", func(w io.Writer) error { return webp.Encode(w, premultiplied, lossless) })
		best := avif.Options{Quality: 100, QualityAlpha: 100, Speed: 8}
		save(name+": RGBA.avif", func(w io.Writer) error { return avif.Encode(w, premultiplied, best) })
	}
}
EOF
go mod tidy >/dev/null 2>&1
CGO_ENABLED=0 go run -tags nodynamic .

cat >read.py <<'EOF'
from PIL import Image

for name in "white of opacity 128", "200 120 60 of opacity 128", "200 120 60, opaque":
    levels = [" ".join(map(str, Image.open(f"{name}: {file}").getpixel((32, 32))))
              for file in ("NRGBA.webp", "RGBA.webp", "RGBA.avif")]
    print("{}: NRGBA {}, RGBA {}, RGBA as AVIF {}".format(name, *levels))
EOF
seen=$(venv/bin/python read.py)
echo "$seen"
[ "$seen" = "white of opacity 128: NRGBA 255 255 255 128, RGBA 128 128 128 128, RGBA as AVIF 255 255 255 128
200 120 60 of opacity 128: NRGBA 200 120 60 128, RGBA 100 60 30 128, RGBA as AVIF 200 119 61 128
200 120 60, opaque: NRGBA 200 120 60, RGBA 200 120 60, RGBA as AVIF 200 119 61" ]
