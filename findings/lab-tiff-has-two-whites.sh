#!/usr/bin/env bash
# What: the same L*a*b* TIFF of 8 bits, with its profile in it, is one blue in Pillow, another in ImageMagick,
#   and an error in sharp.
# Versions: Pillow 13.0.0 from PyPI; sharp 0.35.5 (libvips 8.18.7) and @imagemagick/magick-wasm 0.0.43
#   (ImageMagick 7.1.2-30) from npm.
# Why it matters: Photoshop and prepress programs write such files. ImageMagick takes white for D65, where
#   ICC and with it Photoshop mean D50: neutral colours agree, blues are off by 84 levels, so that nobody
#   notices on a photograph of a person. imgmill takes D50.
# Seen: 2026-11-29
#   blue: (84, 61, 245)
#   Pillow: (80, 61, 245)
#   ImageMagick: (0, 71, 243)
#   sharp: bad labq format
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 @imagemagick/magick-wasm@0.0.43 >/dev/null

cat >lab.py <<'EOF'
from PIL import Image, ImageCms

blue, srgb, lab = (84, 61, 245), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
ImageCms.profileToProfile(Image.new("RGB", (4, 4), blue), srgb, lab, outputMode="LAB").save("lab.tif")
with Image.open("lab.tif") as picture:
    back = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB").getpixel((0, 0))
print(f"blue: {blue}\nPillow: {back}")
EOF
cat >read.mjs <<'EOF'
import fs from 'fs';
import sharp from 'sharp';
import { ColorSpace, MagickImage, initializeImageMagick } from '@imagemagick/magick-wasm';

const file = fs.readFileSync('lab.tif');
await initializeImageMagick(fs.readFileSync('node_modules/@imagemagick/magick-wasm/dist/x86/magick.wasm'));
const image = MagickImage.create(file);
image.colorSpace = ColorSpace.sRGB;
image.getPixels((p) => console.log(`ImageMagick: (${[...p.getPixel(0, 0)].join(', ')})`));
try {
  const pixels = await sharp(file).toColourspace('srgb').raw().toBuffer();
  console.log(`sharp: (${[...pixels.subarray(0, 3)].join(', ')})`);
} catch (e) {
  console.log(`sharp: ${e.message.match(/bad .*/)?.[0] ?? e.message}`);
}
EOF
seen=$(venv/bin/python lab.py && node read.mjs)
echo "$seen"
[ "$seen" = "blue: (84, 61, 245)
Pillow: (80, 61, 245)
ImageMagick: (0, 71, 243)
sharp: bad labq format" ]
