#!/usr/bin/env bash
# What: saving a JPEG with quality="keep", or subsampling="keep", makes 4:2:0 of 4:4:0, the sampling of a 4:2:2 photograph
#   that was turned by a quarter without loss. Pillow keeps 4:4:4, 4:2:2 and 4:2:0; all others get the encoder's default.
# Versions: Pillow 13.0.0, numpy 2.4.6 and imagecodecs 2026.3.6 (which writes the input) from PyPI.
# Why it matters: "keep" is documented to retain the original setting, and is how a program that changes only metadata, such
#   as the orientation or a copyright notice, saves an upload with the least loss. jpegtran and the photo viewers that turn
#   pictures write 4:4:0; its fine colours lose half their contrast here. Look at Image.layer first, which has the factors,
#   and pass subsampling="4:4:4" where it is none of the three. imgmill writes the subsampling that the recipe names.
# Seen: 2026-11-29 (factors of luma; reds in stripes of 2 pixels)
#   4:4:4: 1x1 and 39..222, kept 1x1 and 39..222
#   4:2:2: 2x1 and 76..184, kept 2x1 and 93..167
#   4:4:0: 1x2 and 39..222, kept 2x2 and 76..184
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0 numpy==2.4.6 imagecodecs==2026.3.6

cat >keep.py <<'EOF'
import io

import imagecodecs
import numpy as np
from PIL import Image

red = (np.arange(256) // 2) % 2 == 0
stripes = np.tile(np.where(red[:, None], (220, 40, 40), (40, 40, 220)).astype(np.uint8), (256, 1, 1))


def show(image):
    reds = np.asarray(image)[100, 8:-8, 0]
    return f"{image.layer[0][1]}x{image.layer[0][2]} and {reds.min()}..{reds.max()}"


for name in "4:4:4", "4:2:2", "4:4:0":
    picture = Image.open(io.BytesIO(imagecodecs.jpeg8_encode(stripes, level=95, subsampling=name.replace(":", ""))))
    kept = io.BytesIO()
    picture.save(kept, "JPEG", quality="keep")
    print(f"{name}: {show(picture)}, kept {show(Image.open(kept))}")
EOF
seen=$(venv/bin/python keep.py)
echo "$seen"
[ "$seen" = "4:4:4: 1x1 and 39..222, kept 1x1 and 39..222
4:2:2: 2x1 and 76..184, kept 2x1 and 93..167
4:4:0: 1x2 and 39..222, kept 2x2 and 76..184" ]
