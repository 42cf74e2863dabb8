"""Converts random colours by LittleCMS (Pillow's ImageCms): lcms.py PROFILE COUNT -> raw source samples, then sRGB levels.

Relative colorimetric, without black-point compensation, and without LittleCMS's own simplifications.
"""
import random
import sys

from PIL import Image, ImageCms

profile = ImageCms.ImageCmsProfile(sys.argv[1])
count = int(sys.argv[2])
mode = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK"}.get(profile.profile.xcolor_space)
if mode is None:
    sys.exit(3)
channels = len(mode)
rng = random.Random(1)
samples = bytes(rng.randrange(256) for _ in range(count * channels))
image = Image.frombytes(mode, (count, 1), samples)
NO_OPTIMISATION = 0x0100
out = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB", renderingIntent=1, flags=NO_OPTIMISATION)
result = ImageCms.applyTransform(image, out)
sys.stdout.buffer.write(samples + result.tobytes())
