#!/usr/bin/env bash
# What: from a JPEG with IPTC data, `keepMetadata()` writes a TIFF whose tag 33723 holds the first quarter
#   of it only, and of that, the start of Photoshop's wrapping, which does not belong there. No reader finds
#   the creator. sharp itself reports that the file has IPTC data.
# Versions: sharp 0.35.5 (libvips 8.18.7) from npm, Pillow 13.0.0 from PyPI as a second reader.
# Why it matters: by-line and copyright notice of press pictures are in IPTC data, and archives are TIFF.
#   Tag 33723 is counted in numbers of 32 bits in old files and in bytes in new ones, and in JPEG the data
#   lies in an image resource, so both have to be converted. imgmill keeps the bare datasets between formats,
#   reads the tag in either type and byte order, and unwraps it.
# Seen: 2026-11-29
#   JPEG: Pillow reads {(2, 80): b'Ann', (2, 116): b'by Ann'}
#   TIFF: sharp says that there are 12 bytes; tag 33723 is b'Photoshop 3.'; Pillow reads nothing: invalid IPTC/NAA file
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >make.py <<'EOF'
import io
import struct
from PIL import Image

iim = b"".join(struct.pack(">BBBH", 0x1C, 2, number, len(value)) + value for number, value in ((80, b"Ann"), (116, b"by Ann")))
body = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iim)) + iim + b"\0" * (len(iim) % 2)
out = io.BytesIO()
Image.new("RGB", (8, 8)).save(out, "JPEG")
plain = out.getvalue()
with open("input.jpg", "wb") as f:
    f.write(plain[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + plain[2:])
EOF
venv/bin/python make.py
cat >convert.js <<'EOF'
const sharp = require('sharp');
(async () => {
  await sharp('input.jpg').keepMetadata().toFile('output.tiff');
  const { iptc } = await sharp('output.tiff').metadata();
  process.stdout.write(`TIFF: sharp says that there are ${iptc.length} bytes; `);
})();
EOF
cat >read.py <<'EOF'
import sys
from PIL import Image, IptcImagePlugin

image = Image.open(sys.argv[1])
if image.format == "TIFF":
    print(f"tag 33723 is {image.tag_v2[33723]}; ", end="")
try:
    print("Pillow reads", IptcImagePlugin.getiptcinfo(image))
except SyntaxError as e:
    print("Pillow reads nothing:", e)
EOF
seen=$(
	printf 'JPEG: '
	venv/bin/python read.py input.jpg
	node convert.js
	venv/bin/python read.py output.tiff
)
echo "$seen"
[ "$seen" = "JPEG: Pillow reads {(2, 80): b'Ann', (2, 116): b'by Ann'}
TIFF: sharp says that there are 12 bytes; tag 33723 is b'Photoshop 3.'; Pillow reads nothing: invalid IPTC/NAA file" ]
