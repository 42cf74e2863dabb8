"""BMP, ICO, PNM, PSD, QOI and JPEG, and formats that are recognised only."""

import itertools

from PIL import Image
from tools import (
    FULL, SIZES, by_magick, by_netpbm, by_pillow, decoded, djpeg, drawing, magick, netpbm, pam, pillow,
    pnm, run, slug,
)


def bmp():
    kinds = {
        "mono": ("L", "-monochrome"),
        "gray": ("L", "-type", "Grayscale"),
        "16": ("RGB", "-dither", "None", "-colors", 16),
        "256": ("RGB", "-dither", "None", "-colors", 256),
        "rgb": ("RGB", "-type", "TrueColor"),
        "rgba": ("RGBA",),
        **{
            sub: ("RGBA" if "A" in sub else "RGB", "-define", f"bmp:subtype={sub}")
            for sub in ("RGB555", "RGB565", "ARGB1555", "ARGB4444")
        },
    }
    for (kind, (channels, *options)), header, size, compress in itertools.product(
        kinds.items(), ("bmp2", "bmp3", "bmp"), SIZES, ("None", "RLE")
    ):
        if header != "bmp" and len(options) > 1 and "subtype" in options[1]:
            continue  # written without the masks that they need
        # ImageMagick 6 shows its own run lengths of 1 pixel's width wrongly, and does not scale
        # all samples of few bits.
        read = {"ARGB1555": widened(magick, 128, "A"), "ARGB4444": widened(magick, 240, "RGBA")}.get(
            kind, pillow if compress == "RLE" else magick
        )
        yield by_magick(
            slug(header, kind, "%dx%d" % size, compress) + ".bmp",
            lambda s=size, c=channels: pam(s, c),
            header,
            *options,
            "-compress",
            compress,
            read=read,
        )
    for mode, size, kind in itertools.product(("1", "L", "P", "RGB", "RGBA"), SIZES, ("BMP",)):
        yield by_pillow(
            slug("pillow", mode, "%dx%d" % size, kind) + ".bmp", lambda m=mode, s=size: drawing(s, m), kind
        )
    for system, bits, size in itertools.product(("-windows", "-os2"), (1, 4, 8, 24), SIZES):
        yield by_netpbm(
            slug("ppmtobmp", system, bits, "%dx%d" % size) + ".bmp",
            lambda s=size, b=bits: few(s, b),
            "ppmtobmp",
            system,
            f"-bpp={bits}",
            read=netpbm("bmptopnm"),
        )


def widened(read, most, bands):
    """A reader whose largest sample is most in the bands named."""

    def scale(v):
        return min(255, v * 255 // most)

    def scaled(path):
        bands_of = [frame.split() for frame in read(path)]
        return [
            Image.merge("RGBA", [b.point(scale) if name in bands else b for name, b in zip("RGBA", frame)])
            for frame in bands_of
        ]

    return scaled


def given(size, mode):
    """A reader for files that their own program shows wrongly: the drawing that it was given."""
    return lambda path: [drawing(size, mode).convert("RGBA")]


def few(size, bits):
    """The drawing with no more colours than indexes of some bits count."""
    if bits == 24:
        return pnm(size, "RGB", 8)
    return run("pnmquant", "-nofs", 1 << bits, stdin=pnm(size, "RGB", 8))


def ico():
    sides = (16, 16), (48, 48), (255, 255), (256, 256)
    for size, kind, mode in itertools.product(sides, ("png", "bmp"), ("RGBA", "RGB", "P", "1")):
        # Pillow writes the rows of a mask without padding, and looks for it at the wrong place.
        read = given(size, mode) if kind == "bmp" else pillow
        yield by_pillow(
            slug("pillow", size[0], kind, mode) + ".ico",
            lambda s=size, m=mode: drawing(s, m),
            "ICO",
            sizes=[size],
            bitmap_format=kind,
            read=read,
        )
    yield by_pillow(
        "pillow-all.ico", lambda: drawing((64, 64)), "ICO", sizes=[(16, 16), (32, 32), (64, 64), (24, 24)]
    )
    for size, kind, options in itertools.product(
        (*sides[:3], (31, 17)),
        ("ico", "cur"),
        (
            (),
            ("-monochrome",),
            ("-colors", 16),
            ("-colors", 256),
            ("-alpha", "off"),
            ("-colors", 16, "-alpha", "off"),
        ),
    ):
        yield by_magick(
            slug("im", kind, "%dx%d" % size, *options) + "." + kind,
            lambda s=size: pam(s, "RGBA"),
            kind,
            *options,
        )
    for size in sides[:2]:
        yield by_netpbm(
            f"netpbm-{size[0]}.ico", lambda s=size: few(s, 8), "ppmtowinicon", read=netpbm("winicontoppm")
        )
        yield by_netpbm(
            f"netpbm-pam-{size[0]}.ico", lambda s=size: pam(s, "RGBA", 8), "pamtowinicon", read=pillow
        )


def pnm_cases():
    for size, mode in itertools.product(SIZES, ("1", "L", "RGB", "RGBA", "I;16")):
        yield by_pillow(
            slug("pillow", mode, "%dx%d" % size) + ".ppm",
            lambda s=size, m=mode: gray16(s) if m == "I;16" else drawing(s, m),
            "PPM",
        )
    for size, (kind, channels), plain, depth in itertools.product(
        SIZES,
        (
            ("pbm", "L"),
            ("pgm", "L"),
            ("ppm", "RGB"),
            ("pam", "L"),
            ("pam", "LA"),
            ("pam", "RGB"),
            ("pam", "RGBA"),
        ),
        ("None", "Undefined"),
        (1, 2, 4, 8, 16),
    ):
        if kind == "pam" and plain == "None" or kind == "pbm" and depth > 1:
            continue
        yield by_magick(
            slug("im", kind, channels, "%dx%d" % size, plain, depth) + "." + kind,
            lambda s=size, c=channels: pam(s, c),
            kind,
            "-compress",
            plain,
            "-depth",
            depth,
            read=pamtopng if kind == "pam" else magick,
        )
    for maxval, (channels, suffix) in itertools.product(
        (1, 3, 5, 100, 254, 255, 256, 1000, 65534, 65535), (("L", "pgm"), ("RGB", "ppm"))
    ):
        yield by_netpbm(
            f"netpbm-{maxval}-plain.{suffix}",
            lambda m=maxval, c=channels: run("pnmtoplainpnm", stdin=run("pamdepth", m, stdin=pnm(FULL, c))),
            "cat",
            read=netpbm("pamdepth", 255),
        )
        yield by_netpbm(
            f"netpbm-{maxval}.{suffix}",
            lambda c=channels: pnm(FULL, c),
            "pamdepth",
            maxval,
            read=netpbm("pamdepth", 255),
        )
        yield by_netpbm(
            f"netpbm-{maxval}-{channels}A.pam",
            lambda c=channels: pam(FULL, c + "A"),
            "pamdepth",
            maxval,
            read=pamtopng,
        )
    yield by_netpbm("netpbm-pbm.pbm", lambda: pnm(FULL, "L", 8), "pgmtopbm", read=pillow)


def pamtopng(path):
    """PAM by netpbm: ImageMagick 6 takes opaque for transparent where the largest sample is not 255 or 65535."""
    return [decoded(run("pamtopng", stdin=run("pamdepth", 255, path)), "PNG")]


def gray16(size):
    return Image.frombytes("I;16B", size, pam(size, "L").split(b"ENDHDR\n", 1)[1])


def psd():
    kinds = {
        "mono": ("L", "-monochrome"),
        "gray": ("L",),
        "graya": ("LA",),
        "palette": ("RGB", "-colors", 200, "-type", "Palette"),
        "rgb": ("RGB",),
        "rgba": ("RGBA",),
        "cmyk": ("RGB", "-colorspace", "CMYK"),
        "lab": ("RGB", "-colorspace", "Lab"),
    }
    for (kind, (channels, *options)), depth, compress, size in itertools.product(
        kinds.items(), (8, 16, 32), ("None", "RLE", "Zip"), SIZES
    ):
        # ImageMagick 6 takes white back from colours that it wrote straight, and takes shades of gray for alpha.
        read = given(size, channels) if "A" in channels else magick
        for name in ("psd", "psb"):
            yield by_magick(
                slug(kind, depth, compress, "%dx%d" % size) + "." + name,
                lambda s=size, c=channels: pam(s, c),
                name,
                *options,
                "-depth",
                depth,
                "-compress",
                compress,
                read=read,
                within=2 if kind == "lab" else 1,
            )


def qoi():
    for size, mode in itertools.product((*SIZES, (200, 150)), ("RGB", "RGBA")):
        yield by_pillow(
            slug("pillow", mode, "%dx%d" % size) + ".qoi", lambda s=size, m=mode: drawing(s, m), "QOI"
        )
        yield by_netpbm(
            slug("netpbm", mode, "%dx%d" % size) + ".qoi",
            lambda s=size, m=mode: pam(s, m, 8),
            "pamtoqoi",
            read=pillow,
        )


# Inverse transforms may differ by 1, and the conversion of chroma doubles that.
JPEG = 3


def jpeg():
    samplings = "1x1", "2x1", "1x2", "2x2", "4x1", "4x2", "1x4", "2x2,1x2,2x1", "1x1,2x2,2x2"
    for size, sampling, options in itertools.product(
        (*SIZES, (33, 65)),
        samplings,
        (
            (),
            ("-progressive",),
            ("-arithmetic",),
            ("-arithmetic", "-progressive"),
            ("-restart", 1),
            ("-optimize", "-quality", 100),
            ("-quality", 5),
        ),
    ):
        name = slug("cjpeg", "%dx%d" % size, sampling, *options) + ".jpg"
        yield by_netpbm(
            name,
            lambda s=size: pnm(s, "RGB", 8, smooth=True),
            "cjpeg",
            "-sample",
            sampling,
            *options,
            read=djpeg,
            within=JPEG,
        )
    for size, kind, options in itertools.product(
        SIZES, ("L", "RGB"), (("-rgb",), ("-grayscale",), ("-baseline", "-quality", 1), ("-restart", "1B"))
    ):
        yield by_netpbm(
            slug("cjpeg", "%dx%d" % size, kind, *options) + ".jpg",
            lambda s=size, k=kind: pnm(s, k, 8, smooth=True),
            "cjpeg",
            *options,
            read=djpeg,
            within=JPEG,
        )
    for mode, options in itertools.product(
        ("L", "RGB", "CMYK"),
        (
            {},
            {"quality": 95, "subsampling": 0},
            {"progressive": True},
            {"keep_rgb": True},
            {"restart_marker_rows": 1},
        ),
    ):
        yield by_pillow(
            slug("pillow", mode, *options) + ".jpg",
            lambda m=mode: drawing(FULL, m, smooth=True),
            "JPEG",
            within=JPEG,
            **options,
        )
    for space, options in itertools.product(
        ("sRGB", "Gray", "CMYK", "RGB"),
        (
            (),
            ("-interlace", "JPEG"),
            ("-sampling-factor", "4:1:1"),
            ("-sampling-factor", "4:4:0"),
            ("-quality", 100),
        ),
    ):
        yield by_magick(
            slug("im", space, *options) + ".jpg",
            lambda: pam(FULL, "RGB", smooth=True),
            "jpeg",
            "-colorspace",
            space,
            *options,
            within=JPEG,
        )


def refused():
    for name, kind in (
        ("im.jp2", "jp2"),
        ("im.j2k", "j2k"),
        ("im.tga", "tga"),
        ("im.avif", "avif"),
    ):
        yield by_magick(name, lambda: pam(FULL, "RGB"), kind, read=None)
    for name, kind in (("pillow.jp2", "JPEG2000"), ("pillow.tga", "TGA"), ("pillow.avif", "AVIF")):
        yield by_pillow(name, lambda: drawing(FULL, "RGB"), kind, read=None)
    yield by_netpbm("netpbm.tga", lambda: pnm(FULL, "RGB", 8), "pamtotga", "-rgb", read=None)
    yield by_netpbm("netpbm.jp2", lambda: pnm(FULL, "RGB", 8), "pamtojpeg2k", read=None)
