#!/usr/bin/env bash
# What: insert() into an animated WebP leaves a file that no reader opens, without an error, if its last frame draws only a part:
#   the canvas gets the size of that part, and EXIF stands in front of the animation. If the last frame fills the canvas,
#   and for still WebP of every kind, the result can be read.
# Versions: piexif 1.1.3 and Pillow 13.0.0 from PyPI, sharp 0.35.5 (libvips 8.18.7) from npm.
# Why it matters: this is how Python programs put a copyright notice into uploads and variants without encoding them anew, and given
#   a path, as most examples have it, insert() writes over the file, so that the only copy of a sticker is gone. Encoders store of a
#   frame what has changed, and tests have still pictures, or frames of one colour. The canvas is in VP8X, and EXIF belongs behind
#   the frames (WebP container specification). imgmill keeps EXIF and XMP of animations, and writes them there.
# Seen: 2026-11-30 (40x30)
#   the whole canvas changes: canvas 40x30, VP8X ANIM ANMF ANMF; then 40x30, VP8X EXIF ANIM ANMF ANMF
#     Pillow: 40x30, 2 frames; sharp: 40x30, 2 frames
#   a square of 10x10 changes: canvas 40x30, VP8X ANIM ANMF ANMF; then 10x10, VP8X EXIF ANIM ANMF ANMF
#     Pillow: could not create decoder object; sharp: Input file has corrupt header
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0 piexif==1.1.3

cat >insert.py <<'EOF'
import subprocess
import piexif
from PIL import Image


def chunks(path):
    """Returns the size of the canvas, and the names of the chunks."""
    with open(path, "rb") as file:
        data = file.read()
    width, height = (int.from_bytes(data[i:i + 3], "little") + 1 for i in (24, 27))
    names, at = [], 12
    while at < len(data):
        names.append(data[at:at + 4].decode())
        size = int.from_bytes(data[at + 4:at + 8], "little")
        at += 8 + size + size % 2
    return f"{width}x{height}, " + " ".join(names)


def pillow(path):
    try:
        with Image.open(path) as picture:
            picture.load()
            return "%dx%d, %d frames" % (*picture.size, picture.n_frames)
    except OSError as err:
        return str(err)


red = Image.new("RGB", (40, 30), "red")
for name, box in ("the whole canvas", (0, 0, 40, 30)), ("a square of 10x10", (10, 10, 20, 20)):
    frame = red.copy()
    frame.paste("blue", box)
    red.save("a.webp", save_all=True, append_images=[frame], duration=100, lossless=True)
    before = chunks("a.webp")
    piexif.insert(piexif.dump({"0th": {piexif.ImageIFD.Copyright: b"by Ann"}}), "a.webp")
    print(f"{name} changes: canvas {before}; then {chunks('a.webp')}")
    sharp = subprocess.run(["node", "read.js", "a.webp"], check=True, capture_output=True, text=True).stdout.strip()
    print(f"  Pillow: {pillow('a.webp')}; sharp: {sharp}")
EOF
cat >read.js <<'EOF'
require('sharp')(process.argv[2], { animated: true }).metadata().then(
  ({ width, pageHeight, pages }) => console.log(`${width}x${pageHeight}, ${pages} frames`),
  (err) => console.log(err.message.split(':')[0]));
EOF
seen=$(venv/bin/python insert.py)
echo "$seen"
[ "$seen" = "the whole canvas changes: canvas 40x30, VP8X ANIM ANMF ANMF; then 40x30, VP8X EXIF ANIM ANMF ANMF
  Pillow: 40x30, 2 frames; sharp: 40x30, 2 frames
a square of 10x10 changes: canvas 40x30, VP8X ANIM ANMF ANMF; then 10x10, VP8X EXIF ANIM ANMF ANMF
  Pillow: could not create decoder object; sharp: Input file has corrupt header" ]
