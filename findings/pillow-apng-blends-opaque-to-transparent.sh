#!/usr/bin/env bash
# What: a half transparent frame that an APNG blends over an opaque one comes out transparent: opacity
#   191 of 255. Over anything opaque the result must be opaque (PNG 3rd edition, 11.3.4.2 and 13.16).
# Versions: Pillow 13.0.0 from PyPI.
# Why it matters: frames with soft edges over a picture are what APNG is chosen for. The variant made
#   with Pillow lets the page shine through, and becomes darker on black and lighter on white; made into
#   a JPEG, it has another colour. Browsers show it opaque. imgmill composes frames itself.
# Seen: 2026-11-28
#   red, then green of opacity 128 over it: (127, 128, 0, 191)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >over.py <<'EOF'
import io
import struct
import zlib
from PIL import Image


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pixels(colour):
    """4x4 pixels of one colour, RGBA."""
    return zlib.compress(4 * (b"\0" + 4 * bytes(colour)))


def control(number, blend=0):
    """fcTL of a frame of the whole picture, 100 ms, that stays."""
    return chunk(b"fcTL", struct.pack(">5I2H2B", number, 4, 4, 0, 0, 100, 1000, 0, blend))


start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", 4, 4, 8, 6, 0, 0, 0)) + chunk(b"acTL", struct.pack(">2I", 2, 0))
end = chunk(b"IEND", b"")
red, green, blue = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)
file = start + control(0) + chunk(b"IDAT", pixels(red))
file += control(1, blend=1) + chunk(b"fdAT", struct.pack(">I", 2) + pixels((0, 255, 0, 128))) + end
animation = Image.open(io.BytesIO(file))
animation.seek(1)
print("red, then green of opacity 128 over it:", animation.convert("RGBA").getpixel((0, 0)))
EOF
seen=$(venv/bin/python over.py)
echo "$seen"
[ "$seen" = "red, then green of opacity 128 over it: (127, 128, 0, 191)" ]
