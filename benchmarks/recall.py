"""Recall: altered copies of photos, looked up among the photos as they were listed, beside `pdqhash` alone in the same run.

    python benchmarks/recall.py [--photos FOLDER] [--seeds 1 2 3] [--count 60]

Photos are generated, and cut from the photographs that scikit-image carries and from stock pictures; or cut from nothing
but the pictures in FOLDER and its folders, so that anybody can repeat it on theirs; what is no picture or too small is
counted. No file is changed, kept or sent anywhere, and none is named. Each copy is made with Pillow, saved as a JPEG and
hashed as the gate hashes an upload; it is found where any of its hashes lies within 31 bits of a listed one, or within 44
where a banner was painted over. Rows that say so are against originals that were listed with sub-windows; all others
against nothing but the hash of the whole original.
"""

import argparse
import io
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pdqhash  # type: ignore[import-untyped]
from figures import Figure, show
from hash_photo import PHOTOGRAPHS, cut
from ordinary_pictures import STOCK, photo
from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from vangnet import _core
from vangnet.hashing import media
from vangnet.hashing.index import RADIUS
from vangnet.hashing.model import GUESSED_BITS, TRUSTED_QUALITY, Convention, Cut, Decoded, MediaFormat, view_name
from vangnet.hashing.windows import sub_windows
from vangnet.hashing.wire import Job

Alteration = Callable[[Image.Image, random.Random], Image.Image]
Colour = tuple[int, int, int]
SIZES = ((1024, 768), (768, 1024), (1200, 800), (1080, 1080), (640, 480), (1600, 1200))
#: A stock picture with shorter sides is an icon.
_LEAST_SIDE = 400
_TELL_EACH = 10
_WORDS = "when you see it monday again nobody expected this after one coffee please share with all your friends today"


# --- how pictures are altered -------------------------------------------------------------------------------------


def mirrored(image: Image.Image, _: random.Random) -> Image.Image:
    return ImageOps.mirror(image)


def turned(image: Image.Image, rng: random.Random) -> Image.Image:
    return image.transpose(rng.choice((Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)))


def bars(share: float) -> Alteration:
    """Bars at top and bottom or left and right, each so large a part of that side."""

    def alter(image: Image.Image, rng: random.Random) -> Image.Image:
        down = rng.random() < 0.5
        size = round((image.height if down else image.width) * share)
        return ImageOps.expand(image, (0, size) if down else (size, 0), _colour(rng))

    return alter


def border(share: float) -> Alteration:
    """A border all around, as wide as so large a part of the shorter side."""

    def alter(image: Image.Image, rng: random.Random) -> Image.Image:
        return ImageOps.expand(image, round(min(image.size) * share), _colour(rng))

    return alter


def several(image: Image.Image, rng: random.Random) -> Image.Image:
    """Mirrored or turned, with bars, and a border of another colour around."""
    image = rng.choice((mirrored, turned))(image, rng)
    image = bars(rng.choice((0.1, 0.2)))(image, rng)
    return border(rng.choice((0.05, 0.1)))(image, rng)


def banner(image: Image.Image, rng: random.Random) -> Image.Image:
    """A black or white strip with words over the lowest or uppermost 15 %."""
    image = image.copy()
    height = round(image.height * 0.15)
    top = image.height - height if rng.random() < 0.75 else 0
    paper, ink = ("black", "white") if rng.random() < 0.7 else ("white", "black")
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, top, image.width, top + height - 1), fill=paper)
    _write(pen, rng, (0, top, image.width, height), ink)
    return image


def plain_banner(image: Image.Image, _: random.Random) -> Image.Image:
    """A black strip with a few small words over the lowest 15 %."""
    image = image.copy()
    top = image.height - round(image.height * 0.15)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, top, image.width, image.height), fill="black")
    font = ImageFont.load_default(max(8, (image.height - top) // 4))
    pen.text((image.width * 0.04, top + (image.height - top) * 0.35), "see you on monday", fill="white", font=font)
    return image


def caption(image: Image.Image, rng: random.Random) -> Image.Image:
    """A strip with words above or below."""
    height = round(image.height * rng.uniform(0.1, 0.3))
    above = rng.random() < 0.5
    paper, ink = ("white", "black") if rng.random() < 0.7 else ("black", "white")
    made = Image.new("RGB", (image.width, image.height + height), paper)
    made.paste(image, (0, height if above else 0))
    _write(ImageDraw.Draw(made), rng, (0, 0 if above else image.height, image.width, height), ink)
    return made


def screenshot(image: Image.Image, rng: random.Random) -> Image.Image:
    """A telephone's screen: a bar of states, a title, the picture, words below."""
    width = rng.choice((image.width, round(image.width * 1.1)))
    light = rng.random() < 0.6
    paper, ink = ("white", "black") if light else ((18, 18, 20), (225, 225, 228))
    above, below = round(width * rng.uniform(0.15, 0.4)), round(width * rng.uniform(0.2, 0.6))
    made = Image.new("RGB", (width, image.height + above + below), paper)
    made.paste(image, ((width - image.width) // 2, above))
    pen = ImageDraw.Draw(made)
    _write(pen, rng, (0, 0, width, above // 3), ink)
    pen.ellipse((12, above // 3, 12 + above // 2, above // 3 + above // 2), fill=_colour(rng))
    _write(pen, rng, (above, above // 3, width, above // 3), ink)
    _write(pen, rng, (0, above + image.height + 8, width, below // 2), ink)
    return made


def crop(share: float) -> Alteration:
    """So large a part of each side cut off, unevenly: anything from all at one end to half at each."""

    def alter(image: Image.Image, rng: random.Random) -> Image.Image:
        width, height = image.size
        left, top = rng.uniform(0, share) * width, rng.uniform(0, share) * height
        right, bottom = width * (1 - share) + left, height * (1 - share) + top
        return image.crop((round(left), round(top), round(right), round(bottom)))

    return alter


def centred_crop(share: float) -> Alteration:
    """The same, half at each end."""

    def alter(image: Image.Image, _: random.Random) -> Image.Image:
        across, down = round(image.width * share / 2), round(image.height * share / 2)
        return image.crop((across, down, image.width - across, image.height - down))

    return alter


def untouched(image: Image.Image, _: random.Random) -> Image.Image:
    return image


#: What is done, the goal, and whether originals are listed with sub-windows.
ROWS: tuple[tuple[str, Alteration, float | None, bool], ...] = (
    ("untouched, saved again", untouched, 0.97, False),
    ("mirror", mirrored, 0.97, False),
    ("quarter turns", turned, 0.97, False),
    ("bars, 20 % each", bars(0.2), 0.97, False),
    ("bars, 50 % each", bars(0.5), 0.97, False),
    ("border of 10 %", border(0.1), 0.97, False),
    ("border of 30 %", border(0.3), 0.97, False),
    ("several at once", several, 0.97, False),
    ("banner over 15 %", banner, 0.9, False),
    ("banner over 15 %, again", banner, 0.9, True),
    ("black banner, few words, over the lowest 15 %", plain_banner, 0.9, False),
    ("caption beside it", caption, None, False),
    ("screenshot", screenshot, None, False),
    ("crop of 5 %, uneven", crop(0.05), 0.9, True),
    ("crop of 10 %, uneven", crop(0.1), 0.9, True),
    ("crop of 5 %, centred", centred_crop(0.05), 0.9, True),
    ("crop of 10 %, centred", centred_crop(0.1), 0.9, True),
)


def _colour(rng: random.Random) -> Colour:
    """Mostly black and white, as most bars are."""
    if rng.random() < 0.7:
        return rng.choice(((0, 0, 0), (255, 255, 255)))
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)


def _write(pen: ImageDraw.ImageDraw, rng: random.Random, box: tuple[int, int, int, int], ink: str | Colour) -> None:
    """Words in the middle of a box of left, top, width, height."""
    left, top, width, height = box
    font = ImageFont.load_default(max(8, round(height * rng.uniform(0.3, 0.6))))
    words = _WORDS.split()
    text = words[rng.randrange(len(words))]
    while pen.textlength(text + " monday", font=font) < width * 0.8:
        text += " " + words[rng.randrange(len(words))]
    pen.text((left + (width - pen.textlength(text, font=font)) / 2, top + height * 0.15), text, fill=ink, font=font)


# --- photos -------------------------------------------------------------------------------------------------------


def sources(folder: Path | None) -> tuple[list[Path], int]:
    """Photographs to cut from, and how many files of the folder are none that are large enough."""
    import skimage  # noqa: PLC0415 (only where no folder is given)

    folders = [folder] if folder else [Path(skimage.__file__).parent / "data", *STOCK]
    paths = [path for place in folders for path in sorted(place.rglob("*")) if path.is_file() and not path.is_symlink()]
    if folder is None:
        paths = [path for path in paths if path.name in PHOTOGRAPHS or path.suffix == ".jpg"]
    found = [path for path in paths if _is_large_enough(path)]
    return found, len(paths) - len(found)


def _is_large_enough(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            size = image.size
            image.draft("L", (1, 1))
            image.load()
            return min(size) >= _LEAST_SIDE
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def photos(cut_from: Sequence[Path], seed: int, count: int, *, only_cut: bool) -> Iterator[Image.Image]:
    """Photos of everyday sizes: cuts, and one in three generated."""
    rng = random.Random(seed)  # noqa: S311 (the same photos each run)
    for number in range(count):
        size = rng.choice(SIZES)
        if only_cut or number % 3:
            with Image.open(rng.choice(cut_from)) as image:
                yield cut(ImageOps.exif_transpose(image).convert("RGB"), size, rng)
        else:
            yield photo(np.random.default_rng((seed, number))).resize(size, Image.Resampling.BICUBIC)


def saved(image: Image.Image, rng: random.Random) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=rng.choice((60, 75, 85, 92)), subsampling=rng.choice((0, 2)))
    return file.getvalue()


# --- hashes -------------------------------------------------------------------------------------------------------


def peer(data: bytes) -> bytes:
    """The hash by `pdqhash`."""
    with Image.open(io.BytesIO(data)) as image:
        bits, _ = pdqhash.compute(np.ascontiguousarray(np.asarray(image.convert("RGB"))))
    return np.packbits(bits.astype(np.uint8)).tobytes()


def views(data: bytes) -> list[tuple[str, bytes]]:
    """All hashes that the gate looks up, each with its view."""
    job = Job(
        length=len(data), format=MediaFormat.JPEG, conventions=frozenset({Convention.FULL}), pixels=10**9, frames=1,
        seconds=60, cuts=True,
    )  # fmt: skip
    answer = media.hash_frames(data, job)
    if not isinstance(answer, Decoded):
        raise TypeError(answer)
    frame = answer.frames[0]
    seen = [((), frame.transforms[0]), *((one.cuts, one.transform) for one in frame.cut_outs)]
    return [(view_name(cuts, view), made.hash) for cuts, transform in seen for view, made in transform.views().items()]


def nearest(hashes: Sequence[tuple[str, bytes]], whole: bytes, parts: Sequence[bytes]) -> tuple[int, str]:
    """By how many bits the nearest one lies within its reach, below 0 beyond it; and the view that has it."""
    reaches = {view: RADIUS + (GUESSED_BITS if Cut.BANNER in view.split("+") else 0) for view, _ in hashes}
    return max(
        (reach - _core.hamming_distance(made, one), view)
        for view, made in hashes
        for one, reach in ((whole, reaches[view]), *((part, RADIUS) for part in parts))
    )


# --- the run ------------------------------------------------------------------------------------------------------


def measure(
    image: Image.Image,
    rng: random.Random,
    found: Mapping[str, list[tuple[bool, bool]]],
    by: Mapping[str, Counter[str]],
) -> bool:
    """Alters and looks up one photo in all ways; whether it has enough to see to be listed."""
    original = saved(image, rng)
    whole = peer(original)
    frame = Image.open(io.BytesIO(original)).convert("RGB")
    if _core.pdq_transform(frame.tobytes(), *frame.size)[1] < TRUSTED_QUALITY:
        return False
    windows = [one.hash for one in sub_windows(frame)]
    for name, alter, _, has_windows in ROWS:
        copy = saved(alter(image, rng), rng)
        within, view = nearest(views(copy), whole, windows if has_windows else [])
        found[name].append((within >= 0, _core.hamming_distance(peer(copy), whole) <= RADIUS))
        if within >= 0:
            by[name][view] += 1
    return True


def main() -> None:
    """Prints recall by row, and by which views it came."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder with photos of your own")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--count", type=int, default=60, help="photos a seed")
    given = parser.parse_args()
    if given.photos is not None and not given.photos.is_dir():
        parser.error(f"{given.photos} is no folder")
    media.prepare()
    cut_from, left_out = sources(given.photos)
    if not cut_from:
        parser.error(f"there is no photo of {_LEAST_SIDE} pixels a side and more to cut from")
    ours: dict[str, list[float]] = defaultdict(list)
    theirs: dict[str, list[float]] = defaultdict(list)
    by: dict[str, Counter[str]] = defaultdict(Counter)
    taken = 0
    for seed in given.seeds:
        found: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
        rng = random.Random(seed)  # noqa: S311 (the same copies each run)
        for number, image in enumerate(photos(cut_from, seed, given.count, only_cut=given.photos is not None), 1):
            taken += measure(image, rng, found, by)
            if number % _TELL_EACH == 0 or number == given.count:
                print(f"seed {seed}: {number} of {given.count} photos", file=sys.stderr)
        for name, pairs in found.items():
            ours[name].append(sum(one for one, _ in pairs) / len(pairs))
            theirs[name].append(sum(one for _, one in pairs) / len(pairs))
    if not taken:
        sys.exit(f"no photo has a quality of {TRUSTED_QUALITY} and more")
    _show(ours, theirs, by, taken)
    print(
        f"\nOf {taken} photos of quality {TRUSTED_QUALITY} and more, in {len(given.seeds)} seeds, cut from {len(cut_from)} "
        f"files ({left_out} others were no pictures, or too small): found within {RADIUS} bits, or {RADIUS + GUESSED_BITS} "
        "where a banner was painted over."
    )


def _show(
    ours: Mapping[str, list[float]], theirs: Mapping[str, list[float]], by: Mapping[str, Counter[str]], taken: int
) -> None:
    show([
        Figure(
            what=f"{name}{', listed with sub-windows' if has_windows else ''}", unit="", ours=ours[name], at_least=goal,
            peer="pdqhash", theirs=theirs[name],
        )
        for name, _, goal, has_windows in ROWS
    ])  # fmt: skip
    print(f"\nBy which views, of {taken}:\n")
    for name, _, _, _ in ROWS:
        print(f"- {name}: {', '.join(f'{view} {count}' for view, count in by[name].most_common(6))}")


if __name__ == "__main__":
    main()
