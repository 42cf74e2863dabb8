#!/usr/bin/env bash
# What: a JPEG in 4:2:2, which stores more colour than one in 4:2:0, has less of it once it was reduced while decoding,
#   and stripes too fine for the small picture come back as false ones. libjpeg-turbo reduces chroma less than luma only
#   where both directions have samples to spare (jdmaster.c); in 4:2:2, half of the samples that would fit are lost.
# Versions: Pillow 13.0.0 (libjpeg-turbo 3.2.0) and numpy 2.4.6 from PyPI; sharp 0.35.5 (libvips 8.18.7, with mozjpeg, which
#   is based on libjpeg-turbo) from npm.
# Why it matters: many cameras and phones write 4:2:2, and thumbnail() and resize() reduce while decoding. Small
#   pictures of fabrics, prints and drawings are dull where colours are fine, and those of the same upload in 4:2:0 are not;
#   two photographs, reduced to 200 pixels, differ by 0.4 levels of chroma from those decoded whole, and by 12 at most.
#   Pillow's thumbnail(size, reducing_gap=None) avoids it, and in sharp extract() of the whole picture before resize();
#   fastShrinkOnLoad: false does not. imgmill reduces each component by what it can be reduced: both come out alike.
# Seen: 2026-11-29 (red less blue in stripes of 12 pixels, -140 to 140; "whole" decodes at full size first)
#   Pillow to 1/8: 4:2:0 -135..136, 4:2:2 -78..79, whole 4:2:2 -127..128
#   sharp to 1/8: 4:2:0 -154..156, 4:2:2 -87..88, whole 4:2:2 -145..146
#   sharp to 1/16: 4:2:0 -6..7, 4:2:2 -59..61, whole 4:2:2 -6..7
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null

cat >draw.py <<'EOF'
import numpy as np
from PIL import Image

red = (np.arange(768) // 12) % 2 == 0
stripes = np.where(red[:, None], (200, 60, 60), (60, 80, 200)).astype(np.uint8)
picture = Image.fromarray(np.tile(stripes, (768, 1, 1)))
for name in "4:2:0", "4:2:2":
    picture.save(name.replace(":", "") + ".jpg", quality=95, subsampling=name)


def colour(image):
    row = np.asarray(image).astype(int)[image.height // 2, 8:-8]
    return f"{(row[:, 0] - row[:, 2]).min()}..{(row[:, 0] - row[:, 2]).max()}"


def thumbnail(name, size):
    with Image.open(name) as image:
        image.thumbnail((size, size))
        return colour(image)


whole = Image.open("422.jpg").resize((96, 96), Image.Resampling.BICUBIC)
print(f"Pillow to 1/8: 4:2:0 {thumbnail('420.jpg', 96)}, 4:2:2 {thumbnail('422.jpg', 96)}, whole 4:2:2 {colour(whole)}")
EOF
cat >resize.mjs <<'EOF'
import sharp from 'sharp';

async function colour(input, size) {
  const pixels = await sharp(input).resize(size).raw().toBuffer();
  let low = 255, high = -255;
  for (let x = 8; x < size - 8; x++) {
    const at = 3 * ((size >> 1) * size + x);
    low = Math.min(low, pixels[at] - pixels[at + 2]);
    high = Math.max(high, pixels[at] - pixels[at + 2]);
  }
  return `${low}..${high}`;
}

const whole = await sharp('422.jpg').png().toBuffer();
for (const part of [8, 16]) {
  const of = (input) => colour(input, 768 / part);
  console.log(`sharp to 1/${part}: 4:2:0 ${await of('420.jpg')}, 4:2:2 ${await of('422.jpg')}, whole 4:2:2 ${await of(whole)}`);
}
EOF
seen=$(venv/bin/python draw.py && node resize.mjs)
echo "$seen"
[ "$seen" = "Pillow to 1/8: 4:2:0 -135..136, 4:2:2 -78..79, whole 4:2:2 -127..128
sharp to 1/8: 4:2:0 -154..156, 4:2:2 -87..88, whole 4:2:2 -145..146
sharp to 1/16: 4:2:0 -6..7, 4:2:2 -59..61, whole 4:2:2 -6..7" ]
