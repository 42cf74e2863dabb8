#!/usr/bin/env bash
# What: the first and last rows of an animation's frames take colour from the frame before and after, when it is resized or
#   blurred: all of a GIF, and a WebP where it is enlarged. A WebP that is made smaller is clean.
# Versions: sharp 0.35.5 (libvips 8.18.7) from npm.
# Why it matters: the frames lie on top of each other in one tall picture, and filters reach beyond a row. Reduced, an edge flickers by
#   14 levels where frames differ; enlarged, half of a row is the other frame; with blur(), as for placeholders and for what
#   is not to be seen yet, a strip as wide as the blur. WebP is reduced by libwebp, frame by frame, while it is read, so that
#   one format looks right in a test and another does not. Process page by page, and join again. imgmill resizes each frame
#   alone.
# Seen: 2026-11-30 (three frames of 100x100, red, blue and green; the first, middle and last row of the blue one)
#   gif, resize(50): 14 0 241, 0 0 255, 0 14 241
#   gif, resize(200): 128 0 128, 0 0 255, 0 0 255
#   gif, blur(10): 122 0 133, 0 0 255, 0 122 133
#   webp, resize(50): 0 0 255, 0 0 255, 0 0 255
#   webp, resize(200): 128 0 128, 0 0 255, 0 0 255
#   webp, blur(10): 122 0 133, 0 0 255, 0 122 133
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null

cat >rows.js <<'EOF'
const sharp = require('sharp');

async function print(name, image) {
  const file = await image.webp({ lossless: true }).toBuffer();
  const { data, info } = await sharp(file, { page: 1 }).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const rows = [0, info.height >> 1, info.height - 1].map((y) => [...data.subarray(3 * y * info.width).subarray(0, 3)].join(' '));
  console.log(`${name}: ${rows.join(', ')}`);
}

(async () => {
  const frames = await Promise.all(['red', 'blue', 'lime'].map((background) => (
    sharp({ create: { width: 100, height: 100, channels: 3, background } }).png().toBuffer())));
  const joined = () => sharp(frames, { join: { animated: true } });
  for (const [name, encoded] of [['gif', joined().gif()], ['webp', joined().webp({ lossless: true })]]) {
    const file = await encoded.toBuffer();
    const open = () => sharp(file, { animated: true });
    await print(`${name}, resize(50)`, open().resize(50));
    await print(`${name}, resize(200)`, open().resize(200));
    await print(`${name}, blur(10)`, open().blur(10));
  }
})();
EOF
seen=$(node rows.js)
echo "$seen"
[ "$seen" = "gif, resize(50): 14 0 241, 0 0 255, 0 14 241
gif, resize(200): 128 0 128, 0 0 255, 0 0 255
gif, blur(10): 122 0 133, 0 0 255, 0 122 133
webp, resize(50): 0 0 255, 0 0 255, 0 0 255
webp, resize(200): 128 0 128, 0 0 255, 0 0 255
webp, blur(10): 122 0 133, 0 0 255, 0 122 133" ]
