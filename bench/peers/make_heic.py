"""Makes the HEIC files of the bench from a photograph: make_heic.py PHOTOGRAPH FOLDER. Needs pillow-heif.

Like a phone's, they are grids of 512×512 tiles, coded with CTBs of 32, wavefronts and the default scaling lists. One of
them has a thumbnail."""

import pathlib
import sys

from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / ".ci" / "matrix"))

import heic  # noqa: E402

TILE = 512
OPTIONS = {"x265:ctu": "32", "x265:wpp": "1", "x265:scaling-list": "default", "preset": "medium"}

photograph, folder = map(pathlib.Path, sys.argv[1:])
with Image.open(photograph) as picture:
    picture = picture.convert("RGB")
columns, rows = -(-picture.width // TILE), -(-picture.height // TILE)
items = []
for y in range(0, rows * TILE, TILE):
    for x in range(0, columns * TILE, TILE):
        part = Image.new("RGB", (TILE, TILE))  # the last row and column reach beyond the picture
        part.paste(picture.crop((x, y, min(x + TILE, picture.width), min(y + TILE, picture.height))))
        tile = heic.Coded(heic.encode(part, quality=60, chroma=420, enc_params=OPTIONS))
        items.append((b"hvc1", tile.data, tile.properties))
size = heic.ispe(*picture.size)
items.append((b"grid", heic.grid(columns, rows, *picture.size), [size]))
grid = len(items)
tiles = range(1, grid)
(folder / "grid-12mp.heic").write_bytes(heic.write(items, grid, [(b"dimg", grid, *tiles)]))
thumbnail = heic.Coded(heic.encode(picture.resize((320, round(320 * picture.height / picture.width)), Image.Resampling.LANCZOS),
                                   quality=80, chroma=420, enc_params=OPTIONS))
items.append((b"hvc1", thumbnail.data, thumbnail.properties))
references = [(b"dimg", grid, *tiles), (b"thmb", len(items), grid)]
(folder / "thumbnail-12mp.heic").write_bytes(heic.write(items, grid, references))
