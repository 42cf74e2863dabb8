"""GIF: colours, interlacing, transparency, screens, places, disposal, local palettes, optimised animations."""

import functools
import itertools
import pathlib
import tempfile

from PIL import Image
from tools import FULL, SIZES, Case, by_magick, by_pillow, drawing, film, magick_frames, pam, run, slug

COLOURS = 2, 4, 16, 128, 256


@functools.cache
def frame(number, colours):
    """Returns one of four frames as a GIF, each with colours and transparent parts of its own."""
    picture = drawing(FULL).transpose(Image.Transpose.ROTATE_180) if number % 2 else drawing(FULL)
    picture = picture.crop((number, 2 * number, 50 - 9 * number, 40))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "frame.gif")
        picture.quantize(colours, dither=Image.Dither.NONE).save(path, "GIF")
        return path.read_bytes()


def by_gifsicle(name, colours, options, each=((), (), (), ())):
    """An animation of four frames; each is the options of a frame."""

    def write(path):
        with tempfile.TemporaryDirectory() as folder:
            arguments = []
            for i, own in enumerate(each):
                file = pathlib.Path(folder, f"{i}.gif")
                file.write_bytes(frame(i, colours))
                arguments += [*own, file]
            run("gifsicle", "-w", *options, "-d10", *arguments, "-o", path)

    return Case(name, write, magick_frames)


def cases():
    for colours, size, interlace in itertools.product(COLOURS, SIZES, ("none", "GIF")):
        for kind, channels in (("gif", "RGBA"), ("gif87", "RGB")):
            name = slug("im", kind, channels, colours, "%dx%d" % size, interlace) + ".gif"
            yield by_magick(
                name, lambda s=size, c=channels: pam(s, c), kind, "-colors", colours, "-interlace", interlace
            )
    for mode, size, interlace in itertools.product(("1", "L", "LA", "P", "RGB", "RGBA"), SIZES, (0, 1)):
        yield by_pillow(
            slug("pillow", mode, "%dx%d" % size, interlace) + ".gif",
            lambda m=mode, s=size: drawing(s, m),
            "GIF",
            interlace=interlace,
        )
    for disposal, optimize in itertools.product(range(4), (False, True)):
        yield by_pillow(
            f"pillow-animated-{disposal}-{optimize}.gif",
            lambda: drawing(FULL),
            "GIF",
            read=magick_frames,
            save_all=True,
            append_images=film(),
            disposal=disposal,
            optimize=optimize,
            duration=100,
        )
    for colours, disposal, level in itertools.product(
        COLOURS, ("none", "asis", "background", "previous"), range(4)
    ):
        yield by_gifsicle(
            slug("gifsicle", colours, disposal, level) + ".gif", colours, ("-D", disposal, f"-O{level}")
        )
    places = (
        ("-p", "0,0"),
        ("-p", "3,5"),
        ("-p", "20,1", "-D", "background"),
        ("-p", "7,30", "-D", "previous"),
    )
    for colours, interlace, screen in itertools.product(
        COLOURS, ((), ("-i",)), ((), ("-S", "61x43"), ("-S", "90x80"))
    ):
        name = slug("gifsicle-places", colours, *interlace, *screen[1:]) + ".gif"
        yield by_gifsicle(name, colours, (*screen, *interlace), places)
    for options in (
        ("--careful",),
        ("-U",),
        ("--lossy=80", "-O3"),
        ("--crop", "5,5+30x20"),
        ("--transparent", "#000000"),
        ("--rotate-90",),
        ("--flip-horizontal",),
        ("-k", "7"),
        ("--resize", "33x29"),
        ("-k", "2", "-i"),
        ("--background", "#ff0000"),
        ("-S", "20x10"),
        ("-O3", "-k", "256"),
    ):
        yield by_gifsicle(slug("gifsicle-option", *options) + ".gif", 64, options)
    for frames in ("0", "1", "2-3"):

        def write(path, chosen=frames):
            with tempfile.TemporaryDirectory() as folder:
                whole = pathlib.Path(folder, "whole.gif")
                by_gifsicle("", 16, ("-O2",), places).write(whole)
                run("gifsicle", "-w", whole, f"#{chosen}", "-o", path)

        yield Case(f"gifsicle-chosen-{frames}.gif", write, magick_frames)
