#!/usr/bin/env bash
# What: HEIC files in 4:4:4 of low quality have other colours in libheif than in FFmpeg: libde265 does not bound the
#   quantisation parameter of their chroma by 51.
# Versions: pillow-heif 1.8.1 (libheif 1.23.6, libde265, x265), PyAV 18.1.0 (FFmpeg), Pillow 13.0.0 and numpy 2.4.6 from
#   PyPI.
# Why it matters: libheif's quality 0 is a QP of 51 in x265, which in 4:4:4 adds 6 for chroma; from a QP of 46 on, the sum
#   is beyond 51, where H.265 (8.6.1, QpC of a ChromaArrayType other than 1) ends it. libde265 scales the coefficients twice
#   as much as the encoder meant, and chroma goes too far. Its own check of the picture's hash (dec265 -c) fails for such
#   files of x265 --hash 1. imgmill reads what FFmpeg reads, and what the hash says.
# Seen: 2026-11-29
#   quality 50: libheif (47, 59, 71), FFmpeg (47, 59, 71)
#   quality 0: libheif (41, 57, 70), FFmpeg (44, 57, 66)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0 pillow-heif==1.8.1 av==18.1.0 numpy==2.4.6

cat >read.py <<'PY'
import io

import av
import pillow_heif
from PIL import Image

# Shades of gray blue, brighter to the right and down.
picture = Image.new("RGB", (64, 64))
picture.putdata(
    [tuple(x * 350 + y * 250 + k * 3000 >> 8 for k in range(3)) for y in range(64) for x in range(64)]
)


def rgb(y, cb, cr):
    """BT.601 in the full range, which pillow-heif writes."""
    cb, cr = cb - 128, cr - 128
    return tuple(round(v) for v in (y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb))


for quality in (50, 0):
    out = io.BytesIO()
    pillow_heif.from_pillow(picture).save(out, quality=quality, chroma=444)
    libheif = pillow_heif.open_heif(out.getvalue()).to_pillow().getpixel((12, 32))
    out.seek(0)
    with av.open(out) as container:
        planes = next(container.decode(video=0)).to_ndarray().astype(int)
    print(f"quality {quality}: libheif {libheif}, FFmpeg {rgb(*planes[:, 32, 12].tolist())}")
PY
seen=$(venv/bin/python read.py)
echo "$seen"
[ "$seen" = "quality 50: libheif (47, 59, 71), FFmpeg (47, 59, 71)
quality 0: libheif (41, 57, 70), FFmpeg (44, 57, 66)" ]
