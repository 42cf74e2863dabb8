#!/usr/bin/env bash
# What: imread turns JPEG, PNG and WebP as their orientation says, never turns AVIF, and reads a TIFF that is to be turned by
#   a quarter as None; imdecode reads and turns that TIFF.
# Versions: OpenCV 5.0.0 (opencv-python-headless 5.0.0.93), Pillow 13.0.0 (which writes the files) and numpy 2.4.6 from PyPI.
# Why it matters: imread is documented to turn pictures by default. A test with a JPEG proves it, and the AVIF of the same
#   photograph lies on its side, with nothing left to see it by: its turn is in irot and imir, which a decoder is to apply,
#   so that nobody looks for EXIF. A TIFF from a scanner counts as broken: imread turns it after it was read into an array of
#   the unturned size, and its own check fails ("Internal imread issue"). Read files as bytes and give them to imdecode, and
#   AVIF to another library. imgmill turns all that it reads, and reports AVIF as unsupported.
# Seen: 2026-11-29 (80x40, orientation 1 to 8; 5 to 8 should be 40x80; the corner where the red of the top left is)
#   jpg: 80x40 tl, 80x40 tr, 80x40 br, 80x40 bl, 40x80 tl, 40x80 tr, 40x80 br, 40x80 bl
#   png: 80x40 tl, 80x40 tr, 80x40 br, 80x40 bl, 40x80 tl, 40x80 tr, 40x80 br, 40x80 bl
#   webp: 80x40 tl, 80x40 tr, 80x40 br, 80x40 bl, 40x80 tl, 40x80 tr, 40x80 br, 40x80 bl
#   avif: 80x40 tl, 80x40 tl, 80x40 tl, 80x40 tl, 80x40 tl, 80x40 tl, 80x40 tl, 80x40 tl
#   tif: 80x40 tl, 80x40 tr, 80x40 br, 80x40 bl, None, None, None, None
#   tif, imdecode: 80x40 tl, 80x40 tr, 80x40 br, 80x40 bl, 40x80 tl, 40x80 tr, 40x80 br, 40x80 bl
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6

cat >turn.py <<'EOF'
import cv2
import numpy as np
from PIL import Image

pixels = np.zeros((40, 80, 3), np.uint8)
pixels[:20, :40, 0] = 255


def look(image):
    if image is None:
        return "None"
    height, width, _ = image.shape
    y, x = np.argwhere(image[height // 4 :: height // 2, width // 4 :: width // 2, 2] > 128)[0]
    return f"{width}x{height} {'tb'[y]}{'lr'[x]}"


for suffix in "jpg", "png", "webp", "avif", "tif":
    read, decoded = [], []
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(pixels).save("turn." + suffix, exif=exif)
        read.append(look(cv2.imread("turn." + suffix)))
        decoded.append(look(cv2.imdecode(np.fromfile("turn." + suffix, np.uint8), cv2.IMREAD_COLOR)))
    print(f"{suffix}: {', '.join(read)}")
    if decoded != read:
        print(f"{suffix}, imdecode: {', '.join(decoded)}")
EOF
seen=$(OPENCV_LOG_LEVEL=SILENT venv/bin/python turn.py)
echo "$seen"
turned="80x40 tl, 80x40 tr, 80x40 br, 80x40 bl, 40x80 tl, 40x80 tr, 40x80 br, 40x80 bl"
[ "$seen" = "jpg: $turned
png: $turned
webp: $turned
avif: 80x40 tl, 80x40 tl, 80x40 tl, 80x40 tl, 80x40 tl, 80x40 tl, 80x40 tl, 80x40 tl
tif: 80x40 tl, 80x40 tr, 80x40 br, 80x40 bl, None, None, None, None
tif, imdecode: $turned" ]
