"""The pixels that a decoding process cut out, made into a picture that a browser shows. Pure.

Only those pixels are in it: they are made larger where few of them were asked for, and nothing is added but softness.
"""

import io

from PIL import Image

from vangnet.hashing.model import Pixels


def as_png(pixels: Pixels, *, longest_side: int) -> bytes:
    """A PNG of these pixels. One of few pixels, as a blurred picture is, is enlarged to its size."""
    image = Image.frombytes("L" if pixels.channels == 1 else "RGB", (pixels.width, pixels.height), pixels.content)
    scale = longest_side / max(image.size)
    if scale > 1:
        sides = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(sides, Image.Resampling.BICUBIC)
    made = io.BytesIO()
    image.save(made, "PNG", compress_level=1)
    return made.getvalue()
