#!/usr/bin/env bash
# What: a PNG or TIFF of 16 bits a sample that says it is sRGB, by a profile, comes out pale: red is 234 51 34. sharp converts
#   it to Display P3, writes the numbers of that, and leaves the profile off. Without a profile the same picture is right, and
#   so is one of 8 bits with it.
# Versions: sharp 0.35.5 (libvips 8.18.7) from npm, Pillow 13.0.0, tifffile 2026.3.3 and numpy 2.4.6 from PyPI.
# Why it matters: sharp is documented to convert to sRGB for the web where nothing else is asked for. What Lightroom, Photoshop and
#   scanners export at 16 bits has a profile, of whatever space, and each of its variants loses colour; a test with a JPEG, or
#   with pixels that it makes itself, shows nothing. And where there is no profile, withIccProfile('srgb') takes the pixels for
#   Display P3: they become too vivid. pipelineColourspace('srgb') before all else avoids the first, and withIccProfile('srgb')
#   as well. imgmill converts from the file's profile at any depth, and takes what has none for sRGB.
# Seen: 2026-11-30 (red, and an orange of 200 120 60)
#   8 bits, sRGB profile: 255 0 0, 200 120 60
#   16 bits, no profile: 255 0 0, 200 120 60
#   16 bits, sRGB profile: 234 51 34, 189 124 71
#   16 bits, sRGB profile, pipelineColourspace: 255 0 0, 200 120 60
#   16 bits, sRGB profile, withIccProfile: 255 0 0, 200 120 59
#   16 bits, no profile, withIccProfile: 255 0 0, 213 115 43
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6

cat >make.py <<'EOF'
import numpy as np
import tifffile
from PIL import ImageCms

profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
for bits, scale, kind in ((8, 1, np.uint8), (16, 257, np.uint16)):
    pixels = np.zeros((8, 16, 3), kind)
    pixels[:, :8] = np.multiply((255, 0, 0), scale)
    pixels[:, 8:] = np.multiply((200, 120, 60), scale)
    tifffile.imwrite(f"{bits}.tif", pixels, photometric="rgb")
    tifffile.imwrite(f"{bits}-profile.tif", pixels, photometric="rgb", iccprofile=profile)
EOF
venv/bin/python make.py

cat >convert.js <<'EOF'
const sharp = require('sharp');

async function print(name, image) {
  const png = await image.png().toBuffer();
  const pixels = await sharp(png, { ignoreIcc: true }).raw().toBuffer();
  console.log(`${name}: ${[...pixels.subarray(0, 3)].join(' ')}, ${[...pixels.subarray(36, 39)].join(' ')}`);
}

(async () => {
  await print('8 bits, sRGB profile', sharp('8-profile.tif'));
  await print('16 bits, no profile', sharp('16.tif'));
  await print('16 bits, sRGB profile', sharp('16-profile.tif'));
  await print('16 bits, sRGB profile, pipelineColourspace', sharp('16-profile.tif').pipelineColourspace('srgb'));
  await print('16 bits, sRGB profile, withIccProfile', sharp('16-profile.tif').withIccProfile('srgb'));
  await print('16 bits, no profile, withIccProfile', sharp('16.tif').withIccProfile('srgb'));
})();
EOF
seen=$(node convert.js)
echo "$seen"
[ "$seen" = "8 bits, sRGB profile: 255 0 0, 200 120 60
16 bits, no profile: 255 0 0, 200 120 60
16 bits, sRGB profile: 234 51 34, 189 124 71
16 bits, sRGB profile, pipelineColourspace: 255 0 0, 200 120 60
16 bits, sRGB profile, withIccProfile: 255 0 0, 200 120 59
16 bits, no profile, withIccProfile: 255 0 0, 213 115 43" ]
