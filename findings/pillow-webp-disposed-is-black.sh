#!/usr/bin/env bash
# What: what an animated WebP disposes of is opaque black in Pillow, and transparent in sharp and browsers,
#   if no frame has transparent pixels of its own.
# Versions: Pillow 13.0.0 from PyPI, sharp 0.35.5 (libvips 8.18.7) from npm.
# Why it matters: gif2webp writes such files of GIFs without transparent pixels whose frames are disposed
#   of. As no frame has alpha, the alpha flag is not set, and the flag alone decides between RGB and RGBA in
#   Pillow. But the background may be transparent without it (WebP container specification, ANIM chunk), as
#   it is here. imgmill gives an animation alpha if its frames leave parts of the canvas empty.
# Seen: 2026-11-29
#   alpha flag: 0
#   Pillow: (0, 0, 0, 255)
#   sharp: (0, 0, 0, 0)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null

cat >dispose.py <<'EOF'
import io
from PIL import Image

# Frame 1 covers the canvas and is then disposed of; frame 2 is the square in which it differs.
frames = [Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "red")]
frames[1].paste("lime", (2, 2, 6, 6))
out = io.BytesIO()
frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], lossless=True, duration=100)
file = bytearray(out.getvalue())
file[file.index(b"ANMF") + 23] |= 1
with open("disposed.webp", "wb") as f:
    f.write(file)
print("alpha flag:", file[file.index(b"VP8X") + 8] >> 4 & 1)
with Image.open("disposed.webp") as picture:
    picture.seek(1)
    print("Pillow:", picture.convert("RGBA").getpixel((7, 7)))
EOF
cat >read.js <<'EOF'
require('sharp')('disposed.webp', { page: 1 }).ensureAlpha().raw().toBuffer()
  .then((pixels) => console.log(`sharp: (${[...pixels.subarray(-4)].join(', ')})`));
EOF
seen=$(venv/bin/python dispose.py && node read.js)
echo "$seen"
[ "$seen" = "alpha flag: 0
Pillow: (0, 0, 0, 255)
sharp: (0, 0, 0, 0)" ]
