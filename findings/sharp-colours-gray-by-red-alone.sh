#!/usr/bin/env bash
# What: flatten() puts a gray picture with opacity not on the colour that it is given, nor on a gray as light as that, but on a
#   gray of the colour's red part: gold becomes white, green black. extend() and resize({ fit: 'contain' }) take the
#   lightness of the colour. The same picture stored as RGB gets the colour itself.
# Versions: sharp 0.35.5 (libvips 8.18.7) from npm.
# Why it matters: optimisers of PNG store black and white logos as gray with alpha (colour type 4), which looks the same to
#   everyone else. Of two logos that a shop puts on its green, the one with a spot of colour comes out right, and the other
#   one black on black. toColourspace('srgb') comes too late to help; pipelineColourspace('srgb') does. imgmill makes RGB of
#   gray where the background has a colour.
# Seen: 2026-11-30 (the ground behind transparent, or around)
#   gold, 255 215 0: of RGB, flatten 255 215 0; of gray, flatten 255 255 255, contain 207 207 207
#   green, 0 128 0: of RGB, flatten 0 128 0; of gray, flatten 0 0 0, contain 91 91 91
#   navy, 0 0 128: of RGB, flatten 0 0 128; of gray, flatten 0 0 0, contain 9 9 9
#   pipelineColourspace, of gray, flatten 255 215 0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null

cat >ground.js <<'EOF'
const sharp = require('sharp');

async function corner(image) {
  const { data } = await sharp(await image.png().toBuffer()).raw().toBuffer({ resolveWithObject: true });
  return [...data.subarray(0, 3)].join(' ');
}

(async () => {
  const clear = { create: { width: 8, height: 8, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } };
  const rgb = await sharp(clear).png().toBuffer();
  const gray = await sharp(clear).toColourspace('b-w').png().toBuffer(); // colour type 4
  for (const [name, r, g, b] of [['gold', 255, 215, 0], ['green', 0, 128, 0], ['navy', 0, 0, 128]]) {
    const background = { r, g, b };
    const contained = sharp(gray).resize(16, 8, { fit: 'contain', background });
    console.log(`${name}, ${r} ${g} ${b}: of RGB, flatten ${await corner(sharp(rgb).flatten({ background }))}; ` +
      `of gray, flatten ${await corner(sharp(gray).flatten({ background }))}, contain ${await corner(contained)}`);
  }
  const converted = sharp(gray).pipelineColourspace('srgb').flatten({ background: 'gold' });
  console.log(`pipelineColourspace, of gray, flatten ${await corner(converted)}`);
})();
EOF
seen=$(node ground.js)
echo "$seen"
[ "$seen" = "gold, 255 215 0: of RGB, flatten 255 215 0; of gray, flatten 255 255 255, contain 207 207 207
green, 0 128 0: of RGB, flatten 0 128 0; of gray, flatten 0 0 0, contain 91 91 91
navy, 0 0 128: of RGB, flatten 0 0 128; of gray, flatten 0 0 0, contain 9 9 9
pipelineColourspace, of gray, flatten 255 215 0" ]
