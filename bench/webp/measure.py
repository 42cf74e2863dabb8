"""Measures how many bytes imgmill's WebP needs for the quality of libwebp's, and prints the table of docs/performance.md.

measure.py [--efforts fast,normal,high] IMGMILL PICTURE...: the command, and photographs. `make webp-bytes` runs it on those of
IMGMILL_CORPUS. Pictures of more than 1600 pixels are reduced to that first. imgmill writes each at qualities 60, 70, 80 and 90,
libwebp (by Pillow) from 50 to 95 with methods 2, 4 and 6, both from the same RGB. What is compared is the Bjøntegaard delta: the
mean of the logarithm of the bytes, interpolated over the metric (PCHIP), within the range of imgmill's four files. PSNR and SSIM
are scikit-image's of the luma of BT.601, SSIMULACRA2 is that of the package of this name. Measurements are kept in the user's
cache.
"""
import argparse
import concurrent.futures
import hashlib
import io
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import PIL
from PIL import Image, features
from scipy.interpolate import PchipInterpolator
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from ssimulacra2 import compute_ssimulacra2

SIDE = 1600
QUALITIES = 60, 70, 80, 90
LIBWEBP_QUALITIES = 50, *QUALITIES, 95
METHODS = 2, 4, 6
METRICS = "PSNR-Y", "SSIM-Y", "SSIMULACRA2"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "imgmill-bench", "webp")


def luma(picture):
    return np.asarray(picture, np.float64) @ (0.299, 0.587, 0.114)


def measure(source, data):
    """Returns the bytes of a file and its metrics, each on a scale on which better is larger and steps are about even."""
    key = CACHE / hashlib.sha256(pathlib.Path(source).read_bytes() + data + PIL.__version__.encode()).hexdigest()
    if key.exists():
        return json.loads(key.read_text())
    with Image.open(source) as file, tempfile.NamedTemporaryFile(suffix=".png") as decoded:
        want, got = file.convert("RGB"), Image.open(io.BytesIO(data)).convert("RGB")
        got.save(decoded.name, compress_level=1)
        a, b = luma(want), luma(got)
        ssim = structural_similarity(a, b, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
        result = [len(data), peak_signal_noise_ratio(a, b, data_range=255), -10 * math.log10(1 - ssim),
                  compute_ssimulacra2(source, decoded.name)]
    CACHE.mkdir(parents=True, exist_ok=True)
    key.write_text(json.dumps(result))
    return result


def by_libwebp(source, method):
    with Image.open(source) as picture:
        for quality in LIBWEBP_QUALITIES:
            out = io.BytesIO()
            picture.save(out, "WEBP", quality=quality, method=method)
            yield measure(source, out.getvalue())


def by_imgmill(command, source, effort):
    for quality in QUALITIES:
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "out.webp")
            options = ["--quality", str(quality)] + (["--effort", effort] if effort != "normal" else [])
            options += ["--width", str(SIDE), "--format", "webp"]  # which keeps the size
            run = subprocess.run([command, "resize", source, "-o", out, *options], capture_output=True, text=True)
            if run.returncode:
                raise RuntimeError(run.stderr)
            yield measure(source, pathlib.Path(out).read_bytes())


def delta(ours, theirs, metric):
    """Returns the mean difference of ln(bytes) at equal quality, within ours and where both are known."""
    def curve(points):
        points = sorted((p[metric], math.log(p[0])) for p in points)
        return PchipInterpolator(*zip(*points)), points[0][0], points[-1][0]

    (f, low, high), (g, at_least, at_most) = curve(ours), curve(theirs)
    low, high = max(low, at_least), min(high, at_most)
    return (f.integrate(low, high) - g.integrate(low, high)) / (high - low)


def compare(job):
    """Returns for each method the deltas of one picture, and the difference of PSNR-Y at equal quality numbers."""
    command, source, effort = job
    ours = list(by_imgmill(command, source, effort))
    rows = []
    for method in METHODS:
        theirs = list(by_libwebp(source, method))
        equal = theirs[LIBWEBP_QUALITIES.index(QUALITIES[0]):][:len(QUALITIES)]
        deltas = [delta(ours, theirs, 1 + i) for i in range(len(METRICS))]
        rows.append(deltas + [np.mean([a[1] - b[1] for a, b in zip(ours, equal)])])
    return rows


def reduced(path, folder, i):
    with Image.open(path) as picture:
        picture = picture.convert("RGB")
        picture.thumbnail((SIDE, SIDE), Image.LANCZOS)
        out = os.path.join(folder, f"{i}.png")
        picture.save(out)
        return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--efforts", default="fast,normal,high")
    parser.add_argument("imgmill")
    parser.add_argument("pictures", nargs="+")
    options = parser.parse_args()
    command, efforts = os.path.abspath(options.imgmill), options.efforts.split(",")
    groups = [pathlib.Path(p).resolve().parent.name for p in options.pictures]
    print(f"libwebp {features.version('webp')}, Pillow {PIL.__version__}, {len(groups)} pictures\n")
    head = [f"{group}: {metric}" for group in dict.fromkeys(groups) for metric in METRICS]
    print("| effort | libwebp | " + " | ".join(head) + " | dB at equal numbers |")
    print("|:--|:--|" + "--:|" * (len(head) + 1))
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ProcessPoolExecutor() as pool:
        sources = [reduced(p, folder, i) for i, p in enumerate(options.pictures)]
        for effort in efforts:
            results = np.array(list(pool.map(compare, [(command, source, effort) for source in sources])))
            for i, method in enumerate(METHODS):
                cells = []
                for group in dict.fromkeys(groups):
                    mean = results[[g == group for g in groups], i, :-1].mean(axis=0)
                    cells += [f"{100 * math.expm1(m):+.1f} %" for m in mean]
                print(f"| {effort} | m{method} |", " | ".join(cells), f"| {results[:, i, -1].mean():+.2f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
