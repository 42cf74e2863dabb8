#!/usr/bin/env bash
# What: keepIccProfile() and keepMetadata() read a gray or CMYK picture as though it had no profile. Gray keeps its levels and
#   loses the profile that gave them their meaning; CMYK is converted by the profile that sharp brings along, not by its own.
#   Without either call, both are right.
# Versions: sharp 0.35.5 (libvips 8.18.7) from npm, Pillow 13.0.0 (LittleCMS 2.19) from PyPI, which converts for comparison.
# Why it matters: to keep a profile means not to convert by it, and that is what happens to RGB. The output is RGB whatever the
#   input was, so that the profile of these two kinds cannot be kept, and it has not been used either: keepMetadata(), which
#   somebody added for the credits, changes the brightness of black and white photographs and all colours of a print shop's.
#   No error, and nothing left in the file to correct it by. keepExif() and keepXmp() keep the credits. toColourspace('b-w')
#   keeps gray as it is, and pipelineColourspace('cmyk') with toColourspace('cmyk') the inks. imgmill converts by the profile
#   wherever it does not keep it.
# Seen: 2026-11-30 (gray: level 100 of a gamma of 1.8; CMYK: all of the first ink, which is a green in this profile)
#   gray, LittleCMS: 119 119 119
#   gray, plain: 119 119 119, no profile
#   gray, keepIccProfile: 100 100 100, no profile
#   gray, keepMetadata: 100 100 100, no profile
#   gray, toColourspace and keepIccProfile: 100, the profile
#   CMYK, LittleCMS: 0 196 89
#   CMYK, plain: 0 196 89, no profile
#   CMYK, keepIccProfile: 0 153 227, another profile
#   CMYK, keepMetadata: 0 153 227, another profile
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >make.py <<'EOF'
import io
import struct
from PIL import Image, ImageCms


def fixed(*numbers):
    return b"".join(struct.pack(">i", round(n * 65536)) for n in numbers)


D50 = fixed(0.9642, 1, 0.8249)


def profile(kind, space, connection, **tags):
    """A profile of ICC.1 version 2."""
    tags = {
        "desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"Test\0" + bytes(78),
        "cprt": b"text\0\0\0\0none\0",
        "wtpt": b"XYZ \0\0\0\0" + D50,
    } | tags
    start = 132 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        table += name.encode() + struct.pack(">II", start + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    head = struct.pack(">I4sI4s4s4s6H4s28x", start + len(body), b"", 0x02100000, kind, space, connection,
                       2026, 1, 1, 0, 0, 0, b"acsp")
    return (head + D50).ljust(128, b"\0") + table + body


ramp = bytes(range(256))
matrix = fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
# Paper is light; the first ink is green, the second orange, the third yellow, the fourth black.
colours = bytes(
    sample
    for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)
    for sample in (max(242 - 64 * c - 64 * m - 13 * y - 102 * k, 13),
                   128 + (40 * m - 60 * c) * (1 - k), 128 + min(40 * c + 50 * m + 60 * y, 127) * (1 - k)))
inks = bytes((0, 0, 0, 255)) * 4 + bytes(16)
profiles = {
    "gray": profile(b"mntr", b"GRAY", b"XYZ ", kTRC=b"curv\0\0\0\0" + struct.pack(">IH", 1, round(1.8 * 256))),
    "CMYK": profile(b"prtr", b"CMYK", b"Lab ",
                    A2B0=b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + matrix + 4 * ramp + colours + 3 * ramp,
                    B2A0=b"mft1\0\0\0\0" + bytes((3, 4, 2, 0)) + matrix + 3 * ramp + inks + 4 * ramp),
}
for name, picture in ("gray", Image.new("L", (32, 32), 100)), ("CMYK", Image.new("CMYK", (32, 32), (255, 0, 0, 0))):
    picture.save(f"{name}.tif", icc_profile=profiles[name])
    own = ImageCms.ImageCmsProfile(io.BytesIO(profiles[name]))
    shown = ImageCms.profileToProfile(picture, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    print(f"{name}, LittleCMS:", *shown.getpixel((0, 0)))
EOF
venv/bin/python make.py >seen

cat >convert.js <<'EOF'
const sharp = require('sharp');

async function print(name, image, file) {
  const { icc: before } = await sharp(file).metadata();
  const tiff = await image.tiff({ compression: 'lzw' }).toBuffer();
  const { channels, icc } = await sharp(tiff).metadata();
  const pixels = await sharp(tiff, { ignoreIcc: true }).toColourspace(channels === 1 ? 'b-w' : 'srgb').raw().toBuffer();
  const profile = !icc ? 'no profile' : icc.equals(before) ? 'the profile' : 'another profile';
  console.log(`${name}: ${[...pixels.subarray(0, channels)].join(' ')}, ${profile}`);
}

(async () => {
  for (const kind of ['gray', 'CMYK']) {
    const file = `${kind}.tif`;
    await print(`${kind}, plain`, sharp(file), file);
    await print(`${kind}, keepIccProfile`, sharp(file).keepIccProfile(), file);
    await print(`${kind}, keepMetadata`, sharp(file).keepMetadata(), file);
    if (kind === 'gray') {
      await print('gray, toColourspace and keepIccProfile', sharp(file).toColourspace('b-w').keepIccProfile(), file);
    }
  }
})();
EOF
node convert.js >>seen
sort -s -k 1,1r seen | tee sorted
[ "$(cat sorted)" = "gray, LittleCMS: 119 119 119
gray, plain: 119 119 119, no profile
gray, keepIccProfile: 100 100 100, no profile
gray, keepMetadata: 100 100 100, no profile
gray, toColourspace and keepIccProfile: 100, the profile
CMYK, LittleCMS: 0 196 89
CMYK, plain: 0 196 89, no profile
CMYK, keepIccProfile: 0 153 227, another profile
CMYK, keepMetadata: 0 153 227, another profile" ]
