#!/usr/bin/env bash
# What: the perceptual intent gives other blacks to two sRGB profiles that differ in nothing but the version in
#   their header. Without the flag for black-point compensation, a profile of version 4 as the destination gets
#   it all the same; one of version 2 does not. With the relative intent, both are equal.
# Versions: LittleCMS 2.19 in Pillow 13.0.0 from PyPI.
# Why it matters: perceptual is Pillow's default, and createProfile("sRGB") makes version 4, while many sRGB
#   profiles on disks and in pictures are of version 2. A program that swaps one for the other turns the
#   black of CMYK uploads from 0 into a visible gray, or back. imgmill documents that its perceptual intent
#   includes the compensation.
# Seen: 2026-11-29
#   perceptual to version 4: black becomes 0, a dark gray 44
#   perceptual to version 2: black becomes 48, a dark gray 66
#   relative to version 4: black becomes 48, a dark gray 66
#   relative to version 2: black becomes 48, a dark gray 66
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >black.py <<'EOF'
import io
import struct
from PIL import Image, ImageCms

# A profile of tables (lut8Type) whose L* rises from 20 to 100 with red; green and blue are unused.
table = b"mft1\0\0\0\0\3\3\2\0" + struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
table += bytes(range(256)) * 3
table += b"".join(bytes([255 if red else 51, 128, 128]) for red in (0, 1) for _ in range(4))
table += bytes(range(256)) * 3
fixed = lambda *v: b"".join(struct.pack(">i", round(x * 65536)) for x in v)
tags = [(b"desc", b"desc\0\0\0\0\0\0\0\6drawn\0" + bytes(78)), (b"cprt", b"text\0\0\0\0none\0"),
        (b"wtpt", b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249)), (b"A2B0", table)]
index, body = struct.pack(">I", len(tags)), b""
for name, data in tags:
    index += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
    body += data + bytes(-len(data) % 4)
head = bytearray(128)
head[:4] = struct.pack(">I", 128 + len(index) + len(body))
head[8:24], head[36:40], head[68:80] = b"\2\x40\0\0prtrRGB Lab ", b"acsp", fixed(0.9642, 1, 0.8249)
head[20:24], head[24:36] = b"Lab ", struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
source = ImageCms.ImageCmsProfile(io.BytesIO(bytes(head) + index + body))

v4 = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
v2 = bytearray(v4)
v2[8:10] = b"\2\x40"
for intent, name in ((0, "perceptual"), (1, "relative")):
    for version, data in ((4, v4), (2, v2)):
        t = ImageCms.buildTransform(source, ImageCms.ImageCmsProfile(io.BytesIO(data)), "RGB", "RGB", renderingIntent=intent)
        black, dark = (ImageCms.applyTransform(Image.new("RGB", (1, 1), (v, 0, 0)), t).getpixel((0, 0))[0] for v in (0, 25))
        print(f"{name} to version {version}: black becomes {black}, a dark gray {dark}")
EOF
seen=$(venv/bin/python black.py)
echo "$seen"
[ "$seen" = "perceptual to version 4: black becomes 0, a dark gray 44
perceptual to version 2: black becomes 48, a dark gray 66
relative to version 4: black becomes 48, a dark gray 66
relative to version 2: black becomes 48, a dark gray 66" ]
