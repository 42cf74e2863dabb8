#!/usr/bin/env bash
# What: an animated WebP saved as APNG loses the time of its first frame, which becomes 0; the others
#   keep theirs.
# Versions: Pillow 13.0.0 from PyPI.
# Why it matters: browsers show a frame of 0 ms for 100 ms, so a first frame of 3 s flashes by. Reading
#   the first frame with load() before saving does not help; passing all durations to save() does.
#   imgmill's decoders return a frame and its time together.
# Seen: 2026-11-28
#   saved 3000, 50, 60 ms: the APNG has 0, 50, 60
#   with the durations passed again: 3000, 50, 60
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >delay.py <<'EOF'
import io
import struct
from PIL import Image

frames = [Image.new("RGB", (4, 4), (v, v, v)) for v in (0, 128, 255)]
webp = io.BytesIO()
frames[0].save(webp, "WEBP", save_all=True, append_images=frames[1:], duration=[3000, 50, 60], lossless=True)


def convert(**options):
    png = io.BytesIO()
    Image.open(webp).save(png, "PNG", save_all=True, **options)
    parts = png.getvalue().split(b"fcTL")[1:]
    return ", ".join(str(1000 * n // d) for n, d in (struct.unpack_from(">2H", p, 20) for p in parts))


print("saved 3000, 50, 60 ms: the APNG has", convert())
print("with the durations passed again:", convert(duration=[3000, 50, 60]))
EOF
seen=$(venv/bin/python delay.py)
echo "$seen"
[ "$seen" = "saved 3000, 50, 60 ms: the APNG has 0, 50, 60
with the durations passed again: 3000, 50, 60" ]
