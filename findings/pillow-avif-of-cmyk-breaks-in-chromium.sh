#!/usr/bin/env bash
# What: a CMYK picture that convert("RGB") has made RGB takes its CMYK profile along into AVIF, PNG and TIFF, without being asked
#   to, and Chromium shows the AVIF as a broken picture. A gray one with a gray profile fares alike. JPEG and WebP of the same
#   picture have no profile.
# Versions: Pillow 13.0.0 from PyPI; Chromium 153.0 (@sparticuz/chromium 153.0.0, by puppeteer-core 25.16.0) and sharp 0.35.5
#   (libvips 8.18.7), which makes the upload and its profile, all from npm.
# Why it matters: convert() counts inks by a formula, but leaves the profile in the picture's info, whence the plugins of AVIF, PNG
#   and TIFF write it if icc_profile is not given; those of JPEG and WebP do not. One profile of a press weighs more than a hundred
#   thumbnails. Chromium refuses an AVIF whose profile is not of its kind of colour, where of PNG it drops the profile, so
#   that <picture> with AVIF first shows nothing, and no fallback. Pillow, libvips and ImageMagick read the file without
#   a word. Pass icc_profile=None, or convert by ImageCms.profileToProfile. imgmill converts by the profile, and writes one of the
#   colour that the variant has.
# Seen: 2026-11-30 (160x120, saved after thumbnail() and convert("RGB"))
#   CMYK, jpeg: 1 kB, Chromium shows it
#   CMYK, webp: 0 kB, Chromium shows it
#   CMYK, png: 423 kB, Chromium shows it
#   CMYK, avif: 962 kB, Chromium: broken
#   CMYK, avif, icc_profile=None: 0 kB, Chromium shows it
#   gray, avif: 1 kB, Chromium: broken
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 @sparticuz/chromium@153.0.0 puppeteer-core@25.16.0 >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >upload.mjs <<'EOF'
import sharp from 'sharp';

const blue = { create: { width: 400, height: 300, channels: 3, background: { r: 0, g: 128, b: 160 } } };
await sharp(blue).toColourspace('cmyk').withIccProfile('cmyk').jpeg().toFile('CMYK.jpg');
EOF
node upload.mjs

venv/bin/python - <<'EOF'
import struct
from PIL import Image


def fixed(*numbers):
    return b"".join(struct.pack(">i", round(n * 65536)) for n in numbers)


# A gray profile of ICC.1 version 2 with a gamma of 1.8.
white = fixed(0.9642, 1, 0.8249)
tags = {
    b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"Test\0" + bytes(79),
    b"cprt": b"text\0\0\0\0none\0\0\0\0",
    b"wtpt": b"XYZ \0\0\0\0" + white,
    b"kTRC": b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(1.8 * 256)),
}
table, body = struct.pack(">I", len(tags)), b""
for name, tag in tags.items():
    table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(tag))
    body += tag
head = struct.pack(">I4sI4s4s4s6H4s28x", 128 + len(table + body), b"", 0x02100000, b"mntr", b"GRAY", b"XYZ ",
                   2026, 1, 1, 0, 0, 0, b"acsp")
Image.new("L", (400, 300), 100).save("gray.jpg", icc_profile=(head + white).ljust(128, b"\0") + table + body)

for upload, formats in ("CMYK", ("jpeg", "webp", "png", "avif")), ("gray", ("avif",)):
    picture = Image.open(f"{upload}.jpg")
    picture.thumbnail((160, 120))
    picture = picture.convert("RGB")
    for name in formats:
        picture.save(f"{upload}, {name}", name)
    if upload == "CMYK":
        picture.save("CMYK, avif, icc_profile=None", "avif", icc_profile=None)
EOF

cat >look.mjs <<'EOF'
import fs from 'fs';
import chromium from '@sparticuz/chromium';
import puppeteer from 'puppeteer-core';

const executablePath = await chromium.executablePath();
const browser = await puppeteer.launch({ args: chromium.args, executablePath, headless: 'shell' });
const page = await browser.newPage();
for (const name of ['CMYK, jpeg', 'CMYK, webp', 'CMYK, png', 'CMYK, avif', 'CMYK, avif, icc_profile=None', 'gray, avif']) {
  const file = fs.readFileSync(name);
  const shown = await page.evaluate(async (url) => {
    const image = new Image();
    image.src = url;
    return await image.decode().then(() => ' shows it', () => ': broken');
  }, `data:image/${name.split(', ')[1]};base64,${file.toString('base64')}`);
  console.log(`${name}: ${Math.round(file.length / 1000)} kB, Chromium${shown}`);
}
await browser.close();
EOF
seen=$(node look.mjs)
echo "$seen"
[ "$seen" = "CMYK, jpeg: 1 kB, Chromium shows it
CMYK, webp: 0 kB, Chromium shows it
CMYK, png: 423 kB, Chromium shows it
CMYK, avif: 962 kB, Chromium: broken
CMYK, avif, icc_profile=None: 0 kB, Chromium shows it
gray, avif: 1 kB, Chromium: broken" ]
