#!/usr/bin/env bash
# What: libjxl's ssimulacra2 scores the same pair of pictures lower the wider it is: eight copies side by side lose
#   points against one, although every part of them differs as much.
# Versions: libjxl-devtools 0.11.2-0.1~deb13u3 with libjxl0.11 of the same version, from Debian 13 (trixie), Pillow
#   13.0.0 and numpy 2.3.5 from PyPI.
# Why it matters: qualities of uploads are chosen and encoders are compared by this score. Its recursive filter runs
#   through whole rows and columns in 32 bits and adds up rounding errors, which the difference of two large means
#   of squares shows as noise in smooth, bright parts; the wider the picture, the more, and the higher the score, the
#   more it counts. A panorama seems to need a higher quality than its parts. imgmill's score, by the same formulas with
#   a filter of nine taps, does not fall with the width, and equals that of the formulas in 64 bits.
# Seen: 2026-11-29
#   1 side by side: 92.2
#   8 side by side: 89.9
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p lists/partial cache/archives/partial root debs
touch status
echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main' >sources.list
apt=(apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$work/lists"
  -o Dir::Cache="$work/cache" -o Dir::State::status="$work/status" -o APT::Sandbox::User=root)
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends --download-only libjxl-devtools >/dev/null
for deb in cache/archives/*.deb; do dpkg-deb -x "$deb" root; done
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0 numpy==2.3.5

cat >draw.py <<'EOF'
import io
import numpy as np
from PIL import Image

y, x = np.mgrid[0:256, 0:512]
grain = np.random.default_rng(1).integers(-1, 2, (256, 512))
sky = (215 + 25 * np.sin(x / 163) + 10 * np.cos(y / 71) + grain).astype(np.uint8)
one = Image.fromarray(np.stack([sky, sky, sky], 2))
out = io.BytesIO()
one.save(out, "JPEG", quality=95)
other = Image.open(out).convert("RGB")
for n in (1, 8):
    for name, picture in (("original", one), ("other", other)):
        wide = Image.new("RGB", (512 * n, 256))
        for i in range(n):  # every second one mirrored, so that there are no seams
            wide.paste(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if i % 2 else picture, (512 * i, 0))
        wide.save(f"{name}{n}.png")
EOF
venv/bin/python draw.py
lib=root/usr/lib/x86_64-linux-gnu
for n in 1 8; do
  score=$("$lib/ld-linux-x86-64.so.2" --library-path "$lib" root/usr/bin/ssimulacra2 original$n.png other$n.png)
  echo "$n side by side: $(printf %.1f "$score")"
done | tee seen
awk '{ s[NR] = $NF } END { exit !(s[1] - s[2] > 1) }' seen
