"""Sub-windows: hashes of parts of a listed picture. They stand beside the whole's, are looked up apart, and never block."""

from dataclasses import replace
from itertools import product
from uuid import UUID

import pytest
from pictures import photo
from PIL import Image

from vangnet import _core
from vangnet.errors import InvalidInput
from vangnet.gate.model import Decision
from vangnet.gate.policy import STARTING, Found, decide_match
from vangnet.hashing.index import Index
from vangnet.hashing.model import Convention
from vangnet.registry.formats.csv import COLUMNS
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.effects import Effect, effect
from vangnet.registry.model.entries import (
    OPAQUE,
    WINDOWS_MAX,
    Category,
    EntryDraft,
    HashAlgorithm,
    ListedHash,
    MediaKind,
    require_sound,
)
from vangnet.registry.model.lists import Choice, ListState
from vangnet.registry.model.packing import CODES, key_of, pack, unpack
from vangnet.registry.safeguards import Safeguards
from vangnet.registry.service.live import LiveMatch, _once_each

LIST = UUID(int=7)
WHOLE = ListedHash(algorithm=HashAlgorithm.PDQ, value=bytes(range(32)), convention=Convention.FULL, quality=90)


def window(number: int) -> ListedHash:
    return ListedHash(algorithm=HashAlgorithm.PDQ_WINDOW, value=number.to_bytes(2, "big") * 16)


def draft(*hashes: ListedHash) -> EntryDraft:
    category = Category(scheme="ncmec", name="A1")
    return EntryDraft(media_kind=MediaKind.IMAGE, hashes=hashes, category=category)


def test_windows_are_packed_after_the_whole_and_come_out_as_they_were() -> None:
    hashes = (WHOLE, *(window(number) for number in range(100)))
    assert unpack(pack(hashes)) == hashes
    assert pack(hashes)[: len(pack([WHOLE]))] == pack([WHOLE])
    values, numbers, _ = _core.packed_hashes([pack(hashes)], CODES[HashAlgorithm.PDQ], 0)
    assert (values, len(numbers)) == (WHOLE.value, 8)
    assert HashAlgorithm.PDQ_WINDOW not in OPAQUE


def test_an_entry_is_the_same_entry_with_and_without_windows() -> None:
    for others in ((WHOLE,), (WHOLE, ListedHash(algorithm=HashAlgorithm.MD5, value=bytes(16)))):
        with_windows = [window(3), *others, window(4)]
        assert key_of(LIST, others) == key_of(LIST, with_windows)
        (strongest,) = _core.strongest_hashes(LIST.bytes, [pack(with_windows)])
        assert strongest == key_of(LIST, others)


def test_windows_stand_beside_the_hash_of_a_whole_picture_only() -> None:
    require_sound(draft(WHOLE, *(window(number) for number in range(WINDOWS_MAX))))
    md5 = ListedHash(algorithm=HashAlgorithm.MD5, value=bytes(16))
    for hashes in ((window(1),), (md5, window(1)), (WHOLE, *(window(number) for number in range(WINDOWS_MAX + 1)))):
        with pytest.raises(InvalidInput):
            require_sound(draft(*hashes))


def test_no_file_of_a_supplier_has_a_column_for_them() -> None:
    assert "pdq" in COLUMNS
    assert "pdq_window" not in COLUMNS


def test_windows_are_looked_up_apart_from_whole_pictures() -> None:
    index = Index.empty()
    index.add_hashes(WHOLE.value, [1])
    index.add_windows(window(5).value, [2])
    assert [match.id for match in index.lookup(WHOLE.value)] == [1]
    assert index.lookup(WHOLE.value, windows=True) == []
    assert index.lookup(window(5).value) == []
    assert [match.id for match in index.lookup(window(5).value, windows=True)] == [2]
    [found] = index.lookup_batch(window(5).value, windows=True)
    assert [match.id for match in found] == [2]
    index.withdraw([2])
    assert index.lookup(window(5).value, windows=True) == []


@pytest.mark.parametrize("state", ListState)
def test_a_match_by_a_window_never_decides(state: ListState) -> None:
    for proposed in (False, True):
        by_whole, by_window = (
            effect(
                state, proposed=proposed, classification=Classification.BASELINE, choice=Choice(list_id=LIST), by_window=one
            )
            for one in (False, True)
        )
        assert by_window is not Effect.DECIDES
        assert by_window == (Effect.HOLDS if by_whole is Effect.DECIDES else by_whole)


def test_no_policy_blocks_by_a_window() -> None:
    for classification, effect_, distance in product(Classification, (Effect.DECIDES, Effect.HOLDS), (0, 31, 64)):
        found = Found(
            list_id=LIST, list_name="list", entry_id=1, classification=classification, algorithm="pdq_window",
            distance=distance, view="original", effect=effect_,
        )  # fmt: skip
        strict = replace(STARTING, perceptual_blocks=True)
        assert decide_match(strict, found) is Decision.HOLD
        if effect_ is Effect.DECIDES and classification is Classification.BASELINE and distance <= 31:
            assert decide_match(strict, replace(found, algorithm="pdq")) is Decision.BLOCK


def live(algorithm: HashAlgorithm, distance: int, entry_id: int = 1) -> LiveMatch:
    return LiveMatch(
        list_id=LIST, list_state=ListState.ACTIVE, entry_id=entry_id, category_id=1, classification=None, proposed=False,
        algorithm=algorithm, distance=distance, effect=Effect.DECIDES,
    )  # fmt: skip


def test_a_nearer_window_does_not_hide_that_the_whole_picture_is_near() -> None:
    whole, part = live(HashAlgorithm.PDQ, 20), live(HashAlgorithm.PDQ_WINDOW, 2)
    other = live(HashAlgorithm.PDQ_WINDOW, 5, entry_id=2)
    assert _once_each([part, other, whole]) == [other, whole]


def test_a_window_that_shows_nothing_or_something_known_good_is_left_out() -> None:
    good = photo(1, 300, 200)
    coefficients, quality = _core.pdq_transform(good.convert("L").tobytes(), 300, 200)
    known = ListedHash(
        algorithm=HashAlgorithm.PDQ, value=_core.pdq_hash(coefficients), convention=Convention.FULL, quality=quality
    )
    flat, _ = _core.pdq_transform(Image.new("L", (64, 64), 100).tobytes(), 64, 64)
    other, _ = _core.pdq_transform(photo(2, 300, 200).convert("L").tobytes(), 300, 200)
    windows = [
        ListedHash(algorithm=HashAlgorithm.PDQ_WINDOW, value=value)
        for value in (known.value, _core.pdq_hash(flat), _core.pdq_hash(other))
    ]
    safeguards = Safeguards([(1, [known])])
    # What is known good is refused elsewhere, by the whole; only windows are left out here.
    assert safeguards.without_unfit_windows([known, *windows]) == (known, windows[2])
