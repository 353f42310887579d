"""Generated pictures with a known answer, mixed in at a set share to check how the work is done. Pure.

A picture shows areas, edges and grain, and nothing else: the right answer is always that there is nothing punishable in it.
So it shows whether somebody still looks before they answer, and no more than that; who knows such pictures knows them
again. Nobody is asked to look at anything for a check that is not harmless.
"""

import io
import random

from PIL import Image, ImageChops, ImageDraw

from vangnet.reports.rules.assessment.answers import AssessedClass

#: What everybody should answer.
RIGHT = AssessedClass.NOT_ILLEGAL
_SIDES = ((1024, 768), (768, 1024), (1280, 720), (900, 900))
_PERCENT = 100


def is_drawn(code: bytes, *, percent: int) -> bool:
    """Whether one is mixed in, by a keyed code that nobody outside can work out."""
    return int.from_bytes(code[:8], "big") % (_PERCENT * 100) < percent * 100


def golden_picture(code: bytes) -> bytes:
    """The picture as a file; the same for the same code."""
    drawn = random.Random(code)  # noqa: S311 (the code is the secret)
    size = drawn.choice(_SIDES)
    canvas = Image.new("RGB", size, "grey")
    for side in (3, 7, 17):
        soft = Image.frombytes("RGB", (side, side), drawn.randbytes(side * side * 3))
        canvas = Image.blend(canvas, soft.resize(size, Image.Resampling.BICUBIC), 0.45)
    pen = ImageDraw.Draw(canvas)
    for _ in range(drawn.randrange(4, 14)):
        x, y = drawn.randrange(size[0]), drawn.randrange(size[1])
        colour = (drawn.randrange(256), drawn.randrange(256), drawn.randrange(256))
        corners = (x, y, x + drawn.randrange(60, 400), y + drawn.randrange(60, 300))
        (pen.ellipse if drawn.random() < 0.5 else pen.rectangle)(corners, fill=colour)
    grain = Image.frombytes("L", (size[0] // 4, size[1] // 4), drawn.randbytes((size[0] // 4) * (size[1] // 4)))
    grain = grain.point([value // 12 for value in range(256)]).resize(size)
    made = io.BytesIO()
    ImageChops.add(canvas, Image.merge("RGB", (grain, grain, grain))).save(made, "JPEG", quality=88)
    return made.getvalue()
