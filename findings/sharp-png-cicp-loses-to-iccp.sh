#!/usr/bin/env bash
# What: of a PNG that declares its colours by cICP and has a profile as well, sharp converts by the profile, and
#   of one that has cICP alone it converts nothing. The PNG specification (third edition, 4.3) gives cICP
#   precedence, and Chromium 156 follows it.
# Versions: sharp 0.35.5 (libvips 8.18.7) from npm.
# Why it matters: writers that use cICP add a profile for programs that do not know it, and the two may say
#   different things: of HDR pictures they have to. Thumbnails then have other colours than the page they are
#   on. imgmill takes cICP first.
# Seen: 2026-11-29
#   cICP of sRGB, profile of Display P3: 213 115 43 (200 120 60 is right)
#   cICP of Display P3, no profile: 200 120 60 (213 115 42 is right)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null

cat >convert.js <<'EOF'
const sharp = require('sharp');
const zlib = require('zlib');

function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length);
  body.copy(whole, 4);
  whole.writeUInt32BE(zlib.crc32(body), body.length + 4);
  return whole;
}

(async () => {
  const orange = { create: { width: 8, height: 8, channels: 3, background: { r: 200, g: 120, b: 60 } } };
  const file = await sharp(orange).png().toBuffer();
  const tagged = await sharp(orange).jpeg().withIccProfile('p3').toBuffer();
  const { icc } = await sharp(tagged).metadata();
  const profile = chunk('iCCP', Buffer.concat([Buffer.from('p3\0\0', 'latin1'), zlib.deflateSync(icc)]));
  const cicp = (primaries) => chunk('cICP', Buffer.from([primaries, 13, 0, 1]));
  const head = 33; // signature and IHDR
  const levels = async (...chunks) => {
    const png = Buffer.concat([file.subarray(0, head), ...chunks, file.subarray(head)]);
    const pixel = await sharp(png).removeAlpha().raw().toBuffer();
    return [...pixel.subarray(0, 3)].join(' ');
  };
  console.log(`cICP of sRGB, profile of Display P3: ${await levels(cicp(1), profile)} (200 120 60 is right)`);
  console.log(`cICP of Display P3, no profile: ${await levels(cicp(12))} (213 115 42 is right)`);
})();
EOF
seen=$(node convert.js)
echo "$seen"
[ "$seen" = "cICP of sRGB, profile of Display P3: 213 115 43 (200 120 60 is right)
cICP of Display P3, no profile: 200 120 60 (213 115 42 is right)" ]
