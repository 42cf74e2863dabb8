#!/usr/bin/env bash
# What: pyjpegli writes sequential files with the Huffman codes that T.81 suggests in Annex K, and has no argument for others. The
#   encoder that it wraps counts symbols and writes progressive files by default, in its own command cjpegli.
# Versions: pyjpegli 0.3.2 from PyPI; jpegtran of libjpeg-turbo 2.1.5 and later.
# Why it matters: it is chosen to make variants smaller, and leaves as much of that as it wins: rewritten without a loss, files of
#   photographs become about 7 % smaller, and this drawing 18 %. A comparison of encoders that takes them as they are is unfair to jpegli;
#   imgmill's bench has jpegtran rewrite them.
# Seen: 2026-11-29
#   codes of Annex K: True
#   start of frame: ffc0
#   of the bytes, jpegtran -progressive leaves 82 %
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pyjpegli==0.3.2

cat >codes.py <<'EOF'
import math
import subprocess

import pyjpegli

# A soft picture with edges and some noise.
width, height, seed, pixels = 480, 320, 1, bytearray()
for y in range(height):
    for x in range(width):
        seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
        v = 128 + 60 * math.sin(x / 29 + y / 41) + (40 if (x // 53 + y // 37) % 3 == 0 else 0) + (seed >> 24) / 16
        pixels += bytes(int(min(255, max(0, v + d))) for d in (0, -10, 15))
file = pyjpegli.encode(bytes(pixels), width, height, 80)
# BITS of the luma codes of T.81, tables K.3 and K.5.
dc, ac = bytes([0, 0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]), bytes([0x10, 0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D])
print("codes of Annex K:", dc in file and ac in file)
print("start of frame:", next(m.hex() for m in (b"\xff\xc0", b"\xff\xc2") if m in file))
smaller = subprocess.run(["jpegtran", "-progressive"], input=file, capture_output=True, check=True).stdout
print(f"of the bytes, jpegtran -progressive leaves {100 * len(smaller) / len(file):.0f} %")
EOF
seen=$(venv/bin/python codes.py)
echo "$seen"
[ "$seen" = "codes of Annex K: True
start of frame: ffc0
of the bytes, jpegtran -progressive leaves 82 %" ]
