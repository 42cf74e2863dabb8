"""Programs to write and read pictures with, and the drawing that they are given."""

import functools
import io
import itertools
import os
import pathlib
import subprocess
import tempfile

from PIL import Image, ImageSequence

os.environ["MAGICK_THREAD_LIMIT"] = "1"
FULL = 61, 43
SIZES = (1, 1), (1, 7), (13, 1), FULL


class Refused(Exception):
    """A program does not write or read a combination."""


def run(*command, stdin=None, out=None):
    """Runs a program. Its standard output is returned, or goes to the file out."""
    command = [str(c) for c in command]
    made = subprocess.run(command, input=stdin, capture_output=True)
    if made.returncode != 0:
        raise Refused(f"{' '.join(command)}: {made.stderr.decode(errors='replace').strip()[-200:]}")
    if out:
        out.write_bytes(made.stdout)
    return made.stdout


# The drawing: shades that compress, noise that does not, and edges. Samples have 16 bits.


def sample(x, y, k, smooth=False):
    if smooth:
        return x * 350 + y * 250 + k * 3000
    if k == 3:  # opaque, transparent and in between
        return (0xFFFF, 0xFFFF, 0, x * 1201 + y * 357 & 0xFFFF)[x // 5 % 4]
    if y // 4 % 3 == 2:
        return (x * 40503 ^ y * 30103 ^ k * 12345) * 31 & 0xFFFF
    if x // 9 % 4 == 3:
        return 0xFFFF * (x + y + k & 1)
    return x * (901 - 200 * k) + y * (400 + 150 * k) & 0xFFFF


@functools.cache
def pam(size, channels, depth=16, smooth=False):
    """Returns a file of netpbm's PAM with the drawing: channels is one of L, LA, RGB and RGBA. What is smooth
    has shades only, for coders that do not keep noise."""
    width, height = size
    lanes = {"L": (0,), "LA": (0, 3), "RGB": (0, 1, 2), "RGBA": (0, 1, 2, 3)}[channels]
    kind = {"L": "GRAYSCALE", "LA": "GRAYSCALE_ALPHA", "RGB": "RGB", "RGBA": "RGB_ALPHA"}[channels]
    maxval = (1 << depth) - 1
    head = (
        f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {len(lanes)}\nMAXVAL {maxval}\nTUPLTYPE {kind}\nENDHDR\n"
    )
    body = bytearray()
    for y in range(height):
        for x in range(width):
            for k in lanes:
                body += (sample(x, y, k, smooth) >> 16 - depth).to_bytes(1 if depth <= 8 else 2, "big")
    return head.encode() + bytes(body)


def pnm(size, channels, depth=16, smooth=False):
    """The same as PGM or PPM, for programs that read no PAM."""
    body = pam(size, channels, depth, smooth).split(b"ENDHDR\n", 1)[1]
    return b"P%d\n%d %d\n%d\n" % (5 if channels == "L" else 6, *size, (1 << depth) - 1) + body


def drawing(size, mode="RGBA", smooth=False):
    """Returns the drawing as a picture of Pillow, a copy: save keeps its options in the picture."""
    return drawn(size, mode, smooth).copy()


@functools.cache
def drawn(size, mode, smooth):
    channels = {"1": "L", "P": "RGB", "CMYK": "RGB"}.get(mode, mode)
    body = pam(size, channels, 8, smooth).split(b"ENDHDR\n", 1)[1]
    picture = Image.frombytes(channels, size, body)
    return picture if mode == channels else picture.convert(mode)


def film(size=FULL):
    """Returns the frames of an animation after its first."""
    return [drawing(size).transpose(how) for how in (0, 1, Image.Transpose.ROTATE_180)]


# Readers: each returns the frames of a file as RGBA pictures of 8 bits.


def rgba(picture):
    if picture.mode.startswith("I;16"):  # the upper byte, which convert would clip
        high = 0 if picture.mode.endswith("B") else 1
        picture = Image.frombytes("L", picture.size, picture.tobytes()[high::2])
    return picture.convert("RGBA")


def pillow(path, frames=None, formats=None):
    try:
        with Image.open(path, formats=formats) as picture:
            return [rgba(frame) for frame in itertools.islice(ImageSequence.Iterator(picture), frames)]
    except OSError as reason:
        raise Refused(f"Pillow: {path}: {reason}") from reason


def pillow_first(path):
    return pillow(path, frames=1)


def decoded(data, name):
    return pillow(io.BytesIO(data), 1, [name])[0]


def magick(path):
    out = run("convert", f"{path}[0]", "-depth", 8, "-colorspace", "sRGB", "-strip", "png32:-")
    return [decoded(out, "PNG")]


def magick_frames(path):
    """Every frame of an animation as it is shown."""
    with tempfile.TemporaryDirectory() as folder:
        # Without -alpha set, ImageMagick 6 makes what surrounds the frames opaque when the first has been disposed of.
        run("convert", path, "-alpha", "set", "-coalesce", "-depth", 8, "-strip", f"png32:{folder}/%04d.png")
        return [rgba(Image.open(p)) for p in sorted(pathlib.Path(folder).iterdir())]


def dwebp(path):
    return [decoded(run("dwebp", "-quiet", "-nodither", path, "-o", "-"), "PNG")]


def djpeg(path):
    return [decoded(run("djpeg", "-pnm", path), "PPM")]


def tiff2rgba(path):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "out.tif")
        run("tiff2rgba", "-c", "none", path, out)
        return pillow_first(out)


def netpbm(*command):
    """A reader by one of netpbm's programs, which write PNM to standard output."""
    return lambda path: [decoded(run(*command, path), "PPM")]


class Case:
    """A file to make: its name, a function that writes it to a path, a reader (None if imgmill is to refuse the file
    as unsupported), and by how many levels imgmill may differ."""

    def __init__(self, name, write, read, within=1):
        self.name, self.write, self.read, self.within = name, write, read, within


def slug(*parts):
    """A file name of the parts that are not empty."""
    text = "-".join(str(p) for p in parts if p not in ("", None))
    return "".join(c if c.isalnum() or c in "-=." else "_" for c in text)


def by_pillow(name, picture, fmt, read=pillow, within=1, **options):
    def write(path):
        try:
            picture().save(path, fmt, **options)
        except (OSError, ValueError, KeyError) as reason:
            raise Refused(f"Pillow: {name}: {reason}") from reason

    return Case(name, write, read, within)


def convert(source, kind, path, *options):
    """Writes a file of a PAM; kind is ImageMagick's name of the format. What convert complains of can be a mere
    warning, so that the file counts."""
    try:
        run("convert", "pam:-", *options, f"{kind}:{path}", stdin=source)
    except Refused:
        if not path.exists() or path.stat().st_size == 0:
            raise


def by_magick(name, source, kind, *options, read=magick, within=1):
    """A file of convert's."""
    return Case(name, lambda path: convert(source(), kind, path, *options), read, within)


def by_netpbm(name, source, *command, read, within=1):
    """A file that a program of netpbm writes to standard output."""
    return Case(name, lambda path: run(*command, stdin=source(), out=path), read, within)
