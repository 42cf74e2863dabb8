"""Lays an overlay over a picture with Pillow and prints by how much another result differs, in levels: watermark.py
PICTURE OVERLAY RESULT LEFT TOP WIDTH HEIGHT OPACITY. Colours are compared as they show, times alpha."""

import sys

from PIL import Image, ImageChops

picture, overlay, result = (Image.open(name).convert("RGBA") for name in sys.argv[1:4])
left, top, width, height = map(int, sys.argv[4:8])
if overlay.size != (width, height):
    overlay = overlay.resize((width, height), Image.Resampling.LANCZOS)
opacity = float(sys.argv[8])
overlay.putalpha(overlay.getchannel("A").point(lambda a: round(a * opacity)))
canvas = Image.new("RGBA", picture.size)
canvas.paste(overlay, (left, top))
want = Image.alpha_composite(picture, canvas)
difference = ImageChops.difference(want.convert("RGBa"), result.convert("RGBa"))
print(max(high for low, high in difference.getextrema()))
