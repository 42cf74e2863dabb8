"""Writes the frames of FOLDER/0.EXT to FOLDER/(COUNT-1).EXT as Pillow reads them: pillow.py FOLDER COUNT EXT.

Each is a line "file frame width height format", and its RGBA.
"""
import sys

from PIL import Image

folder, count, extension = sys.argv[1:]
for i in range(int(count)):
    with Image.open(f"{folder}/{i}.{extension}") as picture:
        for k in range(getattr(picture, "n_frames", 1)):
            picture.seek(k)
            sys.stdout.buffer.write(f"{i} {k} {picture.width} {picture.height} RGBA\n".encode())
            sys.stdout.buffer.write(picture.convert("RGBA").tobytes())
