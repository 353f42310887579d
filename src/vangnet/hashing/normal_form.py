"""The one form that pictures are hashed in, whatever format they come in.

Turned upright as EXIF says; grey or RGB with 8 bits a channel; transparent parts on white, as a page shows them; deeper
pictures by their upper 8 bits; CMYK and other colours converted to RGB; colour profiles not applied (PDQ's makers don't).

Runs in a decoding process only: what it reads is hostile.
"""

from collections.abc import Callable

from PIL import Image, TiffImagePlugin

_WHITE = (255, 255, 255)
_ORIENTATION = 0x0112
#: What decoders raise on damaged input. Anything else ends the process, and our side calls that a crash.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    ArithmeticError,
    TypeError,
    AttributeError,
    RuntimeError,
    AssertionError,
)


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) to 8. A header that cannot be read turns nothing."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return 1  # This plug-in turns what it decodes by itself.
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except DAMAGE:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def in_normal_form(image: Image.Image) -> Image.Image:
    """The picture as `L` or `RGB`, decoded."""
    image.load()
    if image.mode in {"RGB", "L"} and "transparency" not in image.info:
        return image
    if image.has_transparency_data:
        return _on_white(image.convert("RGBA"))
    return _PLAINER.get(image.mode, _to_rgb)(image)


def _to_rgb(image: Image.Image) -> Image.Image:
    return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    page = Image.new("RGB", image.size, _WHITE)
    page.paste(image, mask=image.getchannel("A"))
    return page


def _upper_bytes(image: Image.Image) -> Image.Image:
    raw = image.tobytes()
    big_endian = image.mode == "I;16B"
    return Image.frombytes("L", image.size, raw[0 if big_endian else 1 :: 2])


def _stretched(image: Image.Image) -> Image.Image:
    """32 bits a pixel have no agreed white: the darkest becomes 0, the brightest 255, as viewers do."""
    low, high = (float(value) for value in image.getextrema()[:2])  # type: ignore[arg-type]
    if not high > low:
        return Image.new("L", image.size)
    scale = 255 / (high - low)
    stretched: Image.Image = image.convert("F").point(lambda value: value * scale + (-low * scale))
    return stretched.convert("L")


_PLAINER: dict[str, Callable[[Image.Image], Image.Image]] = {
    "1": lambda image: image.convert("L"),
    "I;16": _upper_bytes,
    "I;16L": _upper_bytes,
    "I;16B": _upper_bytes,
    "I;16N": _upper_bytes,
    "I": _stretched,
    "F": _stretched,
    "LAB": lambda image: image.getchannel("L"),
}
