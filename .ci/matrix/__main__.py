"""Pictures of every format, depth, colour, layout and compression, written by other people's programs.

    .ci/matrix FOLDER [FORMAT...]

writes them to FOLDER, and beside each of them what the program that wrote it, or a second reader, reads of it.
FOLDER/cases.json lists the cases; TestTools in internal/engine/formats compares. A combination that a program refuses
is no case, but each format has a floor of how many there are. Needs Pillow and pillow-heif, and of Debian 12 imagemagick,
libtiff-tools, gifsicle, webp, netpbm and libjpeg-turbo-progs.
"""

import concurrent.futures
import itertools
import json
import os
import pathlib
import sys

import gif
import heic
import others
import png
import tiff
import tools
import webp

FORMATS = {
    "png": (png.cases, 450),
    "gif": (gif.cases, 220),
    "webp": (webp.cases, 220),
    "tiff": (tiff.cases, 2200),
    "bmp": (others.bmp, 180),
    "ico": (others.ico, 70),
    "pnm": (others.pnm_cases, 190),
    "psd": (others.psd, 420),
    "qoi": (others.qoi, 16),
    "jpeg": (others.jpeg, 320),
    "heic": (heic.cases, 230),
    "refused": (others.refused, 5),
}


def make(folder, fmt, case):
    """Writes a case and its references. Returns its line of cases.json, or the reason why there is none."""
    path = folder / fmt / case.name
    try:
        case.write(path)
        frames = [] if case.read is None else case.read(path)
    except tools.Refused as reason:
        return str(reason)
    names = []
    for i, frame in enumerate(frames):
        names.append(f"{path.name}.{i}.png")
        frame.copy().save(path.parent / names[-1], compress_level=1)
    return {"name": f"{fmt}/{case.name}", "frames": names, "within": case.within}


def main(folder, wanted):
    found, reasons = [], []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for fmt in wanted or FORMATS:
            (folder / fmt).mkdir(parents=True)
            generate, floor = FORMATS[fmt]
            cases = list(generate())
            if len({case.name for case in cases}) < len(cases):
                sys.exit(f"{fmt}: two cases have one name")
            made = list(pool.map(make, itertools.repeat(folder), itertools.repeat(fmt), cases))
            good = [case for case in made if isinstance(case, dict)]
            if len(good) < floor:
                sys.exit(
                    "\n".join(m for m in made if isinstance(m, str))
                    + f"\n{fmt}: {len(good)} cases, {floor} wanted"
                )
            found += good
            reasons += [m for m in made if isinstance(m, str)]
            print(f"{fmt}: {len(good)} cases, {len(made) - len(good)} refused by the program", flush=True)
    (folder / "cases.json").write_text(json.dumps(found))
    (folder / "refused.txt").write_text("\n".join(reasons))


main(pathlib.Path(sys.argv[1]), sys.argv[2:])
