"""WebP: lossless and lossy, with and without alpha, every choice of cwebp's that changes the bit stream, animations."""

import itertools
import pathlib
import tempfile

import gif
from tools import FULL, SIZES, Case, by_pillow, drawing, dwebp, film, pillow, run, slug

# Where chroma is interpolated and converted, both programs round twice.
LOSSY = 3


def by_cwebp(name, picture, *options, within=1):
    def write(path):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder, "in.png")
            picture().save(source)
            run("cwebp", "-quiet", *options, source, "-o", path)

    return Case(name, write, dwebp, within)


def cases():
    for size, mode, level in itertools.product(SIZES, ("L", "RGB", "RGBA"), range(10)):
        name = slug("lossless", mode, "%dx%d" % size, level) + ".webp"
        yield by_cwebp(name, lambda s=size, m=mode: drawing(s, m), "-z", level, "-exact")
    for colours, level in itertools.product((2, 3, 4, 5, 16, 17, 256), (0, 6, 9)):
        yield by_cwebp(
            f"palette-{colours}-{level}.webp",
            lambda c=colours: drawing(FULL, "RGBA").quantize(c),
            "-z",
            level,
        )
    for near in (0, 40, 80):
        yield by_cwebp(f"near-lossless-{near}.webp", lambda: drawing(FULL, "RGB"), "-near_lossless", near)
    for size, mode, quality in itertools.product((*SIZES, (16, 16), (17, 33)), ("RGB", "RGBA"), (0, 50, 100)):
        name = slug("lossy", mode, "%dx%d" % size, quality) + ".webp"
        yield by_cwebp(name, lambda s=size, m=mode: drawing(s, m, smooth=True), "-q", quality, within=LOSSY)
    for options in (
        ("-m", 0),
        ("-m", 6),
        ("-segments", 1),
        ("-segments", 2),
        ("-f", 0),
        ("-f", 100),
        ("-sharpness", 7),
        ("-nostrong",),
        ("-nostrong", "-f", 100, "-sharpness", 4),
        ("-strong", "-f", 90),
        ("-sns", 100),
        ("-pass", 6),
        ("-jpeg_like",),
        ("-sharp_yuv",),
        ("-preset", "drawing"),
        ("-low_memory",),
        ("-pre", 4),
        ("-partition_limit", 100),
        ("-mt",),
    ):
        yield by_cwebp(
            slug("lossy", *options) + ".webp",
            lambda: drawing((97, 71), "RGB", smooth=True),
            *options,
            within=LOSSY,
        )
    for method, how, quality in itertools.product((0, 1), ("none", "fast", "best"), (0, 30, 100)):
        yield by_cwebp(
            slug("alpha", method, how, quality) + ".webp",
            lambda: drawing(FULL, smooth=True),
            "-q",
            70,
            "-alpha_method",
            method,
            "-alpha_filter",
            how,
            "-alpha_q",
            quality,
            within=LOSSY,
        )
    for mode, options in itertools.product(
        ("1", "L", "LA", "PA", "RGB", "RGBA", "CMYK"), ({"lossless": True}, {"quality": 60})
    ):
        source = {"PA": "RGBA"}.get(mode, mode)
        yield by_pillow(
            slug("pillow", mode, *options) + ".webp",
            lambda m=mode, s=source: drawing(FULL, s, smooth=True).convert(m),
            "WEBP",
            within=LOSSY,
            **options,
        )
    yield from animations()


def animations():
    for options in (
        {"lossless": True},
        {"quality": 40},
        {"allow_mixed": True},
        {"minimize_size": True},
        {"kmin": 1, "kmax": 2},
        {"background": (255, 0, 0, 128), "lossless": True},
    ):
        yield by_pillow(
            slug("pillow-animated", *options) + ".webp",
            lambda: drawing(FULL),
            "WEBP",
            save_all=True,
            within=LOSSY,
            append_images=film(),
            **options,
        )
    for disposal, options in itertools.product(
        ("none", "background", "previous"),
        ((), ("-lossy", "-q", 60), ("-mixed",), ("-kmin", 0), ("-min_size",)),
    ):

        def write(path, disposal=disposal, options=options):
            with tempfile.TemporaryDirectory() as folder:
                source = pathlib.Path(folder, "in.gif")
                gif.by_gifsicle("", 32, ("-D", disposal)).write(source)
                run("gif2webp", "-quiet", *options, source, "-o", path)

        yield Case(slug("gif2webp", disposal, *options) + ".webp", write, pillow, LOSSY)
    for options in (("-lossless",), ("-lossy", "-q", 50), ("-mixed",), ("-min_size",), ("-kmax", 1)):

        def write(path, options=options):
            with tempfile.TemporaryDirectory() as folder:
                names = [pathlib.Path(folder, f"{i}.png") for i in range(5)]
                for i, name in enumerate(names):
                    drawing(FULL).rotate(i * 30).save(name)
                last = options if options[0] in ("-lossless", "-lossy") else ()
                first = () if last else options
                run("img2webp", *first, *itertools.chain(*((*last, "-d", 70, n) for n in names)), "-o", path)

        yield Case(slug("img2webp", *options) + ".webp", write, pillow, LOSSY)
    for blend, dispose, lossless in itertools.product("+-", (0, 1), (True, False)):

        def write(path, blend=blend, dispose=dispose, lossless=lossless):
            with tempfile.TemporaryDirectory() as folder:
                frames = []
                for i, place in enumerate(((0, 0), (4, 6), (20, 2), (0, 18))):
                    name = pathlib.Path(folder, f"{i}.webp")
                    picture = drawing(FULL) if i == 0 else drawing(FULL).crop((i, i, 37, 25))
                    picture.save(name, lossless=lossless, exact=True)
                    frames += ["-frame", name, "+80+%d+%d+%d%sb" % (*place, dispose, blend)]
                run("webpmux", *frames, "-loop", 3, "-bgcolor", "128,0,255,0", "-o", path)

        yield Case(
            slug("webpmux", "blend" if blend == "+" else "copy", dispose, lossless) + ".webp",
            write,
            pillow,
            LOSSY,
        )
    for metadata in ("icc", "exif", "xmp"):

        def write(path, metadata=metadata):
            with tempfile.TemporaryDirectory() as folder:
                data, plain = pathlib.Path(folder, "data"), pathlib.Path(folder, "plain.webp")
                data.write_bytes(b"no real " + metadata.encode())
                drawing(FULL).save(plain, lossless=True)
                run("webpmux", "-set", metadata, data, plain, "-o", path)

        yield Case(f"webpmux-{metadata}.webp", write, dwebp)
