#!/usr/bin/env bash
# What: sharp and ImageMagick read the colours of an AVIF that stores them multiplied by their opacity, and says so, as they are
#   stored: an orange that is half there becomes a brown that is half there. Pillow, which writes such files, and Skia read them
#   back as they were.
# Versions: Pillow 13.0.0 (libavif) from PyPI; sharp 0.35.5 (libvips 8.18.7), @imagemagick/magick-wasm 0.0.43 (ImageMagick
#   7.1.2-30) and @napi-rs/canvas 1.1.1 (Skia) from npm.
# Why it matters: Pillow's alpha_premultiplied=True and avifenc --premultiply save bytes where much is transparent, as in cut-out
#   products. In a browser they are right; their thumbnails have dark rims and shadows, and are darker still as a JPEG. The sign
#   is an item reference of type prem (ISO/IEC 23008-12), which libheif reports, and a program that uses libheif has to divide
#   by alpha itself. imgmill does so for HEIC, and reports AVIF as unsupported.
# Seen: 2026-11-30 (200 120 60 of opacity 128; on white that is 227 187 157)
#   stored as they are: Pillow 200 119 61 128, Skia 199 120 62 128, sharp 200 120 61 128, ImageMagick 200 120 61 128
#   premultiplied: Pillow 202 120 60 128, Skia 201 120 60 128, sharp 101 60 30 128, ImageMagick 101 60 30 128
#   premultiplied, sharp's flatten on white: 177 157 142
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 @imagemagick/magick-wasm@0.0.43 @napi-rs/canvas@1.1.1 >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >write.py <<'EOF'
from PIL import Image

picture = Image.new("RGBA", (64, 64), (200, 120, 60, 128))
for name, premultiplied in ("stored as they are", False), ("premultiplied", True):
    picture.save(f"{name}.avif", quality=100, subsampling="4:4:4", alpha_premultiplied=premultiplied)
    with open(f"{name}.txt", "w") as file:
        print(*Image.open(f"{name}.avif").getpixel((32, 32)), end="", file=file)
EOF
venv/bin/python write.py

cat >read.mjs <<'EOF'
import fs from 'fs';
import sharp from 'sharp';
import { createCanvas, loadImage } from '@napi-rs/canvas';
import { MagickImage, initializeImageMagick } from '@imagemagick/magick-wasm';

await initializeImageMagick(fs.readFileSync('node_modules/@imagemagick/magick-wasm/dist/x86/magick.wasm'));
for (const name of ['stored as they are', 'premultiplied']) {
  const file = fs.readFileSync(`${name}.avif`);
  const canvas = createCanvas(64, 64).getContext('2d');
  canvas.drawImage(await loadImage(file), 0, 0);
  const image = MagickImage.create(file);
  let magick;
  image.getPixels((pixels) => { magick = pixels.getPixel(32, 32); });
  const vips = await sharp(file).raw().toBuffer();
  console.log(`${name}: Pillow ${fs.readFileSync(`${name}.txt`)}, Skia ${[...canvas.getImageData(32, 32, 1, 1).data].join(' ')}, ` +
    `sharp ${[...vips.subarray(0, 4)].join(' ')}, ImageMagick ${[...magick].join(' ')}`);
}
const flat = await sharp('premultiplied.avif').flatten({ background: 'white' }).raw().toBuffer();
console.log(`premultiplied, sharp's flatten on white: ${[...flat.subarray(0, 3)].join(' ')}`);
EOF
seen=$(node read.mjs)
echo "$seen"
[ "$seen" = "stored as they are: Pillow 200 119 61 128, Skia 199 120 62 128, sharp 200 120 61 128, ImageMagick 200 120 61 128
premultiplied: Pillow 202 120 60 128, Skia 201 120 60 128, sharp 101 60 30 128, ImageMagick 101 60 30 128
premultiplied, sharp's flatten on white: 177 157 142" ]
