#!/usr/bin/env bash
# What: the default transform of 8-bit L*a*b* to sRGB is up to 36 levels off the same transform without
#   optimisation: LittleCMS replaces the formula by a table, and interpolates in it.
# Versions: LittleCMS 2.19 in Pillow 13.0.0 from PyPI.
# Why it matters: it is what Pillow's profileToProfile and any program with default flags make of a L*a*b* TIFF.
#   One colour in six of an even grid is affected, such as saturated greens. A
#   decoder that computes the formula, as imgmill does, seems wrong where such a result is the reference.
# Seen: 2026-11-29
#   (204, 77, 126) becomes (36, 223, 200), without optimisation (0, 224, 200)
#   more than 5 levels apart: 5081 of 32768 colours
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >lab.py <<'EOF'
from PIL import Image, ImageCms, ImageChops

NO_OPTIMISATION = 0x100  # cmsFLAGS_NOOPTIMIZE
lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
# Every 8th level of red, green and blue, as L*a*b*.
steps = range(0, 256, 8)
colours = Image.frombytes("RGB", (1024, 32), bytes(v for g in steps for r in steps for b in steps for v in (r, g, b)))
stored = ImageCms.applyTransform(colours, ImageCms.buildTransform(srgb, lab, "RGB", "LAB", 1, NO_OPTIMISATION))
by_default, exact = (
    ImageCms.applyTransform(stored, ImageCms.buildTransform(lab, srgb, "LAB", "RGB", 1, flags)) for flags in (0, NO_OPTIMISATION)
)
difference = ImageChops.difference(by_default, exact)
pixels = [max(p) for p in zip(*[iter(difference.tobytes())] * 3)]
worst = pixels.index(max(pixels))
at = worst % difference.width, worst // difference.width
print(f"{stored.getpixel(at)} becomes {by_default.getpixel(at)}, without optimisation {exact.getpixel(at)}")
print(f"more than 5 levels apart: {sum(p > 5 for p in pixels)} of {len(pixels)} colours")
EOF
seen=$(venv/bin/python lab.py)
echo "$seen"
[ "$seen" = "(204, 77, 126) becomes (36, 223, 200), without optimisation (0, 224, 200)
more than 5 levels apart: 5081 of 32768 colours" ]
