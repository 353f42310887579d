"""`full~` from a picture at a half, a quarter or an eighth of its size, whoever made it smaller."""

from PIL import Image

from vangnet import _core
from vangnet.hashing.model import Convention, Transform
from vangnet.hashing.views import Seen


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """A picture as it is stored, upright: turned as the EXIF `orientation`, 1 to 8, says."""
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(orientation)
    return image if turn is None else image.transpose(turn)


def screened(scaled: Image.Image, scale: int, orientation: int, size: tuple[int, int]) -> tuple[Transform, Seen]:
    """The transform of a picture that was stored with sides of `size`, and the picture upright.

    `scaled` is what a decoder made of it, `scale` times smaller and not yet turned.
    """
    width, height = size[::-1] if orientation >= 5 else size
    upright = turned(scaled, orientation)
    coefficients, quality = _core.pdq_transform_scaled(
        upright.tobytes(),
        width,
        height,
        scale,
        # A decoder's last block of a line may be cut; after a turn it is the first.
        cut_left=orientation in {2, 3, 6, 7},
        cut_top=orientation in {3, 4, 7, 8},
    )
    seen = Seen(image=upright, width=width, height=height, scale=scale)
    return Transform(convention=Convention.SCREEN, quality=quality, coefficients=coefficients), seen
