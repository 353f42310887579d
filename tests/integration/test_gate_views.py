"""What views change of an answer, by the gate's own matcher and the real index: they add to it and take nothing away."""

import io
import random
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import encoded, photo
from PIL import Image, ImageDraw, ImageFont, ImageOps

from vangnet.gate.matching import Matcher
from vangnet.gate.model import Decision
from vangnet.gate.policy import STARTING, Band, Found, MatchRules, Policy, decide_match, is_shadow, judge
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.index import RADIUS_MAX, Index
from vangnet.hashing.model import GUESSED_BITS, Convention, Cut, Frame, Outcome
from vangnet.hashing.sandbox import Sandbox
from vangnet.hashing.windows import sub_windows
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.effects import Effect
from vangnet.registry.model.entries import HashAlgorithm
from vangnet.registry.model.lists import Choice, ListState
from vangnet.registry.model.packing import index_id
from vangnet.registry.service.live import LiveIndex, _Known

LISTS = (UUID(int=1), UUID(int=2), UUID(int=3))
STRICTNESS = (Decision.ALLOW, Decision.HOLD, Decision.BLOCK)


class WithoutCuts(Hasher):
    """Hashes the whole picture alone."""

    def hash_bytes(
        self,
        data: bytes,
        conventions: frozenset[Convention] = frozenset({Convention.FULL}),
        *,
        cuts: bool = False,
        windows: bool = False,
    ) -> Outcome:
        del cuts
        return super().hash_bytes(data, conventions, windows=windows)

    def screen_bytes(self, data: bytes, *, cuts: bool = False) -> Outcome:
        del cuts
        return super().screen_bytes(data)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(processes=1) as started:
        yield started


def live_index(
    wholes: dict[UUID, dict[int, bytes]],
    parts: dict[UUID, dict[int, bytes]] | None = None,
    *,
    states: dict[UUID, ListState] | None = None,
    choices: dict[UUID, Choice] | None = None,
) -> LiveIndex:
    """The gate's lists as they are in memory; nothing stands behind them. Hashes by the index's ids."""
    by_list = {}
    for list_id in LISTS:
        index = by_list[list_id] = Index.empty()
        for id_, value in wholes.get(list_id, {}).items():
            index.add_hashes(value, [id_])
        for id_, value in (parts or {}).get(list_id, {}).items():
            index.add_windows(value, [id_])
    live = LiveIndex.__new__(LiveIndex)
    live._indices = SimpleNamespace(by_list=by_list, conventions=frozenset({Convention.FULL}))  # type: ignore[assignment]
    live._known = _Known(
        states=states or dict.fromkeys(LISTS, ListState.ACTIVE),
        classifications=dict(enumerate(Classification, 1)),
        choices=choices or {},
    )
    live._loaded = threading.Event()
    live._loaded.set()
    return live


def all_hashes(frames: tuple[Frame, ...]) -> list[bytes]:
    seen = [
        transform
        for frame in frames
        for transform in (*frame.transforms, *(cut_out.transform for cut_out in frame.cut_outs))
    ]
    return [hash_.hash for transform in seen for hash_ in transform.views().values()]


def flipped(hash_: bytes, bits: int, draw: random.Random) -> bytes:
    changed = bytearray(hash_)
    for bit in draw.sample(range(256), bits):
        changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# --- the property ---


def altered(seed: int, draw: random.Random) -> Image.Image:
    """An untouched picture, or one with something around or over it."""
    picture = photo(seed, draw.choice((160, 240, 320)), draw.choice((160, 240)))
    kind = draw.randrange(5)
    if kind == 1:
        return ImageOps.expand(picture, draw.randrange(10, 60), draw.choice(("white", "black", "red")))
    if kind == 2:
        return ImageOps.expand(picture, (0, draw.randrange(10, 90)), "black")
    if kind == 3:
        return ImageOps.expand(ImageOps.expand(picture, (40, 0), "black"), 30, "white")
    if kind == 4:
        with_banner(picture)
    return picture


def with_banner(picture: Image.Image) -> None:
    top = round(picture.height * 0.85)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, top, picture.width, picture.height), fill="black")
    height = picture.height - top
    pen.text((8, top + height // 5), "see you on monday", "white", ImageFont.load_default(height // 3))


decisions = st.sampled_from(STRICTNESS)
rules = st.builds(
    lambda sha256, weak, reach, near, far: MatchRules(
        sha256=sha256,
        weak_digest=weak,
        perceptual=(Band(up_to=reach, decision=near), Band(up_to=RADIUS_MAX, decision=far)),
    ),
    decisions, decisions, st.integers(0, RADIUS_MAX - 1), decisions, decisions,
)  # fmt: skip
policies = st.builds(
    lambda of_each, blocks, shadow: Policy(
        matches=dict(zip(Classification, of_each, strict=True)),
        unhashable=STARTING.unhashable,
        unavailable=Decision.HOLD,
        perceptual_blocks=blocks,
        shadow=shadow,
    ),
    st.tuples(*[rules] * len(Classification)), st.booleans(), st.frozensets(st.sampled_from(LISTS), max_size=1),
)  # fmt: skip
choices = st.builds(
    lambda list_id, enabled, of, radius: Choice(list_id=list_id, enabled=enabled, classifications=of, radius=radius),
    st.sampled_from(LISTS), st.booleans(), st.frozensets(st.sampled_from(Classification)), st.integers(0, RADIUS_MAX),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10**6), policy=policies, format_=st.sampled_from(["JPEG", "PNG"]))
def test_what_is_found_without_views_is_found_with_them_and_no_decision_is_weaker(
    sandbox: Sandbox, data: st.DataObject, seed: int, policy: Policy, format_: str
) -> None:
    """For every file, every list and every policy: each match of the whole picture stays, word for word, what follows from
    it included; and the decision on the file is never weaker."""
    draw = random.Random(seed)  # noqa: S311 (the same pictures each run)
    file = encoded(altered(seed, draw), format_)
    hashes = all_hashes(Hasher(sandbox).hash_bytes(file, cuts=True).frames)
    wholes: dict[UUID, dict[int, bytes]] = {list_id: {} for list_id in LISTS}
    parts: dict[UUID, dict[int, bytes]] = {list_id: {} for list_id in LISTS}
    for entry in range(1, draw.randrange(1, 12)):
        value = flipped(draw.choice([*hashes, draw.randbytes(32)]), draw.choice((0, 8, 30, 31, 32, 44, 45, 60)), draw)
        id_ = index_id(entry, draw.randint(1, len(Classification) + 1), proposed=draw.random() < 0.2)
        draw.choice((wholes, parts))[draw.choice(LISTS)][id_] = value
    states = {list_id: data.draw(st.sampled_from(ListState)) for list_id in LISTS}
    chosen = {choice.list_id: choice for choice in data.draw(st.lists(choices, max_size=3))}
    live = live_index(wholes, parts, states=states, choices=chosen)

    views, none = (Matcher(live, hasher, str).examine(file) for hasher in (Hasher(sandbox), WithoutCuts(sandbox)))

    assert set(none.found) <= set(views.found)
    with_views, without = (judge(policy, one.found, reason=one.reason, complete=True) for one in (views, none))
    assert STRICTNESS.index(with_views.decision) >= STRICTNESS.index(without.decision)
    for found in set(views.found) - set(none.found):
        # What views add of a picture that is guessed or like a part of a listed one never blocks.
        if is_guess(found) or found.algorithm == HashAlgorithm.PDQ_WINDOW:
            assert decide_match(policy, found) is not Decision.BLOCK or is_shadow(policy, found)


def is_guess(found: Found) -> bool:
    return Cut.BANNER in found.view.split("+")


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
@pytest.mark.parametrize("seed", range(4))
def test_the_answer_for_a_listed_picture_that_nobody_touched_is_that_without_views(
    sandbox: Sandbox, seed: int, format_: str
) -> None:
    file = encoded(photo(seed, 400, 300), format_)
    [frame] = Hasher(sandbox).hash_bytes(file).frames
    live = live_index({LISTS[0]: {index_id(7, 1, proposed=False): frame.transforms[0].hash().hash}})
    told = [
        judge(STARTING, Matcher(live, hasher, str).examine(file).found, reason=None, complete=True).matches
        for hasher in (Hasher(sandbox), WithoutCuts(sandbox))
    ]
    assert told[0] == told[1]
    [match] = told[0]
    assert (match.view, match.distance) == ("original", 0)


# --- guesses ---


def banner_pair(sandbox: Sandbox, seed: int) -> tuple[bytes, bytes]:
    """A file with a banner, and the hash of the picture with the banner painted over."""
    picture = photo(seed, 640, 480)
    with_banner(picture)
    file = encoded(picture, "JPEG", quality=90)
    [frame] = Hasher(sandbox).hash_bytes(file, cuts=True).frames
    guess = next(one for one in frame.cut_outs if one.is_guessed)
    return file, guess.transform.hash().hash


@pytest.mark.parametrize(
    ("bits", "is_found"), [(0, True), (31, True), (31 + GUESSED_BITS, True), (32 + GUESSED_BITS, False)]
)
def test_a_guess_is_looked_up_farther_and_holds_where_anything_else_would_block(
    sandbox: Sandbox, bits: int, is_found: bool
) -> None:
    file, guess = banner_pair(sandbox, 3)
    listed = flipped(guess, bits, random.Random(bits))  # noqa: S311 (the same bits each run)
    live = live_index({LISTS[0]: {index_id(7, 1, proposed=False): listed}})
    found = [one for one in Matcher(live, Hasher(sandbox), str).examine(file).found if one.distance == bits]
    assert [(one.view, one.effect, one.trusted) for one in found] == (
        [("banner", Effect.DECIDES, False)] if is_found else []
    )
    blocking = Policy(
        matches=STARTING.matches, unhashable=STARTING.unhashable, unavailable=Decision.HOLD, perceptual_blocks=True
    )
    assert all(decide_match(blocking, one) is Decision.HOLD for one in found)


def test_the_reach_of_a_guess_goes_with_the_radius_that_was_chosen_for_the_list(sandbox: Sandbox) -> None:
    file, guess = banner_pair(sandbox, 4)
    listed = flipped(guess, 20, random.Random(1))  # noqa: S311 (the same bits each run)
    for radius, is_found in ((20 - GUESSED_BITS, True), (19 - GUESSED_BITS, False)):
        choice = Choice(list_id=LISTS[0], radius=radius)
        live = live_index({LISTS[0]: {index_id(7, 1, proposed=False): listed}}, choices={LISTS[0]: choice})
        assert bool(Matcher(live, Hasher(sandbox), str).examine(file).found) == is_found


def test_a_guess_is_not_looked_up_farther_among_parts(sandbox: Sandbox) -> None:
    file, guess = banner_pair(sandbox, 5)
    for bits, is_found in ((31, True), (32, False)):
        listed = flipped(guess, bits, random.Random(1))  # noqa: S311 (the same bits each run)
        live = live_index({}, {LISTS[0]: {index_id(7, 1, proposed=False): listed}})
        assert bool(Matcher(live, Hasher(sandbox), str).examine(file).found) == is_found


# --- margins of the listed picture's own ---


def drawing(draw: random.Random) -> Image.Image:
    """Something drawn on white paper."""
    paper = Image.new("RGB", (600, 500), "white")
    pen = ImageDraw.Draw(paper)
    for _ in range(25):
        left, top = draw.randrange(120, 420), draw.randrange(90, 340)
        colour = tuple(draw.randrange(200) for _ in range(3))
        pen.ellipse((left, top, left + draw.randrange(10, 90), top + draw.randrange(10, 90)), fill=colour)
    return paper


@pytest.mark.parametrize("seed", range(4))
def test_a_drawing_on_white_is_found_in_a_white_border_where_the_original_was_in_hand(sandbox: Sandbox, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 (the same pictures each run)
    paper = drawing(draw)
    file = encoded(ImageOps.expand(paper, 90, "white"), "JPEG", quality=85)
    original = Image.open(io.BytesIO(encoded(paper, "PNG"))).convert("RGB")
    listed = {index_id(number, 1, proposed=False): one.hash for number, one in enumerate(sub_windows(original), 1)}
    live = live_index({}, {LISTS[0]: listed})
    found = Matcher(live, Hasher(sandbox), str).examine(file).found
    assert found
    assert all(one.effect is Effect.HOLDS and one.view != "original" for one in found)
