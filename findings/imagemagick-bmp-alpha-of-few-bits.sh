#!/usr/bin/env bash
# What: an opaque pixel of a 16-bit BMP whose alpha has one bit is half transparent in ImageMagick; with
#   four bits a sample, white is (240, 240, 240), and opaque is 240.
# Versions: @imagemagick/magick-wasm 0.0.43 (ImageMagick 7.1.2-30) from npm.
# Why it matters: the largest value of a bit mask means 255, however few bits it has. Colours of 5 and 6 bits
#   are widened as they should be, alpha and samples of 4 bits are only shifted: the variant of an opaque
#   upload lets the page shine through, and becomes gray as a JPEG. imgmill scales every mask to 255.
# Seen: 2026-11-29
#   1 bit of alpha, white and opaque: 255, 255, 255, 128
#   4 bits a sample, white and opaque: 240, 240, 240, 240
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @imagemagick/magick-wasm@0.0.43 >/dev/null

cat >read.mjs <<'EOF'
import fs from 'fs';
import { MagickImage, initializeImageMagick } from '@imagemagick/magick-wasm';

// A BMP of 2x1 pixels of 16 bits: BITMAPV4HEADER with bit masks of red, green, blue and alpha.
function bmp(masks, pixels) {
  const b = Buffer.alloc(14 + 108 + 4);
  b.write('BM');
  b.writeUInt32LE(b.length, 2);
  b.writeUInt32LE(14 + 108, 10);
  [108, 2, 1].forEach((v, i) => b.writeUInt32LE(v, 14 + 4 * i));
  b.writeUInt16LE(1, 26); // planes
  b.writeUInt16LE(16, 28); // bits
  b.writeUInt32LE(3, 30); // bit fields
  b.writeUInt32LE(4, 34); // bytes of pixels
  masks.forEach((m, i) => b.writeUInt32LE(m, 14 + 40 + 4 * i));
  b.write('BGRs', 14 + 56, 'latin1'); // sRGB
  pixels.forEach((p, i) => b.writeUInt16LE(p, 14 + 108 + 2 * i));
  return b;
}

await initializeImageMagick(fs.readFileSync('node_modules/@imagemagick/magick-wasm/dist/x86/magick.wasm'));
function show(name, file) {
  MagickImage.create(file).getPixels((p) => console.log(`${name}: ${[...p.getPixel(0, 0)].join(', ')}`));
}
show('1 bit of alpha, white and opaque', bmp([0x7c00, 0x3e0, 0x1f, 0x8000], [0xffff, 0]));
show('4 bits a sample, white and opaque', bmp([0xf00, 0xf0, 0xf, 0xf000], [0xffff, 0]));
EOF
seen=$(node read.mjs)
echo "$seen"
[ "$seen" = "1 bit of alpha, white and opaque: 255, 255, 255, 128
4 bits a sample, white and opaque: 240, 240, 240, 240" ]
