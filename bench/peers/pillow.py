"""Runs Pillow as a child process of the bench; ../protocol.go defines the messages. With the argument jpegli, Pillow reads
pictures and jpegli writes them."""

import base64
import importlib.metadata
import io
import json
import os
import subprocess
import sys
import time

import PIL
from PIL import Image, features

JPEGLI = sys.argv[1:] == ["jpegli"]
if JPEGLI:
    import pyjpegli
else:
    import pillow_heif

    pillow_heif.register_heif_opener()
    pillow_heif.options.DECODE_THREADS = int(os.environ["OMP_NUM_THREADS"])

ENDLESS = 65535  # a height that never limits the size


def thumbnail(picture, box, request):
    if picture.mode == "P":  # of which thumbnail() picks pixels
        picture = picture.convert("RGB")
    # thumbnail() requests a reduced size from the decoder (Image.draft) by itself.
    picture.thumbnail((box[0], box[1] or ENDLESS), Image.LANCZOS)
    out = io.BytesIO()
    quality, effort = request["quality"], request["effort"]
    if JPEGLI:
        return jpegli(picture, quality)
    if request["format"] == "webp":
        if request["lossless"]:
            quality = 75  # libwebp's default: how long to search, here
        method = {"fast": 2, "normal": 4, "high": 6}[effort]
        picture.save(out, "WEBP", quality=quality, method=method, lossless=request["lossless"])
    else:
        high = effort == "high"
        picture.save(out, "JPEG", quality=quality, optimize=high, progressive=high)
    return out.getvalue()


def jpegli(picture, quality):
    """Returns a progressive file with jpegli's coefficients: pyjpegli writes baseline with the usual codes. jpegtran is a process
    of its own, whose time does not count."""
    file = pyjpegli.encode(picture.convert("RGB").tobytes(), *picture.size, quality)
    return subprocess.run(["jpegtran", "-progressive"], input=file, capture_output=True, check=True).stdout


def task(source, request):
    picture, boxes = Image.open(source), request["boxes"]
    if len(boxes) == 1:
        return [thumbnail(picture, boxes[0], request)]
    widest = max(boxes)
    picture.draft(None, (widest[0], widest[1] or 1))
    picture.load()
    return [thumbnail(picture.copy(), box, request) for box in boxes]


def answer(request, loaded):
    name = request["file"]
    if not request["stream"] and loaded.get("file") != name:
        with open(name, "rb") as f:
            loaded.update(file=name, data=f.read())
    files = []
    used, start = time.process_time_ns(), time.perf_counter_ns()
    for _ in range(request["reps"]):
        source = name if request["stream"] else io.BytesIO(loaded["data"])
        files = task(source, request)
    ns, cpu = time.perf_counter_ns() - start, time.process_time_ns() - used
    if not request["keep"]:
        files = []
    return {"ns": ns, "cpu": cpu, "files": [base64.b64encode(f).decode() for f in files]}


def say(value):
    print(json.dumps(value), flush=True)


def main():
    python = f"python {sys.version.split()[0]}"
    if JPEGLI:
        say({"version": f"by pyjpegli {importlib.metadata.version('pyjpegli')} ({python})"})
    else:
        jpeg = features.version("libjpeg_turbo") or features.version("jpg")
        say({"version": f"{PIL.__version__} (libjpeg {jpeg}, libheif {pillow_heif.libheif_version()}, {python})"})
    loaded = {}
    for line in sys.stdin:
        try:
            say(answer(json.loads(line), loaded))
        except Exception as e:  # the parent reports it and continues
            say({"error": repr(e)})


main()
