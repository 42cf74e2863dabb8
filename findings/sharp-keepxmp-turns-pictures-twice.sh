#!/usr/bin/env bash
# What: `autoOrient().keepXmp()` turns the pixels upright and leaves tiff:Orientation="6" in XMP, with no
#   EXIF beside it. Pillow's exif_transpose, for lack of EXIF, believes XMP, and turns the upright JPEG or
#   WebP once more.
# Versions: sharp 0.35.5 (libvips 8.18.7) from npm, Pillow 13.0.0 from PyPI.
# Why it matters: XMP repeats the orientation and the size that EXIF has, and whoever keeps it for its
#   credits has to correct it as well, or the next program in a chain turns portraits to their sides. imgmill
#   sets tiff:Orientation to 1, and the sizes to those of the variant.
# Seen: 2026-11-29 (a 64x32 picture of orientation 6, upright 32x64)
#   keepXmp jpeg: 32x64, orientation of EXIF none, of XMP 6; Pillow makes it 64x32
#   keepXmp webp: 32x64, orientation of EXIF none, of XMP 6; Pillow makes it 64x32
#   keepMetadata jpeg: 32x64, orientation of EXIF 1, of XMP 6; Pillow makes it 32x64
#   keepMetadata webp: 32x64, orientation of EXIF 1, of XMP 6; Pillow makes it 32x64
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >convert.js <<'EOF'
const sharp = require('sharp');
const segment = (marker, body) => {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([head, body]);
};
// One field: orientation 6, "turn by 90 degrees clockwise".
const exif = Buffer.from('Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0', 'latin1');
const xmp = Buffer.from('http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/">' +
  '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""' +
  ' xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>');
(async () => {
  const plain = await sharp({ create: { width: 64, height: 32, channels: 3, background: 'red' } }).jpeg().toBuffer();
  const input = Buffer.concat([plain.subarray(0, 2), segment(0xe1, exif), segment(0xe1, xmp), plain.subarray(2)]);
  for (const keep of ['keepXmp', 'keepMetadata']) {
    for (const format of ['jpeg', 'webp']) {
      await sharp(input).autoOrient()[keep]().toFormat(format).toFile(`${keep} ${format}`);
    }
  }
})();
EOF
node convert.js

cat >turn.py <<'EOF'
import re
from PIL import Image, ImageOps

for name in "keepXmp jpeg", "keepXmp webp", "keepMetadata jpeg", "keepMetadata webp":
    image = Image.open(name)
    exif = Image.Exif()
    exif.load(image.info.get("exif", b""))
    xmp = re.search(rb'tiff:Orientation="(\d)"', image.info["xmp"]).group(1).decode()
    turned = ImageOps.exif_transpose(image)
    print(f"{name}: {image.width}x{image.height}, orientation of EXIF {exif.get(0x0112, 'none')}, of XMP {xmp}; "
          f"Pillow makes it {turned.width}x{turned.height}")
EOF
seen=$(venv/bin/python turn.py)
echo "$seen"
[ "$seen" = "keepXmp jpeg: 32x64, orientation of EXIF none, of XMP 6; Pillow makes it 64x32
keepXmp webp: 32x64, orientation of EXIF none, of XMP 6; Pillow makes it 64x32
keepMetadata jpeg: 32x64, orientation of EXIF 1, of XMP 6; Pillow makes it 32x64
keepMetadata webp: 32x64, orientation of EXIF 1, of XMP 6; Pillow makes it 32x64" ]
