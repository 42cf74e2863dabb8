#!/usr/bin/env bash
# What: an icon that Pillow saves as a bitmap has a mask whose rows are not padded to 4 bytes. Pillow, which
#   looks for the mask at the end of the file, then takes pixels for it and shows holes in its own icon.
# Versions: Pillow 13.0.0 from PyPI.
# Why it matters: 16, 24 and 48 pixels, the sizes of a favicon, are concerned; 32 and 64 are not, nor are
#   icons saved as PNG (the default) or from RGBA. The mask of an opaque picture is all 0, so it can be left
#   off, and it must not be looked for from the end. imgmill looks for the mask where the pixels end, and
#   takes one that is too short for none.
# Seen: 2026-11-29
#   16: a mask of 32 bytes, 64 are needed, 63 of 256 pixels are transparent
#   24: a mask of 72 bytes, 96 are needed, 72 of 576 pixels are transparent
#   32: a mask of 128 bytes, 128 are needed, 0 of 1024 pixels are transparent
#   48: a mask of 288 bytes, 384 are needed, 288 of 2304 pixels are transparent
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >icon.py <<'EOF'
import io
import struct
from PIL import Image

for side in 16, 24, 32, 48:
    out = io.BytesIO()
    Image.new("RGB", (side, side), (200, 90, 171)).save(out, "ICO", sizes=[(side, side)], bitmap_format="bmp")
    length, offset = struct.unpack_from("<II", out.getvalue(), 14)  # of the bitmap, from the directory
    header, bits = struct.unpack_from("<I10xH", out.getvalue(), offset)
    mask = length - header - (side * bits + 31) // 32 * 4 * side
    icon = Image.open(out).convert("RGBA")
    holes = icon.getchannel("A").tobytes().count(0)
    print(f"{side}: a mask of {mask} bytes, {(side + 31) // 32 * 4 * side} are needed,",
          f"{holes} of {side * side} pixels are transparent")
EOF
seen=$(venv/bin/python icon.py)
echo "$seen"
[ "$seen" = "16: a mask of 32 bytes, 64 are needed, 63 of 256 pixels are transparent
24: a mask of 72 bytes, 96 are needed, 72 of 576 pixels are transparent
32: a mask of 128 bytes, 128 are needed, 0 of 1024 pixels are transparent
48: a mask of 288 bytes, 384 are needed, 288 of 2304 pixels are transparent" ]
