"""Generated pictures for the demo: soft areas, edges and grain, as photos have, and nothing that anybody ever saw."""

import random
from collections.abc import Mapping
from io import BytesIO

from PIL import Image, ImageChops, ImageDraw, ImageOps

_WIDTH, _HEIGHT = 1200, 900


def demo_files() -> Mapping[str, bytes]:
    """The files by name. `listed.jpg` is what the demo's list holds; the others are copies of it, or nothing like it."""
    listed = picture(1)
    unlisted = _file(picture(2), "JPEG", quality=90)
    return {
        "listed.jpg": _file(listed, "JPEG", quality=90),
        "listed-mirrored.jpg": _file(ImageOps.mirror(listed), "JPEG", quality=90),
        "listed-recompressed.jpg": _file(listed.resize((_WIDTH // 2, _HEIGHT // 2)), "JPEG", quality=55),
        "unlisted.jpg": unlisted,
        "broken.jpg": unlisted[: len(unlisted) // 2],
    }


def picture(seed: int) -> Image.Image:
    """A picture that is the same for the same seed."""
    drawn = random.Random(seed)  # noqa: S311 (a picture is no secret)
    canvas = Image.new("RGB", (_WIDTH, _HEIGHT), "grey")
    for side in (3, 7, 17):
        soft = Image.frombytes("RGB", (side, side), drawn.randbytes(side * side * 3))
        canvas = Image.blend(canvas, soft.resize(canvas.size, Image.Resampling.BICUBIC), 0.45)
    pen = ImageDraw.Draw(canvas)
    for _ in range(12):
        x, y = drawn.randrange(_WIDTH), drawn.randrange(_HEIGHT)
        colour = (drawn.randrange(256), drawn.randrange(256), drawn.randrange(256))
        corners = (x, y, x + drawn.randrange(60, 400), y + drawn.randrange(60, 300))
        (pen.ellipse if drawn.random() < 0.5 else pen.rectangle)(corners, fill=colour)
    grain = Image.frombytes("L", (_WIDTH // 4, _HEIGHT // 4), drawn.randbytes(_WIDTH * _HEIGHT // 16))
    grain = grain.point([value // 12 for value in range(256)]).resize(canvas.size)
    return ImageChops.add(canvas, Image.merge("RGB", (grain, grain, grain)))


def _file(made: Image.Image, name: str, **options: int) -> bytes:
    file = BytesIO()
    made.save(file, name, **options)
    return file.getvalue()
