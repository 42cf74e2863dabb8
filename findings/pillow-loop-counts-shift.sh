#!/usr/bin/env bash
# What: saving an animation in another format changes how often it plays: from GIF to PNG once less, from
#   WebP or PNG to GIF once more, a GIF without a loop block for ever; and to WebP always for ever.
# Versions: Pillow 13.0.0 from PyPI.
# Why it matters: Pillow passes the number on as the file stores it, but GIF stores repetitions where
#   WebP and APNG store plays. A banner that is to play once never stops as WebP. Convert the number, and
#   pass it on to every encoder. imgmill counts plays between decoder and encoder.
# Seen: 2026-11-28 (plays, 0 is for ever)
#   GIF 1 -> WEBP 0, PNG 0
#   GIF 3 -> WEBP 0, PNG 2
#   WEBP 2 -> GIF 3, PNG 2
#   PNG 2 -> GIF 3, WEBP 0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >convert.py <<'EOF'
import io
import struct
from PIL import Image

frames = [Image.new("RGB", (4, 4), (v, v, v)) for v in (0, 128, 255)]


def plays(name, data):
    """The number of plays that a file asks for, by its format's own specification."""
    if name == "GIF":
        at = data.find(b"NETSCAPE2.0")
        repeats = struct.unpack_from("<H", data, at + 13)[0] if at >= 0 else None
        return 1 if repeats is None else repeats and repeats + 1
    if name == "WEBP":
        return struct.unpack_from("<H", data, data.find(b"ANIM") + 12)[0]
    return struct.unpack_from(">I", data, data.find(b"acTL") + 8)[0]


def save(name, image, **options):
    out = io.BytesIO()
    image.save(out, name, save_all=True, **options)
    return out.getvalue()


for source, loop in (("GIF", None), ("GIF", 2), ("WEBP", 2), ("PNG", 2)):
    options = {"append_images": frames[1:], "duration": 100}
    if loop is not None:
        options["loop"] = loop
    data = save(source, frames[0], **options)
    results = [f"{target} {plays(target, save(target, Image.open(io.BytesIO(data))))}"
               for target in ("GIF", "WEBP", "PNG") if target != source]
    print(f"{source} {plays(source, data)} -> {', '.join(results)}")
EOF
seen=$(venv/bin/python convert.py)
echo "$seen"
[ "$seen" = "GIF 1 -> WEBP 0, PNG 0
GIF 3 -> WEBP 0, PNG 2
WEBP 2 -> GIF 3, PNG 2
PNG 2 -> GIF 3, WEBP 0" ]
