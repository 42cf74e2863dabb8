#!/usr/bin/env bash
# What: ssimulacra2 from PyPI gives 100 to a picture that has lost all its transparency, and -673 to one that looks the same
#   and differs only in the colours of what cannot be seen. Both its function with alpha and its command drop the channel.
# Versions: ssimulacra2 0.3.0, Pillow 13.0.0, numpy 2.4.6 and scipy 1.17.1 from PyPI; libjxl-devtools 0.11.2-0.1~deb13u3
#   from Debian 13 (trixie) as the reference.
# Why it matters: qualities of uploads are chosen, and encoders checked, by this score. compute_ssimulacra2_with_alpha is to
#   compare over a dark and a light ground, but converts to RGB first and looks for a fourth channel afterwards. A resizer
#   that fills transparent parts passes, and one that clears hidden colours, as libwebp and imgmill do, fails. libjxl's
#   program takes the channel into account. With this one, compose both pictures over a ground before the comparison.
# Seen: 2026-11-29 (a disc on a transparent ground)
#   made opaque: PyPI 100.0, libjxl -430.7
#   hidden colours cleared: PyPI -673.3, libjxl 100.0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p lists/partial cache/archives/partial root
touch status
echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main' >sources.list
apt=(apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$work/lists"
  -o Dir::Cache="$work/cache" -o Dir::State::status="$work/status" -o APT::Sandbox::User=root)
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends --download-only libjxl-devtools >/dev/null
for deb in cache/archives/*.deb; do dpkg-deb -x "$deb" root; done
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check ssimulacra2==0.3.0 pillow==13.0.0 numpy==2.4.6 scipy==1.17.1

cat >draw.py <<'EOF'
import numpy as np
from PIL import Image

y, x = np.mgrid[0:128, 0:128]
disc = np.where((x - 64) ** 2 + (y - 64) ** 2 < 45**2, 255, 0)
original = np.stack([x + 60, y + 60, (x + y) // 2, disc], 2).astype(np.uint8)
opaque, cleared = original.copy(), original.copy()
opaque[..., 3] = 255
cleared[disc == 0] = 0
for name, picture in ("original", original), ("opaque", opaque), ("cleared", cleared):
    Image.fromarray(picture).save(f"{name}.png")
EOF
venv/bin/python draw.py
lib=root/usr/lib/x86_64-linux-gnu
score() {
  printf '%s: PyPI %.1f, libjxl %.1f\n' "$1" "$(venv/bin/ssymulacra2 original.png "$2")" \
    "$("$lib/ld-linux-x86-64.so.2" --library-path "$lib" root/usr/bin/ssimulacra2 original.png "$2")"
}
seen=$(score "made opaque" opaque.png && score "hidden colours cleared" cleared.png)
echo "$seen"
[ "$seen" = "made opaque: PyPI 100.0, libjxl -430.7
hidden colours cleared: PyPI -673.3, libjxl 100.0" ]
