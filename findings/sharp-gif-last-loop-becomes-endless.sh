#!/usr/bin/env bash
# What: a GIF that is to repeat 65,535 times, the largest number the format holds, becomes a WebP that
#   never stops, without a warning. One repetition fewer is converted correctly.
# Versions: sharp 0.35.5 (libvips 8.18.7) from npm.
# Why it matters: GIF stores repetitions, WebP stores plays, so a converter adds 1. Both numbers have
#   16 bits, and 65535 + 1 is 0, which means "for ever" in both formats. Clamp instead of adding. imgmill
#   counts plays in an int, and a writer has to clamp to its own format.
# Seen: 2026-11-28
#   65534 repetitions: sharp reads 65535 plays, the WebP stores 65535
#   65535 repetitions: sharp reads 65536 plays, the WebP stores 0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null

cat >convert.js <<'EOF'
const sharp = require('sharp');
(async () => {
  // Two frames of 4x4 pixels, black and white.
  const raw = Buffer.concat([Buffer.alloc(48, 0), Buffer.alloc(48, 255)]);
  const image = { width: 4, height: 8, channels: 3, pageHeight: 4 };
  const gif = await sharp(raw, { raw: image }).gif({ loop: 3, delay: [100, 100] }).toBuffer();
  const at = gif.indexOf('NETSCAPE2.0') + 13; // the count, 16 bits
  for (const count of [65534, 65535]) {
    gif.writeUInt16LE(count, at);
    const { loop } = await sharp(gif, { animated: true }).metadata();
    const webp = await sharp(gif, { animated: true }).webp().toBuffer();
    const stored = webp.readUInt16LE(webp.indexOf('ANIM') + 12);
    console.log(`${count} repetitions: sharp reads ${loop} plays, the WebP stores ${stored}`);
  }
})();
EOF
seen=$(node convert.js)
echo "$seen"
[ "$seen" = "65534 repetitions: sharp reads 65535 plays, the WebP stores 65535
65535 repetitions: sharp reads 65536 plays, the WebP stores 0" ]
