"""TIFF: every kind of pixel, compression and layout that libtiff's programs, ImageMagick, netpbm and Pillow write."""

import functools
import itertools
import pathlib
import struct
import tempfile

from PIL import Image, ImageCms
from tools import (
    FULL, Case, by_magick, by_netpbm, by_pillow, convert, drawing, magick, pam, pillow_first, pnm, run,
    sample, slug, tiff2rgba,
)

IM = {  # what convert writes: channels of the drawing, and options
    "mono": ("L", "-monochrome", "-depth", 1),
    "mono-white": ("L", "-monochrome", "-depth", 1, "-define", "quantum:polarity=min-is-white"),
    "gray2": ("L", "-depth", 2, "-type", "Grayscale"),
    "gray4": ("L", "-depth", 4, "-type", "Grayscale"),
    "gray8": ("L", "-depth", 8),
    "gray16": ("L",),
    "gray8-white": ("L", "-depth", 8, "-define", "quantum:polarity=min-is-white"),
    "gray32": ("L", "-depth", 32),
    "gray64": ("L", "-depth", 64),
    "grayf16": ("L", "-depth", 16, "-define", "quantum:format=floating-point"),
    "grayf32": ("L", "-depth", 32, "-define", "quantum:format=floating-point"),
    "grayf64": ("L", "-depth", 64, "-define", "quantum:format=floating-point"),
    "graya8": ("LA", "-depth", 8),
    "graya16": ("LA",),
    "palette1": ("RGB", "-dither", "None", "-colors", 2, "-type", "Palette"),
    "palette4": ("RGB", "-dither", "None", "-colors", 16, "-type", "Palette"),
    "palette8": ("RGB", "-dither", "None", "-colors", 256, "-type", "Palette"),
    "palettea": ("RGBA", "-dither", "None", "-colors", 100, "-type", "PaletteAlpha"),
    "rgb8": ("RGB", "-depth", 8),
    "rgb10": ("RGB", "-depth", 10),
    "rgb12": ("RGB", "-depth", 12),
    "rgb16": ("RGB",),
    "rgb32": ("RGB", "-depth", 32),
    "rgbf16": ("RGB", "-depth", 16, "-define", "quantum:format=floating-point"),
    "rgbf32": ("RGB", "-depth", 32, "-define", "quantum:format=floating-point"),
    "rgba8": ("RGBA", "-depth", 8),
    "rgba16": ("RGBA",),
    "rgba8-associated": ("RGBA", "-depth", 8, "-define", "tiff:alpha=associated"),
    "rgba16-associated": ("RGBA", "-define", "tiff:alpha=associated"),
    "rgba8-unspecified": ("RGBA", "-depth", 8, "-define", "tiff:alpha=unspecified"),
    "cmyk8": ("RGB", "-depth", 8, "-colorspace", "CMYK"),
    "cmyk16": ("RGB", "-colorspace", "CMYK"),
    "cmyka8": ("RGBA", "-depth", 8, "-colorspace", "CMYK"),
    "lab8": ("RGB", "-depth", 8, "-colorspace", "Lab"),
    "lab16": ("RGB", "-colorspace", "Lab"),
}
# These kinds are stored in every layout, the others in two.
CORE = (
    "mono",
    "mono-white",
    "gray8",
    "gray16",
    "palette8",
    "rgb8",
    "rgb16",
    "rgbf32",
    "rgba8",
    "rgba8-associated",
    "cmyk8",
)
BILEVEL = "none", "packbits", "lzw", "zip", "zstd", "lzma", "g3:1d", "g3:2d", "g3:1d:fill", "g3:2d:fill", "g4"
ANY = "none", "packbits", "lzw", "zip", "zstd", "lzma"
PREDICTED = *ANY, "lzw:2", "zip:2", "zstd:2", "lzma:2"
LAYOUTS = (
    ("-s", "-r", 1),
    ("-s", "-r", 7),
    ("-s", "-r", 100),
    ("-t", "-w", 16, "-l", 16),
    ("-t", "-w", 48, "-l", 32),
    ("-8",),
    ("-B",),
    ("-B", "-8", "-t", "-w", 32, "-l", 16),
    ("-f", "lsb2msb"),
    ("-p", "separate"),
    ("-p", "separate", "-t", "-w", 32, "-l", 32),
)


@functools.cache
def base(kind, smooth=False):
    """Returns a file of convert's, and what it reads of it."""
    channels, *options = IM[kind]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "base.tif")
        convert(pam(FULL, channels, smooth=smooth), "tiff", path, *options, "-compress", "None")
        return path.read_bytes(), magick(path)


def schemes(kind):
    if "mono" in kind:
        return BILEVEL
    if any(t in kind for t in ("f16", "f32", "f64")):
        return (*ANY, "lzw:3", "zip:3", "zstd:3", "lzma:3") if "f16" not in kind else ANY
    return PREDICTED if any(t in kind for t in ("8", "16", "32")) else ANY


def by_tiffcp(name, source, *options, read, within=1):
    """A file that tiffcp makes of another; source returns its bytes."""

    def write(path):
        with tempfile.TemporaryDirectory() as folder:
            before = pathlib.Path(folder, "in.tif")
            before.write_bytes(source())
            run("tiffcp", *options, before, path)

    return Case(name, write, read, within)


def cases():
    for kind, compress, size in itertools.product(
        IM, ("None", "RLE", "LZW", "Zip", "Fax", "Group4", "JPEG", "ZSTD", "LZMA", "WebP"), ((1, 7), FULL)
    ):
        channels, *options = IM[kind]
        if "mono" not in kind if compress in ("Fax", "Group4") else compress == "JPEG" and "8" not in kind:
            continue
        jpeg = compress == "JPEG"
        # ImageMagick 6 shows the colours of a JPEG with alpha as if they were not multiplied by it.
        read = pillow_first if jpeg and "A" in channels else magick
        yield by_magick(
            slug("im", kind, compress, "%dx%d" % size) + ".tif",
            lambda s=size, c=channels, j=jpeg: pam(s, c, smooth=j),
            "tiff",
            *options,
            "-compress",
            compress,
            read=read,
            within=3 if jpeg or "lab" in kind else 1,
        )
    for kind in IM:
        within = 3 if "lab" in kind else 1
        layouts = LAYOUTS if kind in CORE else (LAYOUTS[1], LAYOUTS[7])
        for scheme, layout in itertools.product(schemes(kind), layouts):
            yield by_tiffcp(
                slug("tiffcp", kind, scheme, *layout) + ".tif",
                lambda k=kind: base(k)[0],
                "-c",
                scheme,
                *layout,
                read=lambda _, k=kind: base(k)[1],
                within=within,
            )
    for kind, scheme, layout in itertools.product(("gray8", "rgb8"), ("jpeg", "jpeg:r", "jpeg:20"), LAYOUTS):
        if layout in LAYOUTS[1:3]:
            continue  # JPEG has rows of blocks, of which the first layout is made one
        layout = ("-s", "-r", 16) if layout == LAYOUTS[0] else layout
        yield by_tiffcp(
            slug("tiffcp", kind, scheme, *layout) + ".tif",
            lambda k=kind: base(k, smooth=True)[0],
            "-c",
            scheme,
            *layout,
            read=tiff2rgba,
            within=3,
        )
    for kind, scheme, layout in itertools.product(("rgb8", "rgba8"), ("webp", "webp:20"), LAYOUTS[:8]):
        yield by_tiffcp(
            slug("tiffcp", kind, scheme, *layout) + ".tif",
            lambda k=kind: base(k, smooth=True)[0],
            "-c",
            scheme,
            *layout,
            read=magick,
        )
    for scheme in ("lerc", "jbig"):
        kind = "mono" if scheme == "jbig" else "rgb8"
        yield by_tiffcp(f"refused-{scheme}.tif", lambda k=kind: base(k)[0], "-c", scheme, read=None)
    for define, kind in itertools.product(
        ("endian=msb", "endian=lsb", "fill-order=lsb", "rows-per-strip=5", "tile-geometry=16x32"),
        ("mono", "gray8", "gray16", "palette8", "rgb8", "rgb16", "rgbf32", "rgba8", "cmyk8"),
    ):
        for plane, compress in itertools.product(("none", "Plane"), ("None", "LZW", "Zip")):
            channels, *options = IM[kind]
            yield by_magick(
                slug("im", define, kind, plane, compress) + ".tif",
                lambda c=channels: pam(FULL, c),
                "tiff",
                *options,
                "-define",
                f"tiff:{define}",
                "-interlace",
                plane,
                "-compress",
                compress,
            )
    yield from raw()
    yield from fax()
    yield from orientations()
    yield from from_pillow()
    yield from from_netpbm()


CODES = {
    "byte": "B",
    "short": "H",
    "long": "I",
    "sbyte": "b",
    "sshort": "h",
    "slong": "i",
    "float": "f",
    "double": "d",
}


def numbers(kind, bands, band):
    """The samples of the drawing as numbers of a C type, pixel by pixel or band by band."""
    bits = 8 * struct.calcsize(CODES[kind])
    places = [(x, y, k) for y in range(FULL[1]) for x in range(FULL[0]) for k in range(bands)]
    if band:
        places.sort(key=lambda p: p[2])
    values = (sample(x, y, 2 if k == 3 else k) for x, y, k in places)
    if kind in ("float", "double"):
        made = [v / 65535 for v in values]
    else:
        made = [(v << 16 | v) >> 32 - bits for v in values]
        if kind.startswith("s"):
            made = [v >> 1 for v in made]
    return struct.pack(f"<{len(made)}{CODES[kind]}", *made)


def raw():
    photometric = {"minisblack": 1, "miniswhite": 1, "rgb": 3, "cmyk": 4, "cielab": 3}
    for (photo, bands), kind, planes, scheme in itertools.product(
        photometric.items(),
        ("byte", "short", "long", "float", "double"),
        ("pixel", "band"),
        ("none", "lzw:2", "zip", "packbits"),
    ):

        def write(path, photo=photo, bands=bands, kind=kind, planes=planes, scheme=scheme):
            with tempfile.TemporaryDirectory() as folder:
                source = pathlib.Path(folder, "raw")
                source.write_bytes(numbers(kind, bands, planes == "band"))
                run(
                    "raw2tiff",
                    "-w",
                    FULL[0],
                    "-l",
                    FULL[1],
                    "-b",
                    bands,
                    "-d",
                    kind,
                    "-p",
                    photo,
                    "-i",
                    planes,
                    "-c",
                    scheme,
                    "-r",
                    9,
                    source,
                    path,
                )

        yield Case(slug("raw2tiff", photo, kind, planes, scheme) + ".tif", write, magick)


def fax():
    """Fax data of netpbm's, taken over as it is or coded anew."""
    inputs = {
        "g3-1d": (("pbmtog3",), ("-3", "-1")),
        "g3-reversed": (("pbmtog3", "-reversebits"), ("-3", "-1")),
    }
    outputs = [
        (),
        ("-7", "-5"),
        ("-7", "-6"),
        ("-7", "-5", "-p"),
        ("-7", "-6", "-p"),
        ("-8",),
        ("-u",),
        ("-z",),
        ("-c",),
        ("-s",),
    ]
    for (name, (command, how)), output, order, rows in itertools.product(
        inputs.items(), outputs, ("-m", "-l"), ((), ("-r", 8))
    ):

        def write(path, command=command, how=how, output=output, order=order, rows=rows):
            with tempfile.TemporaryDirectory() as folder:
                source = pathlib.Path(folder, "in.g3")
                run(*command, stdin=run("pgmtopbm", stdin=pnm((160, 43), "L", 8)), out=source)
                bits = "-L" if "-reversebits" in command else "-M"
                run("fax2tiff", *how, bits, "-X", 160, *output, order, *rows, "-o", path, source)

        yield Case(slug("fax2tiff", name, *output, order, *rows) + ".tif", write, magick)


def orientations():
    for value in range(1, 9):

        def write(path, value=value):
            path.write_bytes(base("rgb8")[0])
            run("tiffset", "-s", 274, value, path)

        def read(path):
            with tempfile.TemporaryDirectory() as folder:
                out = pathlib.Path(folder, "out.png")
                run("convert", path, "-auto-orient", f"png32:{out}")
                return pillow_first(out)

        yield Case(f"tiffset-orientation-{value}.tif", write, read)


def from_pillow():
    compressions = (
        None,
        "packbits",
        "tiff_lzw",
        "tiff_adobe_deflate",
        "tiff_deflate",
        "zstd",
        "tiff_ccitt",
        "group3",
        "group4",
        "jpeg",
    )
    for mode, compression, size in itertools.product(
        ("1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "LAB", "YCbCr"), compressions, ((13, 1), FULL)
    ):
        source = {"RGBX": "RGB", "LAB": "RGB", "YCbCr": "RGB"}.get(mode, mode)
        jpeg = compression == "jpeg"
        yield by_pillow(
            slug("pillow", mode, compression, "%dx%d" % size) + ".tif",
            lambda m=mode, o=source, s=size, j=jpeg: changed(drawing(s, o, smooth=j), m),
            "TIFF",
            read=from_lab if mode == "LAB" else pillow_first if mode == "RGBA" else magick,
            within=3 if jpeg or mode in ("LAB", "YCbCr") else 1,
            compression=compression,
        )
    for mode, key, value in itertools.product(("1", "L", "P", "RGB", "RGBA"), (278, 317, 266), (1, 2)):
        for compression in ("tiff_lzw", "tiff_adobe_deflate"):
            yield by_pillow(
                slug("pillow-tag", mode, key, value, compression) + ".tif",
                lambda m=mode: drawing(FULL, m),
                "TIFF",
                compression=compression,
                tiffinfo={key: value},
            )
    for mode in ("1", "L", "RGB", "RGBA", "CMYK"):
        yield by_pillow(
            f"pillow-big-{mode}.tif", lambda m=mode: drawing(FULL, m), "TIFF", read=magick, big_tiff=True
        )
    yield by_pillow(
        "pillow-pages.tif",
        lambda: drawing(FULL),
        "TIFF",
        read=pillow_first,
        save_all=True,
        append_images=[drawing((13, 1)), drawing(FULL, "1")],
    )


LAB, SRGB = (ImageCms.createProfile(name) for name in ("LAB", "sRGB"))


def changed(picture, mode):
    return (
        ImageCms.profileToProfile(picture, SRGB, LAB, outputMode="LAB")
        if mode == "LAB"
        else picture.convert(mode)
    )


def from_lab(path):
    """L*a*b* by LittleCMS: ImageMagick takes its white for D65."""
    with Image.open(path) as picture:
        return [
            ImageCms.profileToProfile(
                picture, LAB, SRGB, outputMode="RGB", flags=ImageCms.Flags.NOOPTIMIZE
            ).convert("RGBA")
        ]


def from_netpbm():
    outputs = (
        (),
        ("-packbits",),
        ("-lzw",),
        ("-lzw", "-predictor=2"),
        ("-flate",),
        ("-adobeflate",),
        ("-lsb2msb",),
        ("-rowsperstrip=3",),
    )
    for (channels, depth), output in itertools.product(
        itertools.product(("L", "RGB", "LA", "RGBA"), (1, 2, 4, 8, 16)), outputs
    ):
        yield by_netpbm(
            slug("pamtotiff", channels, depth, *output) + ".tif",
            lambda c=channels, d=depth: pam(FULL, c, d),
            "pamtotiff",
            *output,
            read=magick,
        )
    for output, colour, order in itertools.product(
        (("-g3",), ("-g3", "-2d"), ("-g3", "-fill"), ("-g3", "-2d", "-fill"), ("-g4",), ("-none",)),
        ("-miniswhite", "-minisblack"),
        ("-msb2lsb", "-lsb2msb"),
    ):
        yield by_netpbm(
            slug("pamtotiff-fax", *output, colour, order) + ".tif",
            lambda: run("pgmtopbm", stdin=pnm(FULL, "L", 8)),
            "pamtotiff",
            *output,
            colour,
            order,
            read=tiff2rgba,
        )
    for bits in (1, 2, 4, 8):
        yield by_netpbm(
            f"pamtotiff-index-{bits}.tif",
            lambda b=bits: run("pnmquant", "-nofs", 1 << b, stdin=pnm(FULL, "RGB", 8)),
            "pamtotiff",
            f"-indexbits={bits}",
            read=magick,
        )
    for options in ((), ("-packbits",), ("-lzw",), ("-lsb2msb",)):
        yield by_netpbm(
            slug("pnmtotiffcmyk", *options) + ".tif",
            lambda: pnm(FULL, "RGB", 8),
            "pnmtotiffcmyk",
            *options,
            read=magick,
        )
