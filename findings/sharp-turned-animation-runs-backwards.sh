#!/usr/bin/env bash
# What: rotate(180) of an animation turns the frames and reverses their order as well, and leaves the times of the frames where they
#   were. autoOrient() does so to an animated WebP whose orientation is 3 or 4.
# Versions: sharp 0.35.5 (libvips 8.18.7) from npm.
# Why it matters: 180 degrees is documented as the one turn that animations can have; other angles raise an error, which makes this one
#   look safe. The frames lie on top of each other in one tall picture, and that is what is turned. The animation runs
#   backwards, the pause that belonged to its last frame holds its first, and a still made of page 0 shows the end. Frames that look alike
#   hide it, as in the animations that tests use. Turn page by page, and join again. imgmill turns each frame.
# Seen: 2026-11-30 (frames and milliseconds)
#   as it is: red 100, blue 200, green 3000
#   rotate(180): green 100, blue 200, red 3000
#   orientation 3, autoOrient(): green 100, blue 200, red 3000
#   orientation 4, autoOrient(): green 100, blue 200, red 3000
#   rotate(90): Rotate is not supported for multi-page images
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null

cat >turn.js <<'EOF'
const sharp = require('sharp');

const colours = { '255 0 0': 'red', '0 0 255': 'blue', '0 255 0': 'green' };

async function print(name, image) {
  try {
    const file = await image.webp({ lossless: true }).toBuffer();
    const { pages, delay } = await sharp(file, { animated: true }).metadata();
    const frames = [];
    for (let page = 0; page < pages; page++) {
      const pixels = await sharp(file, { page }).removeAlpha().raw().toBuffer();
      frames.push(`${colours[[...pixels.subarray(0, 3)].join(' ')]} ${delay[page]}`);
    }
    console.log(`${name}: ${frames.join(', ')}`);
  } catch (err) {
    console.log(`${name}: ${err.message}`);
  }
}

(async () => {
  const frames = ['red', 'blue', 'lime'].map((background) => (
    sharp({ create: { width: 32, height: 32, channels: 3, background } }).png().toBuffer()));
  const file = await sharp(await Promise.all(frames), { join: { animated: true } })
    .webp({ lossless: true, delay: [100, 200, 3000] }).toBuffer();
  const open = (input) => sharp(input, { animated: true });
  await print('as it is', open(file));
  await print('rotate(180)', open(file).rotate(180));
  for (const orientation of [3, 4]) {
    const turned = await open(file).withMetadata({ orientation }).webp({ lossless: true }).toBuffer();
    await print(`orientation ${orientation}, autoOrient()`, open(turned).autoOrient());
  }
  await print('rotate(90)', open(file).rotate(90));
})();
EOF
seen=$(node turn.js)
echo "$seen"
[ "$seen" = "as it is: red 100, blue 200, green 3000
rotate(180): green 100, blue 200, red 3000
orientation 3, autoOrient(): green 100, blue 200, red 3000
orientation 4, autoOrient(): green 100, blue 200, red 3000
rotate(90): Rotate is not supported for multi-page images" ]
