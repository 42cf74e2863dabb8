"""HEIC: what pillow-heif (libheif with x265) writes, in every kind of chroma, depth, matrix and range, and the pictures that
it writes put together anew: grids, overlays, turned, mirrored, cropped, with opacity. pillow-heif reads all of them."""

import io
import itertools
import struct

import pillow_heif
from PIL import Image

from tools import FULL, Case, Refused, drawing, pam, rgba, slug

# libheif converts the limited range with 1.1689 for 255/219, which is 1 level off at white, and both round.
FULL_RANGE, LIMITED = 3, 4

pillow_heif.register_heif_opener()


def read(path):
    try:
        with Image.open(path) as picture:
            picture.load()
            return [rgba(picture.convert("RGBA") if picture.mode == "RGBa" else picture)]
    except (OSError, ValueError, RuntimeError) as reason:
        raise Refused(f"pillow-heif: {path}: {reason}") from reason


def encode(picture, **options):
    out = io.BytesIO()
    try:
        pillow_heif.from_pillow(picture).save(out, **options)
    except (OSError, ValueError, RuntimeError) as reason:
        raise Refused(f"pillow-heif: {options}: {reason}") from reason
    return out.getvalue()


def deep(size, mode, depth):
    """The drawing with 16 bits, of which depth are kept."""
    channels = {"RGB;16": "RGB", "RGBA;16": "RGBA"}[mode]
    body = pam(size, channels, 16, True).split(b"ENDHDR\n", 1)[1]
    swapped = bytearray(body)
    swapped[0::2], swapped[1::2] = body[1::2], body[0::2]
    pillow_heif.options.SAVE_HDR_TO_12_BIT = depth == 12
    return pillow_heif.from_bytes(mode, size, bytes(swapped))


# The boxes of a file, and writing them anew.


def boxes(data):
    at = 0
    while at + 8 <= len(data):
        size = struct.unpack(">I", data[at : at + 4])[0] or len(data) - at
        yield data[at + 4 : at + 8], data[at + 8 : at + size], data[at : at + size]
        at += size


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def full(kind, *parts):
    return box(kind, bytes(4), *parts)


class Coded:
    """The picture in a file of one, or its opacity: its data and the properties that it needs."""

    def __init__(self, file, which=0):
        top = {kind: body for kind, body, _ in boxes(file)}
        meta = {kind: body for kind, body, _ in boxes(top[b"meta"][4:])}
        place = meta[b"iloc"]
        version, sizes = place[0], struct.unpack(">H", place[4:6])[0]
        width = {0: 0, 4: 4, 8: 8}
        offset, length, base = (width[sizes >> shift & 15] for shift in (12, 8, 4))
        at, items = 8, []
        for _ in range(struct.unpack(">H", place[6:8])[0]):
            number = struct.unpack(">H", place[at : at + 2])[0]
            at += 2 + (2 if version else 0) + 2
            start = int.from_bytes(place[at : at + base], "big")
            extents = struct.unpack(">H", place[at + base : at + base + 2])[0]
            at += base + 2
            data = b""
            for _ in range(extents):
                where = start + int.from_bytes(place[at : at + offset], "big")
                n = int.from_bytes(place[at + offset : at + offset + length], "big")
                data += file[where : where + n]
                at += offset + length
            items.append((number, data))
        number, self.data = items[which]
        iprp = {kind: body for kind, body, _ in boxes(meta[b"iprp"])}
        known = [(kind, whole) for kind, _, whole in boxes(iprp[b"ipco"])]
        self.properties, ipma, at = [], iprp[b"ipma"], 8
        wide = ipma[3] & 1
        for _ in range(struct.unpack(">I", ipma[4:8])[0]):
            owner, count = struct.unpack(">HB", ipma[at : at + 3])
            at += 3
            for _ in range(count):
                index = struct.unpack(">H", ipma[at : at + 2])[0] & 0x7FFF if wide else ipma[at] & 0x7F
                at += 2 if wide else 1
                if owner == number and known[index - 1][0] in (b"hvcC", b"ispe", b"colr", b"pixi", b"auxC", b"clap"):
                    self.properties.append(known[index - 1][1])


def write(items, primary, references):
    """Returns a file. items are (kind, data, properties), numbered from 1; references (kind, from, to...)."""
    known, associations = [], b""
    for number, (_, _, properties) in enumerate(items, 1):
        indices = b""
        for p in properties:
            if p not in known:
                known.append(p)
            essential = 0x80 if p[4:8] in (b"hvcC", b"irot", b"imir", b"clap") else 0
            indices += bytes([known.index(p) + 1 | essential])
        associations += struct.pack(">HB", number, len(properties)) + indices
    infos = b"".join(
        box(b"infe", b"\2\0\0\0", struct.pack(">HH", n, 0), kind, b"\0") for n, (kind, _, _) in enumerate(items, 1)
    )
    refs = b"".join(
        box(kind, struct.pack(f">HH{len(to)}H", of, len(to), *to)) for kind, of, *to in references
    )

    def meta(at):
        places = b""
        for number, (_, data, _) in enumerate(items, 1):
            places += struct.pack(">HHHII", number, 0, 1, at, len(data))
            at += len(data)
        return full(
            b"meta",
            full(b"hdlr", bytes(4), b"pict", bytes(13)),
            full(b"pitm", struct.pack(">H", primary)),
            full(b"iinf", struct.pack(">H", len(items)), infos),
            full(b"iloc", b"\x44\0", struct.pack(">H", len(items)), places),
            full(b"iref", refs) if refs else b"",
            box(
                b"iprp",
                box(b"ipco", *known),
                full(b"ipma", struct.pack(">I", len(items)), associations),
            ),
        )

    ftyp = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    head = ftyp + meta(len(ftyp) + len(meta(0)) + 8)
    return head + box(b"mdat", *(data for _, data, _ in items))


def ispe(w, h):
    return full(b"ispe", struct.pack(">II", w, h))


def irot(n):
    return box(b"irot", bytes([n]))


def imir(n):
    return box(b"imir", bytes([n]))


def clap(w, h, x, y):
    """A crop whose centre is off by x and y halves."""
    return box(b"clap", struct.pack(">IIIIiIiI", w, 1, h, 1, x, 2, y, 2))


def grid(columns, rows, w, h):
    return bytes([0, 0, rows - 1, columns - 1]) + struct.pack(">HH", w, h)


def tile(k):
    """The smooth drawing, turned in another way for each k."""
    return Coded(encode(drawing((64, 64), "RGB", smooth=True).transpose(k % 7), quality=90))


TURNS = [
    (f"irot{r}{m}", [irot(r)] * (r is not None) + ([imir(int(m[-1]))] if m else []))
    for r in range(4)
    for m in ("", "-imir0", "-imir1")
] + [("imir0-irot1", [imir(0), irot(1)]), ("imir1-irot3", [imir(1), irot(3)])]

CROPS = [
    ("", []),
    ("-clap-even", [clap(40, 30, 0, 2)]),
    ("-clap-odd", [clap(41, 31, 1, -3)]),
    ("-clap-off", [clap(20, 24, 24, -20)]),
]


def composed(name, make, within=FULL_RANGE):
    return Case(f"{name}.heic", lambda path: path.write_bytes(make()), read, within)


def geometry():
    for (turn, properties), (crop, cut) in itertools.product(TURNS, CROPS):

        def one(properties=properties, cut=cut):
            t = tile(0)
            return write([(b"hvc1", t.data, t.properties + cut + properties)], 1, [])

        def tiles(properties=properties, cut=cut):
            parts = [tile(k) for k in range(4)]
            items = [(b"hvc1", t.data, t.properties) for t in parts]
            items.append((b"grid", grid(2, 2, 100, 90), [ispe(100, 90), *cut, *properties]))
            return write(items, 5, [(b"dimg", 5, 1, 2, 3, 4)])

        yield composed(f"one-{turn}{crop}", one)
        yield composed(f"grid-{turn}{crop}", tiles)


def layers():
    for rotation, ground in itertools.product(range(4), (0, 0x8000, 0xFFFF)):

        def overlay(rotation=rotation, ground=ground):
            a, b = tile(0), tile(3)
            data = bytes(2) + struct.pack(">HHHHHHhhhh", ground, 0xFFFF, 0, 0xFFFF, 120, 100, 10, 20, 40, 30)
            return write(
                [
                    (b"hvc1", a.data, a.properties),
                    (b"hvc1", b.data, [*b.properties, irot(rotation)]),
                    (b"iovl", data, [ispe(120, 100)]),
                ],
                3,
                [(b"dimg", 3, 1, 2)],
            )

        yield composed(f"overlay-{rotation}-{ground}", overlay)
    for size in ((1, 1), (3, 5), (4, 2)):

        def large(size=size):
            parts = [tile(k) for k in range(size[0] * size[1])]
            w, h = size[0] * 64 - 5, size[1] * 64 - 9
            items = [(b"hvc1", t.data, t.properties) for t in parts]
            items.append((b"grid", grid(*size, w, h), [ispe(w, h)]))
            n = len(items)
            return write(items, n, [(b"dimg", n, *range(1, n))])

        yield composed("grid-%dx%d" % size, large)
    for rotation in range(4):

        def identity(rotation=rotation):
            t = tile(1)
            return write(
                [(b"hvc1", t.data, t.properties), (b"iden", b"", [ispe(64, 64), irot(rotation)])], 2, [(b"dimg", 2, 1)]
            )

        yield composed(f"iden-{rotation}", identity)


def written():
    """Files of pillow-heif's."""
    sizes = (1, 1), (1, 7), (13, 1), (64, 64), (66, 130), FULL
    for size, mode, chroma in itertools.product(sizes, ("L", "RGB", "RGBA"), (420, 422, 444)):

        def plain(path, size=size, mode=mode, chroma=chroma):
            path.write_bytes(encode(drawing(size, mode, smooth=True), quality=90, chroma=chroma))

        yield Case(slug("pillow", mode, "%dx%d" % size, chroma) + ".heic", plain, read, FULL_RANGE)
    for matrix, whole, chroma in itertools.product((0, 1, 2, 5, 6, 7, 9), (0, 1), (420, 444)):
        if matrix == 0 and chroma == 420:  # no such thing (H.273); libheif writes it all the same
            continue

        def ranged(path, matrix=matrix, whole=whole, chroma=chroma):
            picture = drawing(FULL, "RGB", smooth=True)
            path.write_bytes(
                encode(
                    picture,
                    quality=-1 if matrix == 0 else 95,
                    chroma=chroma,
                    color_primaries=1,
                    transfer_characteristics=13,
                    matrix_coefficients=matrix,
                    full_range_flag=whole,
                )
            )

        yield Case(f"matrix-{matrix}-{whole}-{chroma}.heic", ranged, read, FULL_RANGE if whole else LIMITED)
    for quality in (0, 10, 30, 50, 70, 100, -1):

        def coarse(path, quality=quality):
            path.write_bytes(encode(drawing((100, 70), "RGB", smooth=True), quality=quality, chroma=444))

        yield Case(f"quality-{quality}.heic", coarse, read, FULL_RANGE)
    for depth, mode, chroma, size in itertools.product(
        (10, 12), ("RGB;16", "RGBA;16"), (420, 422, 444), ((64, 64), FULL)
    ):

        def deeper(path, depth=depth, mode=mode, chroma=chroma, size=size):
            out = io.BytesIO()
            deep(size, mode, depth).save(out, quality=90, chroma=chroma)
            path.write_bytes(out.getvalue())

        name = slug("deep", depth, mode.split(";")[0], chroma, "%dx%d" % size) + ".heic"
        yield Case(name, deeper, read, FULL_RANGE)


def cases():
    yield from written()
    yield from geometry()
    yield from layers()
