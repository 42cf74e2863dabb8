#!/usr/bin/env bash
# What: saving an AVIF takes the orientation out of the Exif object that it is given, so that what is saved after it with the
#   same object lies on its side. What is saved before it does not.
# Versions: Pillow 13.0.0 (libavif) from PyPI.
# Why it matters: a server makes AVIF, WebP and JPEG of one upload in a loop, and passes exif=picture.getexif() to each, to
#   keep the credits and the camera's turn. AVIF turns by a property of its own (irot), so the plugin pops the tag, from the
#   caller's object. getexif() hands out the same object every time, so calling it anew does not help. No file fails alone, and
#   the order of the formats decides. Pass exif.tobytes(), or turn the pixels first (ImageOps.exif_transpose). imgmill turns the
#   pixels, and changes no variant by making another.
# Seen: 2026-11-30 (a 64x32 picture of orientation 6, upright 32x64)
#   JPEG, WEBP, PNG, AVIF: JPEG 32x64, WEBP 32x64, PNG 32x64, AVIF 32x64
#   AVIF, JPEG, WEBP, PNG: AVIF 32x64, JPEG 64x32, WEBP 64x32, PNG 64x32
#   AVIF, JPEG, WEBP, PNG, getexif() each time: AVIF 32x64, JPEG 64x32, WEBP 64x32, PNG 64x32
#   AVIF, JPEG, WEBP, PNG, as bytes: AVIF 32x64, JPEG 32x64, WEBP 32x64, PNG 32x64
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >turn.py <<'EOF'
import io
from PIL import Image, ImageOps

upload = io.BytesIO()
exif = Image.Exif()
exif[0x0112] = 6
exif[0x8298] = "by Ann"
Image.new("RGB", (64, 32), "teal").save(upload, "JPEG", exif=exif)


def variants(formats, how):
    """Opens the upload, saves it in all formats, and returns how each is shown."""
    picture = Image.open(upload)
    kept = picture.getexif()
    shown = []
    for name in formats:
        out = io.BytesIO()
        picture.save(out, name, exif=how(picture, kept))
        shown.append("%s %dx%d" % (name, *ImageOps.exif_transpose(Image.open(out)).size))
    return ", ".join(shown)


last, first = ["JPEG", "WEBP", "PNG", "AVIF"], ["AVIF", "JPEG", "WEBP", "PNG"]
for formats, name, how in (
    (last, "", lambda picture, kept: kept),
    (first, "", lambda picture, kept: kept),
    (first, ", getexif() each time", lambda picture, kept: picture.getexif()),
    (first, ", as bytes", lambda picture, kept: kept.tobytes()),
):
    print(", ".join(formats) + name + ": " + variants(formats, how))
EOF
seen=$(venv/bin/python turn.py)
echo "$seen"
[ "$seen" = "JPEG, WEBP, PNG, AVIF: JPEG 32x64, WEBP 32x64, PNG 32x64, AVIF 32x64
AVIF, JPEG, WEBP, PNG: AVIF 32x64, JPEG 64x32, WEBP 64x32, PNG 64x32
AVIF, JPEG, WEBP, PNG, getexif() each time: AVIF 32x64, JPEG 64x32, WEBP 64x32, PNG 64x32
AVIF, JPEG, WEBP, PNG, as bytes: AVIF 32x64, JPEG 32x64, WEBP 32x64, PNG 32x64" ]
