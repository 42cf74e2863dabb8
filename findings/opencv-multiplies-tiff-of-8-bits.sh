#!/usr/bin/env bash
# What: imread with IMREAD_UNCHANGED multiplies the colours of a TIFF by their opacity, if the file is of 8 bits and says that its
#   alpha is unassociated. At 16 bits, colours are what the file holds, as from PNG and WebP, and so they are at 8 bits if
#   OpenCV has written the file, since it leaves out what the alpha means.
# Versions: OpenCV 5.0.0 (opencv-python-headless 5.0.0.93), Pillow 13.0.0 and tifffile 2026.3.3 (which write the files) and numpy
#   2.4.6 from PyPI.
# Why it matters: the array does not tell whether it has been multiplied. Saved as PNG or WebP, where nothing may be, a cut-out from
#   a layout program gets dark rims and shadows; resized by a function that multiplies by alpha, as one should, it gets them
#   twice. A test that lets imwrite make its TIFF passes. IMREAD_COLOR shows the picture over black, and of a PNG the colours
#   that hide behind transparency. libtiff's RGBA interface, which imread uses at 8 bits, always multiplies unassociated alpha.
#   imgmill resizes by multiplied colours, and divides again.
# Seen: 2026-11-30 (red, green and blue of 200 120 60 at an opacity of 128)
#   png, 8 bits: unchanged 200 120 60 128, colour 200 120 60
#   webp, 8 bits: unchanged 200 120 60 128, colour 200 120 60
#   tiff, 8 bits: unchanged 100 60 30 128, colour 100 60 30
#   tiff, 16 bits: unchanged 51400 30840 15420 32896, colour 100 60 30
#   tiff by imwrite, 8 bits: unchanged 200 120 60 128, colour 200 120 60
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check opencv-python-headless==5.0.0.93 pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6

cat >read.py <<'EOF'
import cv2
import numpy as np
import tifffile
from PIL import Image

picture = Image.new("RGBA", (8, 8), (200, 120, 60, 128))
picture.save("8.png")
picture.save("8.webp", lossless=True)
pixels = np.array(picture)
for bits, scaled in ((8, pixels), (16, pixels.astype(np.uint16) * 257)):
    tifffile.imwrite(f"{bits}.tiff", scaled, photometric="rgb", extrasamples=["unassalpha"])
cv2.imwrite("imwrite.tiff", cv2.imread("8.png", cv2.IMREAD_UNCHANGED))


def rgba(name, flags):
    """Reads the first pixel, from red on."""
    blue, green, red, *alpha = cv2.imread(name, flags)[0, 0].tolist()
    return " ".join(map(str, (red, green, blue, *alpha)))


for name, file in (("png, 8 bits", "8.png"), ("webp, 8 bits", "8.webp"), ("tiff, 8 bits", "8.tiff"),
                   ("tiff, 16 bits", "16.tiff"), ("tiff by imwrite, 8 bits", "imwrite.tiff")):
    print(f"{name}: unchanged {rgba(file, cv2.IMREAD_UNCHANGED)}, colour {rgba(file, cv2.IMREAD_COLOR)}")
EOF
seen=$(venv/bin/python read.py 2>log)
echo "$seen"
[ "$seen" = "png, 8 bits: unchanged 200 120 60 128, colour 200 120 60
webp, 8 bits: unchanged 200 120 60 128, colour 200 120 60
tiff, 8 bits: unchanged 100 60 30 128, colour 100 60 30
tiff, 16 bits: unchanged 51400 30840 15420 32896, colour 100 60 30
tiff by imwrite, 8 bits: unchanged 200 120 60 128, colour 200 120 60" ]
