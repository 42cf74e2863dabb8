#!/usr/bin/env bash
# What: an XMP packet of more than 60,000 bytes is missing in a JPEG, without an error or a warning,
#   although a segment holds 65,502 of them and an extension (XMP Specification Part 3, 1.1.3.1) the rest.
#   PNG and WebP keep the same packet.
# Versions: sharp 0.35.5 (libvips 8.18.7) from npm.
# Why it matters: edit histories and masks make packets of that size, and with the packet go the creator,
#   the terms of use and the licence, which nobody notices. imgmill writes what does not fit into an
#   extension, the largest properties first, and says what it drops.
# Seen: 2026-11-29
#   60000 bytes: jpeg has 60000, png has 60000, webp has 60000
#   60001 bytes: jpeg has 0, png has 60001, webp has 60001
#   65502 bytes: jpeg has 0, png has 65502, webp has 65502
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null

cat >convert.js <<'EOF'
const sharp = require('sharp');
process.on('warning', (w) => console.log('warning:', w.message));
const before = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
  '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="';
const after = '"/></rdf:RDF></x:xmpmeta>';
(async () => {
  const input = { create: { width: 8, height: 8, channels: 3, background: 'red' } };
  for (const size of [60000, 60001, 65502]) {
    const packet = before + 'x'.repeat(size - before.length - after.length) + after;
    const kept = [];
    for (const format of ['jpeg', 'png', 'webp']) {
      const file = await sharp(input).withXmp(packet).toFormat(format).toBuffer();
      const { xmp } = await sharp(file).metadata();
      kept.push(`${format} has ${xmp ? xmp.length : 0}`);
    }
    console.log(`${size} bytes: ${kept.join(', ')}`);
  }
})();
EOF
seen=$(node convert.js 2>&1)
echo "$seen"
[ "$seen" = "60000 bytes: jpeg has 60000, png has 60000, webp has 60000
60001 bytes: jpeg has 0, png has 60001, webp has 60001
65502 bytes: jpeg has 0, png has 65502, webp has 65502" ]
