"""Converts random colours by LittleCMS (Pillow's ImageCms): lcms.py PROFILE P3 COUNT.

The output is the raw source samples, then the levels of each conversion: by the relative colorimetric and the perceptual
intent, each without and with black-point compensation, each to sRGB and to the profile P3. LittleCMS's own simplifications
are off.
"""
import random
import sys

from PIL import Image, ImageCms

profile = ImageCms.ImageCmsProfile(sys.argv[1])
destinations = [ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(sys.argv[2])]
count = int(sys.argv[3])
mode = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK"}.get(profile.profile.xcolor_space)
if mode is None:
    sys.exit(3)
channels = len(mode)
rng = random.Random(1)
samples = bytes(rng.randrange(256) for _ in range(count * channels))
image = Image.frombytes(mode, (count, 1), samples)
sys.stdout.buffer.write(samples)
NO_OPTIMISATION = 0x0100
BLACK_POINT = 0x2000
for intent in (1, 0):
    for black_point in (0, BLACK_POINT):
        for destination in destinations:
            t = ImageCms.buildTransform(profile, destination, mode, "RGB", renderingIntent=intent, flags=NO_OPTIMISATION | black_point)
            sys.stdout.buffer.write(ImageCms.applyTransform(image, t).tobytes())
