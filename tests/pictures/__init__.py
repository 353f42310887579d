"""Pictures for tests: generated, or the harmless ones that a package carries. None lies in the repository."""

import io
from collections.abc import Iterator
from importlib import resources

import numpy as np
import pdqhash  # type: ignore[import-untyped]
from PIL import Image

#: Packaged pictures of scikit-image that every installation has.
PACKAGED = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png", "coins.png",
    "color.png", "grass.png", "gravel.png", "horse.png", "hubble_deep_field.jpg", "ihc.png", "logo.png", "moon.png",
    "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg", "text.png",
)  # fmt: skip


def photo(seed: int, width: int, height: int) -> Image.Image:
    """A picture with what photos have: large soft areas, edges, texture, grain, colour."""
    random = np.random.default_rng(seed)
    canvas = np.zeros((height, width, 3), np.float32)
    for side, strength in ((3, 120.0), (7, 60.0), (17, 35.0), (61, 15.0)):
        small = random.integers(0, 256, (min(side, height), min(side, width), 3), np.uint8)
        soft = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        canvas += np.asarray(soft, np.float32) * (strength / 255)
    for _ in range(int(random.integers(2, 9))):
        top, left = int(random.integers(0, height)), int(random.integers(0, width))
        shape = np.s_[top : top + int(random.integers(1, height + 1)), left : left + int(random.integers(1, width + 1))]
        canvas[shape] += random.uniform(-70, 70, 3).astype(np.float32)
    canvas += random.normal(0, 4, (height, width, 1)).astype(np.float32)
    return Image.fromarray(canvas.clip(0, 255).astype(np.uint8))


def packaged() -> Iterator[tuple[str, Image.Image]]:
    """The packaged pictures with their names, as RGB."""
    folder = resources.files("skimage") / "data"
    for name in PACKAGED:
        file = folder / name
        if file.is_file():
            with file.open("rb") as stream, Image.open(stream) as image:
                yield name, image.convert("RGB")


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    """The picture as a file of the Pillow format `name`."""
    file = io.BytesIO()
    if name == "PNG":
        options = {"compress_level": 1} | options  # The same picture at a tenth of the work.
    image.save(file, name, **options)
    return file.getvalue()


def reference(image: Image.Image) -> tuple[bytes, int]:
    """Hash and quality of an RGB or grey picture as the independent implementation `pdqhash` gives them."""
    pixels = np.ascontiguousarray(np.asarray(image.convert("RGB")))
    bits, quality = pdqhash.compute(pixels)
    return np.packbits(bits.astype(np.uint8)).tobytes(), int(quality)


def reference_coefficients(image: Image.Image) -> np.ndarray:
    """The 256 coefficients that `pdqhash` compares with their median, as our own are ordered."""
    pixels = np.ascontiguousarray(np.asarray(image.convert("RGB")))
    coefficients, _ = pdqhash.compute_float(pixels)
    return np.asarray(coefficients, np.float32)[::-1]


def distance(a: bytes, b: bytes) -> int:
    """In how many bits two hashes differ, counted here and not by what is tested."""
    return (int.from_bytes(a) ^ int.from_bytes(b)).bit_count()
