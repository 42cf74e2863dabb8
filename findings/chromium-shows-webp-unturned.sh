#!/usr/bin/env bash
# What: Chromium turns a JPEG and a PNG as their EXIF says, and a WebP never; sharp and Pillow turn all three.
# Versions: Chromium 153.0 (@sparticuz/chromium 153.0.0, by puppeteer-core 25.16.0), sharp 0.35.5 (libvips
#   8.18.7), all from npm, Pillow 13.0.0 from PyPI.
# Why it matters: a converter that keeps EXIF and does not turn the pixels shows upright JPEG but sideways WebP;
#   and of a WebP upload with an orientation, the page shows another picture than its variants. imgmill turns
#   the pixels of each format, and writes an orientation of 1 where EXIF is kept.
# Seen: 2026-11-29 (a 64x32 picture of orientation 6, upright 32x64)
#   jpeg by sharp: Chromium 32x64, sharp 32x64, Pillow 32x64
#   png by sharp: Chromium 32x64, sharp 32x64, Pillow 32x64
#   webp by sharp: Chromium 64x32, sharp 32x64, Pillow 32x64
#   webp by Pillow: Chromium 64x32, sharp 32x64, Pillow 32x64
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 @sparticuz/chromium@153.0.0 puppeteer-core@25.16.0 >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >look.mjs <<'EOF'
import fs from 'fs';
import { execFileSync } from 'child_process';
import sharp from 'sharp';
import chromium from '@sparticuz/chromium';
import puppeteer from 'puppeteer-core';

const python = (code, ...args) => execFileSync('venv/bin/python', ['-c', code, ...args], { encoding: 'utf8' }).trim();
const executablePath = await chromium.executablePath();
const browser = await puppeteer.launch({ args: chromium.args, executablePath, headless: 'shell' });
const page = await browser.newPage();

async function look(name, format, path) {
  const file = fs.readFileSync(path);
  const shown = await page.evaluate(async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    return `${image.naturalWidth}x${image.naturalHeight}`;
  }, `data:image/${format};base64,${file.toString('base64')}`);
  const { info } = await sharp(file).autoOrient().toBuffer({ resolveWithObject: true });
  const upright = python(`import sys
from PIL import Image, ImageOps
print("%dx%d" % ImageOps.exif_transpose(Image.open(sys.argv[1])).size)`, path);
  console.log(`${name}: Chromium ${shown}, sharp ${info.width}x${info.height}, Pillow ${upright}`);
}

for (const format of ['jpeg', 'png', 'webp']) {
  await sharp({ create: { width: 64, height: 32, channels: 3, background: 'red' } })
    .withMetadata({ orientation: 6 }).toFormat(format).toFile(`sharp.${format}`);
  await look(`${format} by sharp`, format, `sharp.${format}`);
}
python(`from PIL import Image
exif = Image.Exif()
exif[0x0112] = 6
Image.new("RGB", (64, 32), "red").save("pillow.webp", exif=exif)`);
await look('webp by Pillow', 'webp', 'pillow.webp');
await browser.close();
EOF
seen=$(node look.mjs)
echo "$seen"
[ "$seen" = "jpeg by sharp: Chromium 32x64, sharp 32x64, Pillow 32x64
png by sharp: Chromium 32x64, sharp 32x64, Pillow 32x64
webp by sharp: Chromium 64x32, sharp 32x64, Pillow 32x64
webp by Pillow: Chromium 64x32, sharp 32x64, Pillow 32x64" ]
