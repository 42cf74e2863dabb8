"""Loads a JPEG with a gain map by libvips, whose reader is libultrahdr: gainmap.py FILE.

Prints the loader, the size of the picture, that of the gain map, and the boost and capacity, which libvips gives as factors.
"""
import sys

import pyvips

image = pyvips.Image.new_from_file(sys.argv[1])
print(image.get("vips-loader"), image.width, image.height, end=" ")
if image.get_typeof("gainmap-data"):
    gainmap = pyvips.Image.new_from_buffer(image.get("gainmap-data"), "")
    print(gainmap.width, gainmap.height, *(f"{x:.4f}" for x in image.get("gainmap-max-content-boost")),
          f"{image.get('gainmap-hdr-capacity-max'):.4f}")
    image.uhdr2scRGB().avg()  # applies the map
else:
    print("none")
