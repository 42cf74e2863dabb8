#!/usr/bin/env bash
# What: thumbnail() of a gray picture of 16 bits works down to a quarter of its size, and raises an error from there on;
#   resize() to the same size works.
# Versions: Pillow 13.0.0 from PyPI.
# Why it matters: scans, X-rays and depth maps are uploaded as gray PNG or TIFF of 16 bits. A test with a small sample
#   passes, and the same code fails for the first real upload: from a factor of 4 on, thumbnail() lets reduce() do the first
#   part (its reducing_gap is 2), and reduce() cannot do mode I;16, which resize() can. Pass reducing_gap=None. Converting to
#   L before is no way out: it makes white of all levels above 255. imgmill reads and reduces 16 bits.
# Seen: 2026-11-29 (a gradient of 1024x1024)
#   PNG: thumbnail to 512 ok, 257 ok, 256 ValueError: image has wrong mode, 100 ValueError: image has wrong mode
#   TIFF: thumbnail to 512 ok, 257 ok, 256 ValueError: image has wrong mode, 100 ValueError: image has wrong mode
#   resize to 100: ok; thumbnail without the gap: ok
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >small.py <<'EOF'
import struct
from PIL import Image

row = struct.pack("<1024H", *range(0, 65536, 64))
picture = Image.frombytes("I;16", (1024, 1024), row * 1024)


def attempt(name, change):
    with Image.open(name) as image:
        try:
            changed = change(image) or image
        except ValueError as e:
            return f"ValueError: {e}"
        assert changed.getextrema()[1] > 60000, changed.getextrema()
        return "ok"


for kind in "PNG", "TIFF":
    picture.save("gradient." + kind.lower())
    seen = (f"{n} {attempt('gradient.' + kind.lower(), lambda i: i.thumbnail((n, n)))}" for n in (512, 257, 256, 100))
    print(f"{kind}: thumbnail to {', '.join(seen)}")
resized = attempt("gradient.png", lambda i: i.resize((100, 100)))
without = attempt("gradient.png", lambda i: i.thumbnail((100, 100), reducing_gap=None))
print(f"resize to 100: {resized}; thumbnail without the gap: {without}")
EOF
seen=$(venv/bin/python small.py)
echo "$seen"
[ "$seen" = "PNG: thumbnail to 512 ok, 257 ok, 256 ValueError: image has wrong mode, 100 ValueError: image has wrong mode
TIFF: thumbnail to 512 ok, 257 ok, 256 ValueError: image has wrong mode, 100 ValueError: image has wrong mode
resize to 100: ok; thumbnail without the gap: ok" ]
