#!/usr/bin/env bash
# What: of a gray PNG of 2 or 4 bits, Pillow takes the transparent level of tRNS for one of 8 bits: the level
#   that is to be transparent is opaque, and another one may vanish.
# Versions: Pillow 13.0.0 from PyPI, sharp 0.35.5 from npm.
# Why it matters: icons and scanned text are gray of few bits, and one transparent level is the cheapest way
#   to store their holes. tRNS holds a level of the file's own depth (PNG 3rd edition, 11.3.1.1), and sharp and
#   browsers read it so. 1 and 8 bits are right in Pillow, too. imgmill writes such pictures with a palette.
# Seen: 2026-11-29
#   (levels and alpha of four pixels, of which the third is transparent)
#   2 bits: Pillow 0:255 85:255 170:255 255:255
#   4 bits: Pillow 0:255 17:255 34:255 51:255
#   2 bits: sharp 0:255 85:255 170:0 255:255
#   4 bits: sharp 0:255 17:255 34:0 51:255
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null

cat >read.py <<'PY'
import struct
import zlib
from PIL import Image

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

# Four pixels of the levels 0 to 3, of which 2 is transparent.
for depth, row in (2, b"\x1b"), (4, b"\x01\x23"):
    with open(f"{depth}.png", "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", 4, 1, depth, 0, 0, 0, 0))
                + chunk(b"tRNS", b"\0\2") + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b""))
    with Image.open(f"{depth}.png") as picture:
        print(f"{depth} bits: Pillow", *(f"{r}:{a}" for r, _, _, a in picture.convert("RGBA").getdata()))
PY
cat >read.js <<'JS'
const sharp = require('sharp');
(async () => {
  for (const depth of [2, 4]) {
    const pixels = await sharp(`${depth}.png`).toColourspace('srgb').ensureAlpha().raw().toBuffer();
    console.log(`${depth} bits: sharp`, ...[0, 4, 8, 12].map((i) => `${pixels[i]}:${pixels[i + 3]}`));
  }
})();
JS
seen=$(venv/bin/python read.py 2>/dev/null && node read.js)
echo "$seen"
[ "$seen" = "2 bits: Pillow 0:255 85:255 170:255 255:255
4 bits: Pillow 0:255 17:255 34:255 51:255
2 bits: sharp 0:255 85:255 170:0 255:255
4 bits: sharp 0:255 17:255 34:0 51:255" ]
