#!/usr/bin/env bash
# What: imread with IMREAD_REDUCED_COLOR_8 averages the pixels of a JPEG, and of any other format reads four of each 64 and
#   skips the rest, so that thin lines vanish. JPEG sizes are rounded up, the others down.
# Versions: OpenCV 5.0.0 (opencv-python-headless 5.0.0.93) and numpy 2.4.6 from PyPI.
# Why it matters: the flag is how OpenCV reduces an upload while reading it, documented as "the image size reduced 1/8" for
#   all formats. For JPEG the decoder does it (libjpeg's scaled DCT); for others, imread decodes all and calls resize with
#   INTER_LINEAR_EXACT, which looks at 2x2 pixels however far it reduces. Screenshots and drawings, which are PNG or WebP,
#   lose what a JPEG of them keeps. Read them whole, and resize with INTER_AREA. imgmill averages all pixels of all formats.
# Seen: 2026-11-29 (203x101, a white line every 8 pixels on black; the mean of all levels should be 32.7)
#   jpg: whole mean 32.7; 1/2 102x51 mean 32.6; 1/4 51x26 mean 32.6; 1/8 26x13 mean 32.0
#   png: whole mean 32.7; 1/2 101x50 mean 16.6; 1/4 50x25 mean 37.9; 1/8 25x12 mean 0.0
#   webp: whole mean 32.7; 1/2 101x50 mean 16.6; 1/4 50x25 mean 37.9; 1/8 25x12 mean 0.0
#   png, read whole, INTER_AREA: 25x12 mean 32.4
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6

cat >read.py <<'EOF'
import cv2
import numpy as np

lines = np.zeros((101, 203, 3), np.uint8)
lines[:, ::8] = 255
cv2.imwrite("lines.jpg", lines, [cv2.IMWRITE_JPEG_QUALITY, 100])
cv2.imwrite("lines.png", lines)
cv2.imwrite("lines.webp", lines, [cv2.IMWRITE_WEBP_QUALITY, 101])  # lossless


def show(image):
    return f"{image.shape[1]}x{image.shape[0]} mean {image.mean():.1f}"


for suffix in "jpg", "png", "webp":
    name = "lines." + suffix
    parts = [f"whole mean {cv2.imread(name).mean():.1f}"]
    for n, flag in (2, cv2.IMREAD_REDUCED_COLOR_2), (4, cv2.IMREAD_REDUCED_COLOR_4), (8, cv2.IMREAD_REDUCED_COLOR_8):
        parts.append(f"1/{n} {show(cv2.imread(name, flag))}")
    print(f"{suffix}: {'; '.join(parts)}")
area = cv2.resize(cv2.imread("lines.png"), (25, 12), interpolation=cv2.INTER_AREA)
print(f"png, read whole, INTER_AREA: {show(area)}")
EOF
seen=$(venv/bin/python read.py)
echo "$seen"
[ "$seen" = "jpg: whole mean 32.7; 1/2 102x51 mean 32.6; 1/4 51x26 mean 32.6; 1/8 26x13 mean 32.0
png: whole mean 32.7; 1/2 101x50 mean 16.6; 1/4 50x25 mean 37.9; 1/8 25x12 mean 0.0
webp: whole mean 32.7; 1/2 101x50 mean 16.6; 1/4 50x25 mean 37.9; 1/8 25x12 mean 0.0
png, read whole, INTER_AREA: 25x12 mean 32.4" ]
