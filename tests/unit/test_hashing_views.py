"""Cuts of pictures: what was put around them is found, named and taken away; and never where it would change an answer."""

import io
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import distance, encoded, packaged, photo, reference
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from vangnet.hashing import media, wire
from vangnet.hashing.index import RADIUS
from vangnet.hashing.model import (
    CUTS_MOST,
    GUESSED_BITS,
    TRUSTED_QUALITY,
    Convention,
    Cut,
    CutOut,
    Decoded,
    Frame,
    MediaFormat,
    Transform,
    View,
    view_name,
)
from vangnet.hashing.views import FoundCut, Seen, cut_outs, find_cuts
from vangnet.hashing.windows import sub_windows
from vangnet.hashing.wire import Job

media.prepare()
_FULL = frozenset({Convention.FULL})
_SCREEN = frozenset({Convention.SCREEN})


def job(*, cuts: bool, conventions: frozenset[Convention] = _FULL, length: int = 0) -> Job:
    return Job(
        length=length, format=MediaFormat.JPEG, conventions=conventions, pixels=10**8, frames=16, seconds=60, cuts=cuts
    )


def hashed(
    image: Image.Image, *, quality: int = 85, cuts: bool = True, conventions: frozenset[Convention] = _FULL
) -> Frame:
    answer = media.hash_frames(encoded(image, "JPEG", quality=quality), job(cuts=cuts, conventions=conventions))
    assert isinstance(answer, Decoded)
    return answer.frames[0]


def by_view(frame: Frame) -> dict[str, bytes]:
    """The hashes by view; of two with one name, the likelier."""
    seen = [*((one.cuts, one.transform) for one in reversed(frame.cut_outs)), ((), frame.transforms[0])]
    return {view_name(cuts, view): made.hash for cuts, transform in seen for view, made in transform.views().items()}


def nearest(copy: Image.Image, original: Image.Image, *, quality: int = 85) -> tuple[int, str]:
    """How near a copy is found to the hash that an independent implementation gives the original, and by which view."""
    listed, _ = reference(original)
    frame = hashed(copy, quality=quality)
    seen = [((), frame.transforms[0]), *((one.cuts, one.transform) for one in frame.cut_outs)]
    return min(
        (distance(made.hash, listed), view_name(cuts, view))
        for cuts, transform in seen
        for view, made in transform.views().items()
    )


def off_by(found: FoundCut, box: tuple[int, int, int, int]) -> int:
    return max(abs(ours - true) for ours, true in zip(found.rect, box, strict=True))


# --- borders and bars ---

colours = st.one_of(st.sampled_from([(0, 0, 0), (255, 255, 255)]), st.tuples(*[st.integers(0, 255)] * 3))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    colour=st.sampled_from([(0, 0, 0), (255, 255, 255), (250, 240, 10), (10, 0, 30)]),
    widths=st.tuples(*[st.integers(20, 250)] * 4),
    quality=st.integers(20, 95),
)
def test_the_edges_of_a_border_are_found_in_a_noisy_jpeg(
    seed: int, colour: tuple[int, int, int], widths: tuple[int, int, int, int], quality: int
) -> None:
    # Where a picture is as dark or as light as its border, nobody can say where it ends.
    picture = photo(seed, 800, 600).point([45 + value * 2 // 3 for value in range(256)] * 3)
    framed = ImageOps.expand(picture, widths, colour)
    copy = Image.open(io.BytesIO(encoded(framed, "JPEG", quality=quality))).convert("RGB")
    left, top, _, _ = widths
    found = [one for one in find_cuts(copy) if off_by(one, (left, top, left + 800, top + 600)) <= 3]
    assert found
    assert found[0].cuts == (Cut.BORDER,)


def test_a_border_is_cut_off_packaged_photographs_whatever_its_colour_and_width() -> None:
    draw = random.Random(7)  # noqa: S311 (the same pictures each run)
    lost = []
    for name, picture in packaged():
        if reference(picture)[1] < TRUSTED_QUALITY or min(picture.size) < 200:
            continue
        for _ in range(3):
            colour = tuple(draw.randrange(256) for _ in range(3))
            copy = ImageOps.expand(picture, draw.randrange(10, 150), colour)
            found, _ = nearest(copy, picture)
            if found > 31:
                lost.append(name)
    # Of a drawing on white nobody can say where it ends in a white border; and fine texture is far off already when it is
    # saved again.
    assert set(lost) <= {"horse.png", "logo.png", "retina.jpg", "brick.png", "grass.png", "gravel.png"}, lost


@pytest.mark.parametrize(
    ("alter", "name"),
    [
        (lambda image: ImageOps.expand(image, (0, 150), "black"), "bars"),
        (lambda image: ImageOps.expand(image, (300, 0), "white").transpose(Image.Transpose.ROTATE_180), "bars+rotate180"),
        (lambda image: ImageOps.expand(image, 90, "white"), "border"),
        (lambda image: ImageOps.expand(ImageOps.expand(image, (0, 120), "black"), 60, "white"), "border+bars"),
        (lambda image: ImageOps.expand(ImageOps.mirror(image), (0, 150), "black"), "bars+flip_y"),
        (lambda image: ImageOps.expand(image.transpose(Image.Transpose.ROTATE_90), 80, "red"), "border+rotate270"),
    ],
)
def test_each_match_names_what_was_done(alter: object, name: str) -> None:
    picture = photo(11, 900, 700)
    found, view = nearest(alter(picture), picture)  # type: ignore[operator]
    assert view == name
    assert found <= 14


def test_both_the_outer_and_the_inner_of_two_layers_are_looked_up() -> None:
    # A film was listed with its bars, and somebody put a border around it.
    listed = ImageOps.expand(photo(12, 900, 500), (0, 120), "black")
    found, view = nearest(ImageOps.expand(listed, 70, "white"), listed)
    assert view == "border"
    assert found <= 8


# --- strips ---


def write(image: Image.Image, top: int, height: int, ink: str) -> None:
    pen = ImageDraw.Draw(image)
    pen.text((30, top + height // 5), "nobody expected this after one coffee", ink, ImageFont.load_default(height // 3))


@pytest.mark.parametrize("above", [False, True])
def test_a_caption_is_cut_off(above: bool) -> None:
    picture = photo(13, 900, 700)
    copy = Image.new("RGB", (900, 860), "white")
    copy.paste(picture, (0, 160 if above else 0))
    write(copy, 0 if above else 700, 160, "black")
    found, view = nearest(copy, picture)
    assert view == "caption"
    assert found <= 10


def test_a_banner_is_painted_over_nearer_to_what_was_there_than_it_is() -> None:
    nearer = 0
    for seed in range(20):
        picture = photo(seed, 900, 700)
        copy = picture.copy()
        ImageDraw.Draw(copy).rectangle((0, 595, 900, 700), fill="black")
        write(copy, 595, 105, "white")
        listed, _ = reference(picture)
        made = by_view(hashed(copy))
        assert "banner" in made
        nearer += distance(made["banner"], listed) < distance(made["original"], listed)
    assert nearer >= 15


def test_nearly_all_guesses_lie_within_their_reach_and_no_other_picture_does() -> None:
    pictures = [photo(seed, 640, 480) for seed in range(20)]
    listed = [reference(picture)[0] for picture in pictures]
    reached = 0
    for number, picture in enumerate(pictures):
        ImageDraw.Draw(picture).rectangle((0, 408, 640, 480), fill="black")
        write(picture, 408, 72, "white")
        guesses = [one.transform.views().values() for one in hashed(picture).cut_outs if one.is_guessed]
        near = {
            other
            for other, value in enumerate(listed)
            if any(distance(hash_.hash, value) <= RADIUS + GUESSED_BITS for views in guesses for hash_ in views)
        }
        assert near <= {number}
        reached += near == {number}
    assert reached >= 17


def test_what_was_painted_over_is_called_a_guess_and_nothing_else_is() -> None:
    transform = Transform(convention=Convention.FULL, quality=90, coefficients=bytes(1024))
    for cut in Cut:
        assert CutOut(cuts=(cut,), transform=transform).is_guessed == (cut is Cut.BANNER)


# --- what a listed picture has around it ---


@pytest.mark.parametrize("widths", [(0, 50), (40, 40)])
def test_a_picture_that_is_listed_with_bars_or_a_border_is_found_without(widths: tuple[int, int]) -> None:
    picture = photo(21, 320, 240)
    inside, _ = reference(picture)
    assert min(distance(one.hash, inside) for one in sub_windows(ImageOps.expand(picture, widths, "white"))) <= 8


def test_a_banner_on_a_listed_picture_makes_no_window_of_a_guess() -> None:
    picture = photo(22, 640, 480)
    ImageDraw.Draw(picture).rectangle((0, 408, 640, 480), fill="black")
    guess = by_view(hashed(picture, quality=95))["banner"]
    assert min(distance(one.hash, guess) for one in sub_windows(picture)) > 20


# --- pages ---


def test_the_picture_in_a_screenshot_is_found() -> None:
    picture = photo(14, 900, 700)
    page = Image.new("RGB", (1000, 1600), "white")
    page.paste(picture, (50, 300))
    for row in (40, 120, 1060, 1180, 1300):
        write(page, row, 90, "black")
    found, view = nearest(page, picture)
    assert view in {"frame", "caption+bars"}
    assert found <= 10


# --- what must not be cut ---


def night(seed: int) -> Image.Image:
    """A sky with stars, over a horizon."""
    rng = np.random.default_rng(seed)
    sky = np.full((700, 900), 6.0) + rng.normal(0, 1.5, (700, 900))
    for row, column in rng.integers(0, 700, (120, 2)):
        sky[row, column] = rng.uniform(80, 255)
    sky[600:] += np.cumsum(rng.normal(0, 3, (100, 900)), axis=0)
    return Image.fromarray(sky.clip(0, 255).astype(np.uint8)).convert("RGB").filter(ImageFilter.GaussianBlur(0.8))


@pytest.mark.parametrize("seed", range(5))
def test_a_night_sky_is_not_cut_to_nonsense(seed: int) -> None:
    for cut_out in hashed(night(seed)).cut_outs:
        assert cut_out.transform.quality >= TRUSTED_QUALITY


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (600, 400), "black"),
        Image.linear_gradient("L").resize((600, 400)),
        Image.radial_gradient("L").resize((600, 400)),
        Image.new("L", (5, 5), 3),
        Image.new("L", (3000, 6), 3),
    ],
)
def test_what_shows_nothing_has_no_cut(image: Image.Image) -> None:
    assert hashed(image).cut_outs == ()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), width=st.integers(5, 900), height=st.integers(5, 900))
def test_the_whole_picture_is_hashed_as_it_is_without_cuts(seed: int, width: int, height: int) -> None:
    picture = photo(seed, width, height)
    with_cuts, without = hashed(picture), hashed(picture, cuts=False)
    assert with_cuts.transforms == without.transforms
    assert without.cut_outs == ()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.binary(min_size=3600, max_size=3600), st.integers(1, 12))
def test_no_picture_has_more_cuts_than_there_is_room_for_nor_one_outside(
    width: int, height: int, pixels: bytes, scale: int
) -> None:
    blocks = Image.frombytes("L", (width, height), bytes(pixel & 0xC0 for pixel in pixels[: width * height]))
    image = blocks.resize((width * scale, height * scale), Image.Resampling.NEAREST)
    cuts = find_cuts(image)
    assert len(cuts) <= CUTS_MOST
    for cut in cuts:
        assert 0 <= cut.rect.left < cut.rect.right <= image.width
        assert 0 <= cut.rect.top < cut.rect.bottom <= image.height


# --- the hashes ---


def test_a_cut_is_hashed_as_the_independent_implementation_hashes_that_part() -> None:
    copy = ImageOps.expand(photo(15, 700, 500), 80, "white")
    decoded = Image.open(io.BytesIO(encoded(copy, "JPEG", quality=80))).convert("RGB")
    rects = {one.cuts: one.rect for one in find_cuts(decoded) if Cut.BANNER not in one.cuts}
    made = [one for one in cut_outs(Seen.whole(decoded), Convention.FULL) if not one.is_guessed]
    assert made
    for one in made:
        theirs, quality = reference(decoded.crop(rects[one.cuts]))
        assert one.transform.quality == quality
        assert distance(one.transform.hash().hash, theirs) <= 2


def test_a_cut_of_a_small_decode_lies_near_that_of_the_whole() -> None:
    copy = ImageOps.expand(photo(16, 2400, 1800), 240, "black")
    true, near = hashed(copy), hashed(copy, conventions=_SCREEN)
    assert [one.cuts for one in true.cut_outs] == [one.cuts for one in near.cut_outs]
    [ours, *_], [screened, *_] = true.cut_outs, near.cut_outs
    assert screened.transform.convention is Convention.SCREEN
    assert distance(ours.transform.hash().hash, screened.transform.hash().hash) <= 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_that_exif_turns_is_cut_as_it_is_shown(orientation: int) -> None:
    picture = photo(17, 700, 500)
    copy = ImageOps.expand(picture, 60, "white")
    exif = Image.Exif()
    exif[0x0112] = orientation
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)  # fmt: skip
    stored = copy if undo is None else copy.transpose(undo)
    answer = media.hash_frames(encoded(stored, "JPEG", quality=90, exif=exif), job(cuts=True))
    assert isinstance(answer, Decoded)
    made = by_view(answer.frames[0])
    assert distance(made["border"], reference(picture)[0]) <= 8


# --- names and messages ---


def test_a_name_says_what_was_cut_off_and_then_how_it_was_held() -> None:
    assert view_name((), View.ORIGINAL) == "original"
    assert view_name((), View.FLIP_Y) == "flip_y"
    assert view_name((Cut.BORDER,), View.ORIGINAL) == "border"
    assert view_name((Cut.BORDER, Cut.BARS), View.ROTATE90) == "border+bars+rotate90"


def answer_with(cut_outs: tuple[CutOut, ...]) -> bytes:
    transform = Transform(convention=Convention.FULL, quality=90, coefficients=bytes(1024))
    frame = Frame(index=0, transforms=(transform,), cut_outs=cut_outs)
    return wire.pack_answer(Decoded(width=9, height=9, frames_total=1, damaged=False, frames=(frame,)))


def cut_out(*cuts: Cut, quality: int = 80, convention: Convention = Convention.FULL) -> CutOut:
    return CutOut(cuts=cuts, transform=Transform(convention=convention, quality=quality, coefficients=bytes(1024)))


def test_cuts_come_back_from_the_decoding_process_as_they_were() -> None:
    given_ = (cut_out(Cut.BORDER, Cut.BARS), cut_out(Cut.FRAME, quality=50))
    answer = wire.unpack_answer(answer_with(given_), job(cuts=True))
    assert isinstance(answer, Decoded)
    assert answer.frames[0].cut_outs == given_
    assert Job.unpack(job(cuts=True).pack()).cuts
    assert not Job.unpack(job(cuts=False).pack()).cuts


@pytest.mark.parametrize(
    "cut_outs",
    [
        (cut_out(),),
        (cut_out(Cut.BARS, quality=49),),
        (cut_out(Cut.BARS, convention=Convention.SCREEN),),
        (cut_out(Cut.BARS),) * (CUTS_MOST + 1),
    ],
)
def test_cuts_that_no_honest_process_gives_are_not_believed(cut_outs: tuple[CutOut, ...]) -> None:
    with pytest.raises(ValueError, match="cut"):
        wire.unpack_answer(answer_with(cut_outs), job(cuts=True))


def test_cuts_that_nobody_asked_for_are_not_believed() -> None:
    with pytest.raises(ValueError, match=r"at most|more cuts"):
        wire.unpack_answer(answer_with((cut_out(Cut.BARS),)), job(cuts=False))
