#!/usr/bin/env bash
# What: of an AVIF that is to be turned by a quarter, image-size tells the size before the turn and no orientation, although it
#   tells one of a JPEG; and probe-image-size tells the orientation of the opposite turn, 8 for 6 and 6 for 8. All other
#   orientations of AVIF, and all of JPEG, are right there.
# Versions: image-size 2.1.0, probe-image-size 7.5.0 and sharp 0.35.5 (libvips 8.18.7) from npm, Pillow 13.0.0 from PyPI, which
#   writes the files.
# Why it matters: pages get their width and height from these two, to leave the right space before a picture loads. Browsers turn
#   AVIF by its properties irot and imir, so that the upright photograph is squeezed into a box that lies on its side. Who turns
#   pixels by what probe-image-size says, because the decoder does not (OpenCV's and PyAV's do not), has it upside down: irot
#   counts quarters against the clock, EXIF's 6 is one with it. imgmill names the size of a variant as it is shown.
# Seen: 2026-11-30 (80x40; size as told, and the orientation)
#   1: shown 80x40; JPEG: image-size 80x40 1, probe 80x40 1; AVIF: image-size 80x40 -, probe 80x40 -
#   3: shown 80x40; JPEG: image-size 80x40 3, probe 80x40 3; AVIF: image-size 80x40 -, probe 80x40 3
#   6: shown 40x80; JPEG: image-size 80x40 6, probe 80x40 6; AVIF: image-size 80x40 -, probe 80x40 8
#   8: shown 40x80; JPEG: image-size 80x40 8, probe 80x40 8; AVIF: image-size 80x40 -, probe 80x40 6
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund image-size@2.1.0 probe-image-size@7.5.0 sharp@0.35.5 >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

venv/bin/python - <<'EOF'
from PIL import Image

for orientation in 1, 3, 6, 8:
    for name in "jpeg", "avif":
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.new("RGB", (80, 40), "teal").save(f"{orientation}.{name}", exif=exif)
EOF
cat >sizes.mjs <<'EOF'
import fs from 'fs';
import { imageSize } from 'image-size';
import probe from 'probe-image-size';
import sharp from 'sharp';

function told({ width, height, orientation }) {
  return `${width}x${height} ${orientation ?? '-'}`;
}
for (const orientation of [1, 3, 6, 8]) {
  const [jpeg, avif] = ['jpeg', 'avif'].map((name) => fs.readFileSync(`${orientation}.${name}`));
  const { info } = await sharp(avif).autoOrient().png().toBuffer({ resolveWithObject: true });
  console.log(`${orientation}: shown ${info.width}x${info.height}; ` +
    `JPEG: image-size ${told(imageSize(jpeg))}, probe ${told(probe.sync(jpeg))}; ` +
    `AVIF: image-size ${told(imageSize(avif))}, probe ${told(probe.sync(avif))}`);
}
EOF
seen=$(node sizes.mjs)
echo "$seen"
[ "$seen" = "1: shown 80x40; JPEG: image-size 80x40 1, probe 80x40 1; AVIF: image-size 80x40 -, probe 80x40 -
3: shown 80x40; JPEG: image-size 80x40 3, probe 80x40 3; AVIF: image-size 80x40 -, probe 80x40 3
6: shown 40x80; JPEG: image-size 80x40 6, probe 80x40 6; AVIF: image-size 80x40 -, probe 80x40 8
8: shown 40x80; JPEG: image-size 80x40 8, probe 80x40 8; AVIF: image-size 80x40 -, probe 80x40 6" ]
