#!/usr/bin/env bash
# What: copying an APNG whose default image is not part of the animation leaves a still picture that
#   calls itself an animation of 0 frames. As WebP, it gains the default image as a first frame, and all
#   frames last 0 ms.
# Versions: Pillow 13.0.0 from PyPI.
# Why it matters: the default image outside the animation is a poster for programs that show no APNG; it
#   must be kept apart. After Image.open(f).save(g, save_all=True) the frames are gone without an error,
#   and the next reader warns of an invalid file. imgmill leaves the default image out of the animation.
# Seen: 2026-11-28
#   read: 3 frames, default_image True
#   PNG: acTL says 0 frames, 0 fcTL
#   WebP: 0 ms red, 0 ms green, 0 ms blue
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >copy.py <<'EOF'
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
file = start + chunk(b"IDAT", pixels(red))
file += control(0) + chunk(b"fdAT", struct.pack(">I", 1) + pixels(green))
file += control(2) + chunk(b"fdAT", struct.pack(">I", 3) + pixels(blue)) + end


def copy(name, **options):
    out = io.BytesIO()
    Image.open(io.BytesIO(file)).save(out, name, save_all=True, **options)
    return out.getvalue()


read = Image.open(io.BytesIO(file))
print(f"read: {read.n_frames} frames, default_image {read.info['default_image']}")
png = copy("PNG")
print(f"PNG: acTL says {struct.unpack_from('>I', png, png.find(b'acTL') + 4)[0]} frames, {png.count(b'fcTL')} fcTL")
webp = Image.open(io.BytesIO(copy("WEBP", lossless=True)))
frames = []
for i in range(webp.n_frames):
    webp.seek(i)
    webp.load()
    name = {red: "red", green: "green", blue: "blue"}[webp.convert("RGBA").getpixel((0, 0))]
    frames.append(f"{webp.info['duration']} ms {name}")
print("WebP:", ", ".join(frames))
EOF
seen=$(venv/bin/python copy.py)
echo "$seen"
[ "$seen" = "read: 3 frames, default_image True
PNG: acTL says 0 frames, 0 fcTL
WebP: 0 ms red, 0 ms green, 0 ms blue" ]
