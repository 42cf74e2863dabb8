#!/usr/bin/env bash
# What: readers take the ink of a CMYK JPEG for inverted although nothing in the file says that it is: the marker
#   of Adobe, whose programs began to store it so, makes no difference.
# Versions: Pillow 13.0.0 from PyPI; sharp 0.35.5 (libvips 8.18.7) from npm.
# Why it matters: T.81 defines no colours, and PDF takes such ink as it is, so that a file without the marker can
#   be meant either way. A resizer that believes the marker alone shows black where browsers show a
#   photograph. imgmill inverts all of them, as Chromium 156 does too; in a TIFF, ink is not inverted.
# Seen: 2026-11-29
#   Pillow: with the marker (255, 0, 0), without (255, 0, 0)
#   sharp: with the marker 232,0,0, without 232,0,0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null

cat >cmyk.py <<'EOF'
import io
from PIL import Image

file = io.BytesIO()
Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(file, "JPEG", quality=100)
marked = file.getvalue()
at = marked.index(b"\xff\xee\0\x0eAdobe")
for name, data in ("with", marked), ("without", marked[:at] + marked[at + 16 :]):
    with open(f"{name}.jpg", "wb") as f:
        f.write(data)
a, b = (Image.open(f"{name}.jpg").convert("RGB").getpixel((8, 8)) for name in ("with", "without"))
print(f"Pillow: with the marker {a}, without {b}")
EOF
cat >read.mjs <<'EOF'
import sharp from 'sharp';

const pixel = async (name) => [...(await sharp(name).toColourspace('srgb').raw().toBuffer()).subarray(0, 3)].join();
console.log(`sharp: with the marker ${await pixel('with.jpg')}, without ${await pixel('without.jpg')}`);
EOF
seen=$(venv/bin/python cmyk.py && node read.mjs)
echo "$seen"
[ "$seen" = "Pillow: with the marker (255, 0, 0), without (255, 0, 0)
sharp: with the marker 232,0,0, without 232,0,0" ]
