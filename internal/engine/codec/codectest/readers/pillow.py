"""Writes the frames of FOLDER/0.webp to FOLDER/(COUNT-1).webp as Pillow reads them: pillow.py FOLDER COUNT.

Each is a line "file frame width height format", and its RGBA.
"""
import sys

from PIL import Image

folder, count = sys.argv[1:]
for i in range(int(count)):
    with Image.open(f"{folder}/{i}.webp") as picture:
        for k in range(picture.n_frames):
            picture.seek(k)
            sys.stdout.buffer.write(f"{i} {k} {picture.width} {picture.height} RGBA\n".encode())
            sys.stdout.buffer.write(picture.convert("RGBA").tobytes())
