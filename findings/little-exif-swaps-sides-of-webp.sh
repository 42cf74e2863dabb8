#!/usr/bin/env bash
# What: write_to_file() announces a lossless WebP of 40x30 as one of 30x40, so that no reader opens it any more, and in a lossy one
#   puts EXIF between its alpha and its colours, with the same end. It returns Ok. Lossy WebP without alpha and lossless
#   squares come out right.
# Versions: little_exif 0.6.23 from crates.io, Rust 1.95; Pillow 13.0.0 from PyPI, which writes and reads the files, and sharp
#   0.35.5 (libvips 8.18.7) from npm, which reads them.
# Why it matters: this is how a program in Rust puts a photographer's name into a finished variant, and the file is written over.
#   Screenshots, drawings and cut-outs are stored in these two ways; a test with a photograph or an icon passes. VP8L has
#   the width before the height, and ALPH belongs right before VP8 (WebP lossless bitstream and container specifications).
#   imgmill takes the size from its encoder, and writes EXIF behind the picture.
# Seen: 2026-11-30
#   lossy: VP8X VP8 EXIF of 40x30; Pillow: 40x30 by Ann; sharp: 40x30
#   lossy with alpha: VP8X ALPH EXIF VP8 of 40x30; Pillow: could not create decoder object; sharp: Input file has corrupt header
#   lossless: VP8X VP8L EXIF of 30x40; Pillow: could not create decoder object; sharp: Input file has corrupt header
#   lossless square: VP8X VP8L EXIF of 40x40; Pillow: 40x40 by Ann; sharp: 40x40
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >Cargo.toml <<'EOF'
[package]
name = "credit"
version = "0.1.0"
edition = "2021"

[dependencies]
little_exif = "=0.6.23"
EOF
mkdir src
cat >src/main.rs <<'EOF'
use little_exif::{exif_tag::ExifTag, metadata::Metadata};
use std::path::Path;

fn main() {
    for path in std::env::args().skip(1) {
        let mut credit = Metadata::new();
        credit.set_tag(ExifTag::Copyright("by Ann".to_string()));
        credit.write_to_file(Path::new(&path)).expect("an error would be no surprise");
    }
}
EOF
cargo build --quiet

cat >read.js <<'EOF'
require('sharp')(process.argv[2]).metadata().then(
  ({ width, height }) => console.log(`${width}x${height}`),
  (err) => console.log(err.message.split(':')[0]));
EOF
cat >look.py <<'EOF'
import subprocess
from PIL import Image

kinds = {"lossy": ("RGB", 30, False), "lossy with alpha": ("RGBA", 30, False), "lossless": ("RGB", 30, True),
         "lossless square": ("RGB", 40, True)}
for name, (mode, height, lossless) in kinds.items():
    Image.new("RGBA", (40, height), (200, 120, 60, 128)).convert(mode).save(f"{name}.webp", lossless=lossless)
subprocess.run(["target/debug/credit", *(f"{name}.webp" for name in kinds)], check=True)
for name in kinds:
    with open(f"{name}.webp", "rb") as file:
        data = file.read()
    chunks, at = [], 12
    while at < len(data):
        chunks.append(data[at:at + 4].decode().strip())
        size = int.from_bytes(data[at + 4:at + 8], "little")
        at += 8 + size + size % 2
    width, height = (int.from_bytes(data[i:i + 3], "little") + 1 for i in (24, 27))
    try:
        with Image.open(f"{name}.webp") as picture:
            pillow = "%dx%d %s" % (*picture.size, picture.getexif()[0x8298])
    except OSError as err:
        pillow = err
    sharp = subprocess.run(["node", "read.js", f"{name}.webp"], check=True, capture_output=True, text=True).stdout.strip()
    print(f"{name}: {' '.join(chunks)} of {width}x{height}; Pillow: {pillow}; sharp: {sharp}")
EOF
seen=$(venv/bin/python look.py)
echo "$seen"
[ "$seen" = "lossy: VP8X VP8 EXIF of 40x30; Pillow: 40x30 by Ann; sharp: 40x30
lossy with alpha: VP8X ALPH EXIF VP8 of 40x30; Pillow: could not create decoder object; sharp: Input file has corrupt header
lossless: VP8X VP8L EXIF of 30x40; Pillow: could not create decoder object; sharp: Input file has corrupt header
lossless square: VP8X VP8L EXIF of 40x40; Pillow: 40x40 by Ann; sharp: 40x40" ]
