"""PNG: all types of pixels, transparent colours, both interlacings, every filter."""

import itertools

from tools import FULL, SIZES, by_magick, by_netpbm, by_pillow, drawing, film, magick, pam, pillow, pnm, slug

# ImageMagick calls what it writes gamma 2.2, and ignores that when it reads. See im-gamma.png below.
PLAIN = "-define", "png:exclude-chunks=gAMA,cHRM"
TYPES = [
    (0, (1, 2, 4, 8, 16), "L"),
    (2, (8, 16), "RGB"),
    (3, (1, 2, 4, 8), "RGB"),
    (4, (8, 16), "LA"),
    (6, (8, 16), "RGBA"),
]


def cases():
    for colour, depths, channels in TYPES:
        for depth, size, interlace in itertools.product(depths, SIZES, ("none", "PNG")):
            for extra in ((), ("-transparent", "white"), ("-define", "png:compression-filter=5")):
                reduce = (
                    ("-dither", "None", "-colors", 1 << min(depth, 8)) if colour == 3 else ("-depth", depth)
                )
                options = (
                    *PLAIN,
                    *reduce,
                    *extra,
                    "-interlace",
                    interlace,
                    "-define",
                    f"png:color-type={colour}",
                    "-define",
                    f"png:bit-depth={depth}",
                )
                name = slug("im", colour, depth, "%dx%d" % size, interlace, *extra[1:]) + ".png"
                yield by_magick(name, lambda s=size, c=channels: pam(s, c), "png", *options)
    for strategy, level in itertools.product(range(6), (1, 9)):
        yield by_magick(
            f"im-filter{strategy}-level{level}.png",
            lambda: pam(FULL, "RGBA"),
            "png",
            *PLAIN,
            "-define",
            f"png:compression-filter={strategy}",
            "-quality",
            f"{level}{strategy}",
        )
    yield by_magick("im-gamma.png", lambda: pam(FULL, "RGB"), "png")
    for size, mode in itertools.product(SIZES, ("1", "L", "LA", "P", "RGB", "RGBA")):
        for options in ({}, {"optimize": True}, {"compress_level": 0}, {"compress_type": 3}):
            name = slug("pillow", mode, "%dx%d" % size, *options) + ".png"
            yield by_pillow(name, lambda s=size, m=mode: drawing(s, m), "PNG", **options)
    for mode, key in (("1", 0), ("L", 7), ("RGB", (0, 0, 0)), ("P", 3), ("P", bytes(range(255, 90, -1)))):
        name = slug("pillow-key", mode, type(key).__name__) + ".png"
        yield by_pillow(name, lambda m=mode: drawing(FULL, m), "PNG", transparency=key)
    for bits in (1, 2, 4, 8):
        yield by_pillow(
            f"pillow-bits{bits}.png", lambda b=bits: drawing(FULL, "RGB").quantize(1 << b), "PNG", bits=bits
        )
    yield by_pillow(
        "pillow-animated.png",
        lambda: drawing(FULL),
        "PNG",
        save_all=True,
        default_image=False,
        blend=1,
        append_images=film(),
        disposal=[0, 1, 2, 0],
    )
    for depth, channels, flag in itertools.product(
        (1, 2, 4, 8, 16), ("L", "RGB"), ((), ("-interlace",), ("-force",), ("-nofilter",))
    ):
        name = slug("netpbm", channels, depth, *flag) + ".png"
        yield by_netpbm(name, lambda d=depth, c=channels: pnm(FULL, c, d), "pnmtopng", *flag, read=magick)
    for depth, channels in itertools.product((1, 2, 4, 8, 16), ("L", "LA", "RGB", "RGBA")):
        name = slug("netpbm-pam", channels, depth) + ".png"
        yield by_netpbm(name, lambda d=depth, c=channels: pam(FULL, c, d), "pamtopng", read=magick)
    for key in ("=rgb:ff/ff/ff", "rgb:00/00/00"):
        yield by_netpbm(
            slug("netpbm-transparent", key) + ".png",
            lambda: pnm(FULL, "RGB", 8),
            "pnmtopng",
            "-transparent",
            key,
            read=pillow,
        )
