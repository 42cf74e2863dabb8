#!/usr/bin/env bash
# What: half transparent colours turn darker, and most of them black, when ImageMagick reads a PSD that it
#   has written itself.
# Versions: @imagemagick/magick-wasm 0.0.43 (ImageMagick 7.1.2-30) from npm.
# Why it matters: Photoshop stores the flattened picture as it looks over white, so that a reader takes the
#   white back. ImageMagick does so when it reads, but writes the colours as they are, and a reader that
#   follows Photoshop sees soft edges and shadows turn black. psd:alpha-unblend=off reads such files, and spoils
#   Photoshop's. Which it is can be seen: over white, no sample is darker than 255 less alpha. imgmill takes
#   white back only where that holds.
# Seen: 2026-11-29
#   written: 200, 150, 100, 128
#   read: 145, 46, 0, 128
#   written: 100, 50, 0, 128
#   read: 0, 0, 0, 128
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @imagemagick/magick-wasm@0.0.43 >/dev/null

cat >again.mjs <<'EOF'
import fs from 'fs';
import { MagickColor, MagickFormat, MagickImage, initializeImageMagick } from '@imagemagick/magick-wasm';

await initializeImageMagick(fs.readFileSync('node_modules/@imagemagick/magick-wasm/dist/x86/magick.wasm'));
function show(name, image) {
  image.getPixels((p) => console.log(`${name}: ${[...p.getPixel(0, 0)].join(', ')}`));
}
for (const colour of [[200, 150, 100, 128], [100, 50, 0, 128]]) {
  const image = MagickImage.create(new MagickColor(...colour), 4, 4);
  show('written', image);
  image.write(MagickFormat.Psd, (file) => show('read', MagickImage.create(Buffer.from(file))));
}
EOF
seen=$(node again.mjs)
echo "$seen"
[ "$seen" = "written: 200, 150, 100, 128
read: 145, 46, 0, 128
written: 100, 50, 0, 128
read: 0, 0, 0, 128" ]
