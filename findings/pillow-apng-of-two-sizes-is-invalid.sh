#!/usr/bin/env bash
# What: an APNG that Pillow saves from frames of different sizes, the first not the largest, is not a valid
#   PNG: the header announces the largest width and height, the image data has the size of the first frame.
# Versions: Pillow 13.0.0 from PyPI, sharp 0.35.5 from npm.
# Why it matters: the first frame of an APNG must cover the canvas, or programs that know no animations
#   miss rows (PNG 3rd edition, 11.3.4.2). Pillow reads the file without an error, so that nobody notices;
#   sharp and others on libpng refuse it. Paste frames on one canvas before saving. imgmill refuses the
#   file as corrupt.
# Seen: 2026-11-29
#   header 8x8, first frame 8x4, 100 of 200 bytes of image data
#   Pillow: 2 frames
#   sharp: vipspng: libpng read error
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null

cat >save.py <<'EOF'
import struct
import zlib
from PIL import Image

frames = [Image.new("RGB", (8, 4), "red"), Image.new("RGB", (4, 8), "lime")]
frames[0].save("two.png", save_all=True, append_images=frames[1:], duration=100)
data, at, chunks = open("two.png", "rb").read(), 8, {}
while at < len(data):
    length, kind = struct.unpack_from(">I4s", data, at)
    chunks.setdefault(kind, data[at + 8:at + 8 + length])
    at += 12 + length
width, height = struct.unpack_from(">2I", chunks[b"IHDR"])
first = struct.unpack_from(">4x2I", chunks[b"fcTL"])
print(f"header {width}x{height}, first frame {first[0]}x{first[1]},",
      f"{len(zlib.decompress(chunks[b'IDAT']))} of {(1 + 3 * width) * height} bytes of image data")
with Image.open("two.png") as picture:
    for number in range(picture.n_frames):
        picture.seek(number)
        picture.load()
    print(f"Pillow: {picture.n_frames} frames")
EOF
cat >read.js <<'EOF'
require('sharp')('two.png').raw().toBuffer().then(
  () => console.log('sharp: no error'), (e) => console.log(`sharp: ${e.message}`));
EOF
seen=$(venv/bin/python save.py && node read.js)
echo "$seen"
[ "$seen" = "header 8x8, first frame 8x4, 100 of 200 bytes of image data
Pillow: 2 frames
sharp: vipspng: libpng read error" ]
