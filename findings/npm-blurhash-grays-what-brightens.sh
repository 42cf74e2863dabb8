#!/usr/bin/env bash
# What: blurhash on npm makes a flat gray of a picture that brightens from left to right. Its scale is that of the
#   largest component, and what brightens to the right is a negative one; Wolt's C code takes the largest magnitude.
# Versions: blurhash 2.0.5 from npm (Wolt's TypeScript), blurhash-python 1.2.2 from PyPI (Wolt's C), Node.js 20.20.
# Why it matters: placeholders of uploads that a server makes with npm's package lose what they should show, wholly
#   where all components are negative, and partly where the largest is. imgmill's hashes have the C code's scale,
#   and every implementation decodes them.
# Seen: 2026-11-29 (32x32, half and half; the levels at the left and right edge after decoding)
#   black to white: npm 10Lqe900 187..189, C 1~Lqe900 10..255
#   white to black: npm 1~Lqe9~q 255..16, C 1~Lqe9~q 255..16
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund blurhash@2.0.5 >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check blurhash-python==1.2.2 pillow==13.0.0

cat >look.mjs <<'EOF'
import { execFileSync } from 'child_process';
import { decode, encode } from 'blurhash';

const c = `import sys, blurhash
from PIL import Image
left, right = sys.argv[1:]
picture = Image.new("RGB", (32, 32), left)
picture.paste(right, (16, 0, 32, 32))
code = blurhash.encode(picture, 2, 1)
shown = blurhash.decode(code, 32, 1)
print(f"{code} {shown.getpixel((0, 0))[0]}..{shown.getpixel((31, 0))[0]}")`;

for (const [left, right] of [['black', 'white'], ['white', 'black']]) {
  const rgba = new Uint8ClampedArray(4 * 32 * 32).fill(255);
  for (let i = 0; i < 32 * 32; i++) {
    rgba.fill((i % 32 < 16 ? left : right) === 'white' ? 255 : 0, 4 * i, 4 * i + 3);
  }
  const code = encode(rgba, 32, 32, 2, 1);
  const shown = decode(code, 32, 1);
  const other = execFileSync('venv/bin/python', ['-c', c, left, right], { encoding: 'utf8' }).trim();
  console.log(`${left} to ${right}: npm ${code} ${shown[0]}..${shown[4 * 31]}, C ${other}`);
}
EOF
seen=$(node look.mjs)
echo "$seen"
[ "$seen" = "black to white: npm 10Lqe900 187..189, C 1~Lqe900 10..255
white to black: npm 1~Lqe9~q 255..16, C 1~Lqe9~q 255..16" ]
