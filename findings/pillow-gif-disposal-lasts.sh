#!/usr/bin/env bash
# What: once a frame of a GIF has asked to be removed, all later frames that ask for nothing (disposal 0)
#   are removed, too.
# Versions: Pillow 13.0.0 from PyPI.
# Why it matters: disposal 0 lets the frame stay (GIF89a, section 23, and every browser); Pillow keeps
#   the method of the frame before. GIFs that draw parts on top of each other lose them, in Pillow's own
#   view and in all that is made from it. imgmill takes each frame's own method.
# Seen: 2026-11-28
#   frame 1, disposal 3: green drawn
#   frame 2, disposal 0: blue drawn
#   frame 3, disposal 0: the blue of frame 2 is gone
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >disposal.py <<'EOF'
import io
import struct
from PIL import Image

colours = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def frame(x, y, side, index, disposal):
    """A square of one colour of the table; each pixel follows a clear code (LZW, 3 bits)."""
    codes, bits = side * side * [4, index] + [5], 0
    for i, code in enumerate(codes):
        bits |= code << 3 * i
    data = bits.to_bytes(3 * len(codes) // 8 + 1, "little")
    return (b"!\xf9\x04" + bytes([disposal << 2 | 1]) + struct.pack("<H", 10) + b"\0\0"
            + b"," + struct.pack("<4H", x, y, side, side) + b"\0\x02" + bytes([len(data)]) + data + b"\0")


table = bytes(3) + b"".join(bytes(c) for c in colours.values())
file = b"GIF89a" + struct.pack("<2H", 4, 4) + b"\xf1\0\0" + table
file += frame(0, 0, 4, 1, 0) + frame(0, 0, 2, 2, 3) + frame(2, 0, 2, 3, 0) + frame(0, 2, 2, 2, 0) + b";"

gif = Image.open(io.BytesIO(file))


def shown(number, x, y):
    gif.seek(number)
    return gif.convert("RGB").getpixel((x, y))


print("frame 1, disposal 3: green", "drawn" if shown(1, 0, 0) == colours["green"] else "missing")
print("frame 2, disposal 0: blue", "drawn" if shown(2, 2, 0) == colours["blue"] else "missing")
print("frame 3, disposal 0: the blue of frame 2", "stays" if shown(3, 2, 0) == colours["blue"] else "is gone")
EOF
seen=$(venv/bin/python disposal.py)
echo "$seen"
[ "$seen" = "frame 1, disposal 3: green drawn
frame 2, disposal 0: blue drawn
frame 3, disposal 0: the blue of frame 2 is gone" ]
