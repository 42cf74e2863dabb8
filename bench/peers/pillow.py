"""Runs Pillow as a child process of the bench; ../protocol.go defines the messages."""

import base64
import io
import json
import os
import sys
import time

import PIL
import pillow_heif
from PIL import Image, features

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
    if request["format"] == "webp":
        if request["lossless"]:
            quality = 75  # libwebp's default: how long to search, here
        method = {"fast": 2, "normal": 4, "high": 6}[effort]
        picture.save(out, "WEBP", quality=quality, method=method, lossless=request["lossless"])
    else:
        high = effort == "high"
        picture.save(out, "JPEG", quality=quality, optimize=high, progressive=high)
    return out.getvalue()


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
    jpeg = features.version("libjpeg_turbo") or features.version("jpg")
    heif = pillow_heif.libheif_version()
    say({"version": f"{PIL.__version__} (libjpeg {jpeg}, libheif {heif}, python {sys.version.split()[0]})"})
    loaded = {}
    for line in sys.stdin:
        try:
            say(answer(json.loads(line), loaded))
        except Exception as e:  # the parent reports it and continues
            say({"error": repr(e)})


main()
