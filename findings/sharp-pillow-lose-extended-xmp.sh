#!/usr/bin/env bash
# What: of an XMP packet that is divided in two, as JPEG prescribes for large ones, sharp and Pillow read
#   the first part alone. What they write refers to an extension that is not there.
# Versions: sharp 0.35.5 (libvips 8.18.7) from npm, Pillow 13.0.0 from PyPI, and
#   ExifTool 13.59 (exiftool-vendored.pl 13.59.3 from npm) as a witness.
# Why it matters: Adobe's XMP Toolkit moves properties into the extension once 65,502 bytes do not suffice,
#   rights among them, so a copyright that every editor shows is not in `metadata().xmp`. imgmill joins the
#   parts before it looks for rights, and divides them anew where it must.
# Seen: 2026-11-29
#   ExifTool reads from the input: rights "by Ann", title "A title"
#   sharp: the packet has the title, not the rights
#   Pillow: the packet has the title, not the rights
#   ExifTool reads from sharp's output: rights "", title "A title"; the extension is referred to, and absent
#   ExifTool reads from Pillow's output: rights "", title "A title"; the extension is referred to, and absent
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund sharp@0.35.5 exiftool-vendored.pl@13.59.3 >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

cat >make.py <<'EOF'
import hashlib
import io
import struct
from PIL import Image


def document(properties):
    return (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
            b' xmlns:xmpNote="http://ns.adobe.com/xmp/note/">' + properties + b"</rdf:Description></rdf:RDF></x:xmpmeta>")


def text(name, value):
    return b'<dc:%s><rdf:Alt><rdf:li xml:lang="x-default">%s</rdf:li></rdf:Alt></dc:%s>' % (name, value, name)


def segment(body):
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


extension = document(text(b"rights", b"by Ann"))
guid = hashlib.md5(extension).hexdigest().upper().encode()
packet = document(text(b"title", b"A title") + b"<xmpNote:HasExtendedXMP>%s</xmpNote:HasExtendedXMP>" % guid)
out = io.BytesIO()
Image.new("RGB", (8, 8)).save(out, "JPEG")
plain = out.getvalue()
with open("input.jpg", "wb") as f:
    f.write(plain[:2] + segment(b"http://ns.adobe.com/xap/1.0/\0" + packet) +
            segment(b"http://ns.adobe.com/xmp/extension/\0" + guid + struct.pack(">II", len(extension), 0) + extension) + plain[2:])
EOF
venv/bin/python make.py

cat >convert.js <<'EOF'
const sharp = require('sharp');
const has = (packet, word) => packet.includes(word) ? 'has' : 'not';
(async () => {
  const packet = String((await sharp('input.jpg').metadata()).xmp);
  console.log(`sharp: the packet ${has(packet, 'A title')} the title, ${has(packet, 'by Ann')} the rights`);
  await sharp('input.jpg').keepMetadata().toFile('sharp.jpg');
})();
EOF
cat >convert.py <<'EOF'
from PIL import Image

has = lambda packet, word: "has" if word in packet else "not"
image = Image.open("input.jpg")
packet = image.info["xmp"]
print(f"Pillow: the packet {has(packet, b'A title')} the title, {has(packet, b'by Ann')} the rights")
image.save("pillow.jpg", xmp=packet)
EOF
exiftool() { node_modules/exiftool-vendored.pl/bin/exiftool "$@"; }
reads() { printf 'rights "%s", title "%s"' "$(exiftool -s3 -XMP-dc:Rights "$1")" "$(exiftool -s3 -XMP-dc:Title "$1")"; }
extension() {
	grep -qa HasExtendedXMP "$1" && printf 'the extension is referred to, and '
	if grep -qa 'xmp/extension' "$1"; then echo present; else echo absent; fi
}
seen=$(
	echo "ExifTool reads from the input: $(reads input.jpg)"
	node convert.js
	venv/bin/python convert.py
	echo "ExifTool reads from sharp's output: $(reads sharp.jpg); $(extension sharp.jpg)"
	echo "ExifTool reads from Pillow's output: $(reads pillow.jpg); $(extension pillow.jpg)"
)
echo "$seen"
[ "$seen" = "ExifTool reads from the input: rights \"by Ann\", title \"A title\"
sharp: the packet has the title, not the rights
Pillow: the packet has the title, not the rights
ExifTool reads from sharp's output: rights \"\", title \"A title\"; the extension is referred to, and absent
ExifTool reads from Pillow's output: rights \"\", title \"A title\"; the extension is referred to, and absent" ]
