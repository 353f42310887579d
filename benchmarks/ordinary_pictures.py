"""Harmless pictures of the kinds that uploads consist of: drawn anew from each seed, and the stock pictures that are here.

Flat and nearly flat ones, gradients and patterns are there on purpose: hashes of such pictures lie near each other.
"""

import io
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, UnidentifiedImageError

#: Where Debian's packages put pictures, and where `scripts/test-tools` puts those of a program for websites.
STOCK = (
    Path("/usr/share/icons"), Path("/usr/share/pixmaps"), Path("/usr/share/backgrounds"), Path("/usr/share/doc"),
    Path("/usr/share/squid/icons"), Path(__file__).parents[1] / "var" / "test-tools" / "wordpress",
)  # fmt: skip
_WORDS = (
    "the report of last week says that nothing was found in the north harbour and all boats went home before dark "
    "please sign here total amount due invoice number date of delivery thank you for your order best regards when you "
    "see it monday again nobody expected this me after one coffee top ten open file edit view help settings cancel"
)
_SIDES = (96, 160, 240, 320, 480, 640)

Rng = np.random.Generator


def flat(rng: Rng) -> Image.Image:
    """One colour, or so faint a noise that nobody sees it."""
    canvas = np.full((*_size(rng), 3), _colour(rng), np.float32)
    if rng.random() < 0.5:
        canvas += rng.normal(0, rng.uniform(0.3, 3), canvas.shape)
    return _image(canvas)


def gradient(rng: Rng) -> Image.Image:
    """From one colour to another, straight or from a point."""
    height, width = _size(rng)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(height, width)
    if rng.random() < 0.6:
        angle = rng.uniform(0, 2 * np.pi)
        way = np.cos(angle) * x + np.sin(angle) * y
    else:
        way = np.hypot(x - rng.uniform(-0.2, 1.2), y - rng.uniform(-0.2, 1.2))
    way = (way - way.min()) / max(float(np.ptp(way)), 1e-6)
    return _image(np.array(_colour(rng)) + way[..., None] * (np.array(_colour(rng)) - np.array(_colour(rng))))


def pattern(rng: Rng) -> Image.Image:
    """Checks, stripes, dots: tiles of a background."""
    height, width = _size(rng)
    y, x = np.mgrid[0:height, 0:width]
    step = int(rng.integers(4, 60))
    across, down = x // step, y // max(2, int(step * rng.uniform(0.5, 2)))
    which = rng.integers(0, 4)
    mask = [(across + down) % 2, across % 2, down % 2, ((x % step - step / 2) ** 2 + (y % step - step / 2) ** 2) < step][
        which
    ]
    return _image(np.where(np.asarray(mask, bool)[..., None], _colour(rng), _colour(rng)).astype(np.float32))


def screenshot(rng: Rng) -> Image.Image:
    """A window of a program: bars, panes, lines of text, buttons."""
    height, width = _size(rng, least=240)
    light = rng.random() < 0.7
    paper, ink = ((245, 246, 248), (30, 30, 34)) if light else ((32, 34, 38), (220, 222, 226))
    canvas = Image.new("RGB", (width, height), paper)
    pen = ImageDraw.Draw(canvas)
    pen.rectangle((0, 0, width, int(rng.integers(18, 44))), fill=_colour(rng))
    side = int(width * rng.uniform(0, 0.35))
    pen.rectangle((0, 44, side, height), fill=tuple(int(part * 0.93) for part in paper))
    row = 54
    while row < height - 20:
        size = int(rng.integers(9, 17))
        pen.text((side + 12, row), _text(rng, 3, 12), fill=ink, font=_font(size))
        if side > 60:
            pen.text((8, row), _text(rng, 1, 2), fill=ink, font=_font(10))
        row += size + int(rng.integers(4, 22))
        if rng.random() < 0.12:
            box = (side + 12, row, side + 12 + int(rng.integers(40, 200)), row + int(rng.integers(16, 60)))
            pen.rounded_rectangle(box, 5, fill=_colour(rng))
            row = box[3] + 8
    return canvas


def scan(rng: Rng) -> Image.Image:
    """A page of text as a scanner gives it: grey paper, a little askew, some noise."""
    height, width = _size(rng, least=240)
    canvas = Image.new("L", (width, height), int(rng.integers(225, 256)))
    pen = ImageDraw.Draw(canvas)
    size, margin = int(rng.integers(8, 18)), int(width * rng.uniform(0.05, 0.15))
    row = margin
    while row < height - margin:
        if rng.random() > 0.12:
            pen.text((margin, row), _text(rng, 5, max(6, (width - 2 * margin) // (3 * size))), fill=25, font=_font(size))
        row += int(size * 1.35)
    canvas = canvas.rotate(float(rng.normal(0, 0.8)), fillcolor=240)
    return _image(np.asarray(canvas, np.float32)[..., None] + rng.normal(0, rng.uniform(0, 6), (*canvas.size[::-1], 1)))


def logo(rng: Rng) -> Image.Image:
    """A few plain shapes and a name on one colour."""
    height, width = _size(rng)
    canvas = Image.new("RGB", (width, height), (255, 255, 255) if rng.random() < 0.7 else _colour(rng))
    pen = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(1, 4))):
        left, top = rng.uniform(0.1, 0.6) * width, rng.uniform(0.1, 0.6) * height
        box = (left, top, left + rng.uniform(0.1, 0.4) * width, top + rng.uniform(0.1, 0.4) * height)
        draw = (pen.ellipse, pen.rectangle, pen.pieslice)[int(rng.integers(0, 3))]
        if draw == pen.pieslice:
            pen.pieslice(box, 0, float(rng.uniform(60, 300)), fill=_colour(rng))
        else:
            draw(box, fill=_colour(rng))
    if rng.random() < 0.7:
        pen.text((width * 0.12, height * 0.72), _text(rng, 1, 2).upper(), fill=_colour(rng), font=_font(height // 8 + 8))
    return canvas


def icon(rng: Rng) -> Image.Image:
    """A small sign on nothing."""
    side = int(rng.choice([16, 24, 32, 48, 64, 96]))
    canvas = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    pen = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(1, 5))):
        points = [(float(rng.uniform(0, side)), float(rng.uniform(0, side))) for _ in range(int(rng.integers(3, 7)))]
        pen.polygon(points, fill=(*_colour(rng), 255))
    return canvas


def photo(rng: Rng) -> Image.Image:
    """What photos have: large soft areas, edges, texture, grain, colour."""
    height, width = _size(rng)
    canvas = np.zeros((height, width, 3), np.float32)
    for side, strength in ((3, 120.0), (7, 60.0), (17, 35.0), (61, 15.0)):
        small = rng.integers(0, 256, (min(side, height), min(side, width), 3), np.uint8)
        canvas += np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)) * (strength / 255)
    for _ in range(int(rng.integers(2, 9))):
        top, left = int(rng.integers(0, height)), int(rng.integers(0, width))
        canvas[top : top + int(rng.integers(1, height)), left : left + int(rng.integers(1, width))] += rng.uniform(
            -70, 70, 3
        )
    return _image(canvas + rng.normal(0, 4, (height, width, 1)))


def meme(rng: Rng) -> Image.Image:
    """A picture with a caption over it, sometimes on bars of its own."""
    picture = photo(rng) if rng.random() < 0.7 else gradient(rng).filter(ImageFilter.GaussianBlur(2))
    width, height = picture.size
    bar = int(height * 0.18) if rng.random() < 0.4 else 0
    canvas = Image.new("RGB", (width, height + 2 * bar), "white" if rng.random() < 0.5 else "black")
    canvas.paste(picture, (0, bar))
    pen, font = ImageDraw.Draw(canvas), _font(max(12, width // 12))
    for place in (0.03, 0.84):
        words = _text(rng, 2, 4).upper()
        pen.text((width * 0.05, canvas.height * place), words, fill="white", font=font, stroke_width=2, stroke_fill="black")
    return canvas


KINDS: dict[str, tuple[Callable[[Rng], Image.Image], str]] = {
    "flat": (flat, "PNG"),
    "gradient": (gradient, "PNG"),
    "pattern": (pattern, "PNG"),
    "screenshot": (screenshot, "PNG"),
    "scan of text": (scan, "JPEG"),
    "logo": (logo, "PNG"),
    "icon": (icon, "PNG"),
    "meme": (meme, "JPEG"),
    "photo-like": (photo, "JPEG"),
}


def drawn(seed: int, number: int) -> tuple[str, bytes]:
    """The kind and the file of picture `number` of a seed: the kinds take turns."""
    kind = list(KINDS)[number % len(KINDS)]
    draw, name = KINDS[kind]
    rng = np.random.default_rng((seed, number))
    picture = draw(rng)
    file = io.BytesIO()
    if name == "JPEG":
        picture.save(file, name, quality=int(rng.integers(40, 96)))
    else:
        picture.save(file, name, compress_level=1)
    return kind, file.getvalue()


def stock(most: int) -> Iterator[bytes]:
    """The files of stock pictures that are here, no two with the same bytes, spread evenly over the places."""
    folders = [*STOCK, Path(str(resources.files("skimage") / "data"))]
    paths = [path for folder in folders if folder.is_dir() for path in sorted(folder.rglob("*")) if _is_picture(path)]
    seen: set[bytes] = set()
    for path in paths[:: max(1, len(paths) // most)]:
        data = path.read_bytes()
        if data not in seen and _opens(data):
            seen.add(data)
            yield data


def _is_picture(path: Path) -> bool:
    suffixes = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".bmp"}
    return path.suffix.lower() in suffixes and path.is_file() and not path.is_symlink()


def _opens(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data)):
            return True
    except (UnidentifiedImageError, OSError):
        return False


def _size(rng: Rng, *, least: int = 0) -> tuple[int, int]:
    sides = [side for side in _SIDES if side >= least]
    return int(rng.choice(sides)), int(rng.choice(sides))


def _colour(rng: Rng) -> tuple[int, int, int]:
    red, green, blue = (int(part) for part in rng.integers(0, 256, 3))
    return red, green, blue


def _text(rng: Rng, least: int, most: int) -> str:
    return " ".join(rng.choice(_WORDS.split()) for _ in range(int(rng.integers(least, most + 1))))


_FONTS: dict[int, ImageFont.FreeTypeFont | ImageFont.ImageFont] = {}


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    if size not in _FONTS:
        _FONTS[size] = ImageFont.load_default(size)
    return _FONTS[size]


def _image(canvas: object) -> Image.Image:
    pixels = np.asarray(canvas, np.float32).clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
