"""Measures what imgmill, Chromium, sharp and Pillow make of each way to declare colours, and prints the table of docs/colour.md.

measure.py IMGMILL SHARP: the command, and the folder of the npm package. It needs Pillow, node and chromium, and draws its
inputs itself: patches of one colour. Each program gives the sRGB levels of the middle pixel: imgmill and sharp those of a
PNG that they write with their defaults, Chromium those of an sRGB canvas, Pillow those of convert("RGB").
"""
import base64
import io
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib

from PIL import Image

SIDE = 32
P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
WHITE = (0.3127, 0.3290)


def fixed(*values):
    return b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def inverse(m):
    (a, b, c), (d, e, f), (g, h, i) = m
    det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return [[(e * i - f * h) / det, (c * h - b * i) / det, (b * f - c * e) / det],
            [(f * g - d * i) / det, (a * i - c * g) / det, (c * d - a * f) / det],
            [(d * h - e * g) / det, (b * g - a * h) / det, (a * e - b * d) / det]]


def times(m, n):
    return [[sum(m[i][k] * n[k][j] for k in range(3)) for j in range(len(n[0]))] for i in range(3)]


def xyz(x, y):
    return [x / y, 1, (1 - x - y) / y]


def colorants(primaries):
    """XYZ of red, green and blue, adapted to D50 (ICC.1:2022, annex E)."""
    m = [list(row) for row in zip(*(xyz(*p) for p in primaries))]
    white = xyz(*WHITE)
    scale = times(inverse(m), [[v] for v in white])
    m = [[m[i][j] * scale[j][0] for j in range(3)] for i in range(3)]
    bradford = [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    cone = lambda v: [row[0] for row in times(bradford, [[x] for x in v])]
    source, target = cone(white), cone([0.9642, 1, 0.8249])
    gain = [[target[i] / source[i] if i == j else 0 for j in range(3)] for i in range(3)]
    m = times(times(times(inverse(bradford), gain), bradford), m)
    return [[m[i][j] for i in range(3)] for j in range(3)]


def profile(primaries, curve):
    """A profile of version 4: RGB of primaries, or gray without them."""
    text = lambda s: b"mluc\0\0\0\0\0\0\0\1\0\0\0\x0cenUS" + struct.pack(">II", 2 * len(s), 28) + s.encode("utf-16be")
    point = lambda v: b"XYZ \0\0\0\0" + fixed(*v)
    tags = [(b"desc", text("drawn")), (b"cprt", text("none")), (b"wtpt", point((0.9642, 1, 0.8249)))]
    if primaries:
        tags += [(n + b"XYZ", point(c)) for n, c in zip((b"r", b"g", b"b"), colorants(primaries))]
        tags += [(n + b"TRC", curve) for n in (b"r", b"g", b"b")]
    else:
        tags.append((b"kTRC", curve))
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags:
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = bytearray(128)
    head[:4] = struct.pack(">I", 128 + len(table) + len(body))
    head[8:24] = b"\x04\x40\0\0mntr" + (b"RGB " if primaries else b"GRAY") + b"XYZ "
    head[24:36] = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    head[36:40], head[68:80] = b"acsp", fixed(0.9642, 1, 0.8249)
    return bytes(head) + table + body


SRGB_CURVE = b"para\0\0\0\0\0\3\0\0" + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
LINEAR = b"para\0\0\0\0\0\0\0\0" + fixed(1)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(mode, colour, *chunks):
    out = io.BytesIO()
    Image.new(mode, (SIDE, SIDE), colour).save(out, "PNG")
    file = out.getvalue()
    return "png", file[:33] + b"".join(chunks) + file[33:]


def icc(data):
    return chunk(b"iCCP", b"drawn\0\0" + zlib.compress(data))


def cicp(*code):
    return chunk(b"cICP", bytes(code))


def gama(value):
    return chunk(b"gAMA", struct.pack(">I", value))


def chrm(primaries):
    return chunk(b"cHRM", struct.pack(">8I", *(round(v * 100000) for p in (WHITE, *primaries) for v in p)))


def picture(kind, mode, colour, **options):
    out = io.BytesIO()
    Image.new(mode, (SIDE, SIDE), colour).save(out, kind, **options)
    return kind.lower(), out.getvalue()


def jpeg(mode, colour, **options):
    return picture("JPEG", mode, colour, quality=100, subsampling=0, **options)


def exif(space, index=None):
    """An EXIF block with a colour space and an interoperability index."""
    entry = lambda tag, kind, count, value: struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")
    directory = lambda *entries: struct.pack("<H", len(entries)) + b"".join(entries) + b"\0\0\0\0"
    short, ascii, long = 3, 2, 4
    first = 8 + 18  # behind the header and a directory of one entry
    second = first + (30 if index else 18)
    block = b"II*\0\x08\0\0\0" + directory(entry(0x8769, long, 1, struct.pack("<I", first)))
    entries = [entry(0xA001, short, 1, struct.pack("<H", space))]
    if index:
        entries.append(entry(0xA005, long, 1, struct.pack("<I", second)))
    block += directory(*entries)
    if index:
        block += directory(entry(1, ascii, 4, index.encode() + b"\0"))
    return b"Exif\0\0" + block


def cases():
    orange, green = (200, 120, 60), (120, 180, 90)
    p3 = profile(P3, SRGB_CURVE)
    yield "nothing", png("RGB", orange)
    yield "PNG: a profile of Display P3", png("RGB", orange, icc(p3))
    yield "JPEG: a profile of Display P3", jpeg("RGB", orange, icc_profile=p3)
    yield "WebP: a profile of Display P3", picture("WEBP", "RGB", orange, lossless=True, icc_profile=p3)
    yield "PNG: cICP 12/13, Display P3", png("RGB", orange, cicp(12, 13, 0, 1))
    yield "PNG: cICP of sRGB and a profile of Display P3", png("RGB", orange, cicp(1, 13, 0, 1), icc(p3))
    yield "PNG: sRGB and gAMA 1.0", png("RGB", orange, chunk(b"sRGB", b"\0"), gama(100000))
    yield "PNG: gAMA 1.0", png("RGB", (117, 117, 117), gama(100000))
    yield "PNG: gAMA 1/2.2 and cHRM of Adobe RGB", png("RGB", green, gama(45455), chrm(ADOBE))
    yield "PNG: gAMA 1.0 and a profile of sRGB", png("RGB", orange, gama(100000), icc(profile(SRGB, SRGB_CURVE)))
    yield "PNG: gray and alpha, a gray profile of gamma 1.0", png("LA", (117, 255), icc(profile(None, LINEAR)))
    yield "PNG: RGB with a gray profile", png("RGB", orange, icc(profile(None, LINEAR)))
    yield "PNG: a profile that is broken", png("RGB", orange, icc(p3[:200]))
    yield "PNG: cICP 1/1, BT.709", png("RGB", orange, cicp(1, 1, 0, 1))
    yield "PNG: cICP 9/16, PQ, at 203 cd/m²", png("RGB", (148, 148, 148), cicp(9, 16, 0, 1))
    yield "PNG: cICP 9/16, PQ, at 1000 cd/m²", png("RGB", (192, 192, 192), cicp(9, 16, 0, 1))
    yield "PNG: cICP 9/18, HLG, at 75 %", png("RGB", (191, 191, 191), cicp(9, 18, 0, 1))
    yield "JPEG: EXIF colour space 2", jpeg("RGB", green, exif=exif(2))
    yield "JPEG: EXIF colour space 65535 and index R03", jpeg("RGB", green, exif=exif(65535, "R03"))
    yield "JPEG: EXIF colour space 2 and a profile of sRGB", jpeg("RGB", green, exif=exif(2), icc_profile=profile(SRGB, SRGB_CURVE))
    yield "JPEG: CMYK, 40 % cyan and 20 % black", jpeg("CMYK", (102, 0, 0, 51))
    yield "JPEG: CMYK, all inks", jpeg("CMYK", (255, 255, 255, 255))
    press = "/usr/share/color/icc/ghostscript/default_cmyk.icc"
    if os.path.exists(press):
        with open(press, "rb") as f:
            yield "JPEG: CMYK, the same with ghostscript's profile", jpeg("CMYK", (102, 0, 0, 51), icc_profile=f.read())


def middle(image):
    return list(image.convert("RGB").getpixel((image.width // 2, image.height // 2)))


def chromium(files):
    pictures = "".join(f'<img src="data:image/{kind};base64,{base64.b64encode(data).decode()}">' for _, (kind, data) in files)
    page = pictures + """<script>onload = () => {
      const all = [...document.images].map(image => {
        if (!image.naturalWidth) return null;
        const canvas = document.createElement('canvas'); canvas.width = image.width; canvas.height = image.height;
        const to = canvas.getContext('2d', { colorSpace: 'srgb' }); to.drawImage(image, 0, 0);
        return [...to.getImageData(image.width / 2, image.height / 2, 1, 1).data].slice(0, 3);
      });
      document.title = 'levels:' + JSON.stringify(all);
    }</script>"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "page.html")
        with open(path, "w") as f:
            f.write(page)
        dom = subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--force-color-profile=srgb", f"--user-data-dir={folder}/profile",
             "--virtual-time-budget=10000", "--dump-dom", "file://" + path], capture_output=True, text=True, timeout=120, check=True).stdout
    return json.loads(re.search(r"<title>levels:(.*?)</title>", dom)[1])


def sharp(module, path):
    script = "require(process.argv[1])(process.argv[2]).png().toBuffer().then(b => process.stdout.write(b))"
    run = subprocess.run(["node", "-e", script, module, path], capture_output=True)
    return middle(Image.open(io.BytesIO(run.stdout))) if run.returncode == 0 else None


def imgmill(command, path):
    out = path + ".out.png"
    subprocess.run([command, "resize", path, "-o", out, "--format", "png"], check=True, capture_output=True)
    return middle(Image.open(out))


def pillow(path):
    try:
        return middle(Image.open(path))
    except Exception:  # the table says that it cannot
        return None


def main():
    command, module = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    files = list(cases())
    shown = chromium(files)
    text = lambda levels: "–" if levels is None else " ".join(map(str, levels))
    print("| declared | imgmill | Chromium | sharp | Pillow |\n|:--|:--|:--|:--|:--|")
    with tempfile.TemporaryDirectory() as folder:
        for i, (name, (kind, data)) in enumerate(files):
            path = os.path.join(folder, f"{i}.{kind}")
            with open(path, "wb") as f:
                f.write(data)
            answers = imgmill(command, path), shown[i], sharp(module, path), pillow(path)
            print("|", " | ".join([name, *map(text, answers)]), "|")


main()
