"""What the core does for many rows at once says the same as what is done row by row."""

import hmac
import io
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running.hash_lists import md5, near, pdq
from running.lists import Dripping, drafts, mutated

from vangnet import _core
from vangnet.errors import InvalidInput
from vangnet.keys import Keys
from vangnet.registry.formats import csv
from vangnet.registry.formats.reading import Packed, Row, Taken
from vangnet.registry.model.entries import EntryDraft, HashAlgorithm, ListedHash
from vangnet.registry.model.feed import Addition, addition_line, lines
from vangnet.registry.model.packing import pack, unpack
from vangnet.registry.safeguards import Collides, Safeguards, Unfit
from vangnet.registry.service.sealing import EntryCipher

LIST = UUID(int=9)
MD5 = "0123456789abcdef0123456789abcdef"
PDQ = "f" * 32 + "0" * 32
HEADER = "action,reference,media_kind,scheme,category,md5,sha1,sha256,pdq,pdq_convention,pdq_quality,photodna,note,x_own\n"


def packed(row: Row) -> Row:
    """The row as it is where its line was plain."""
    if not isinstance(row, Taken):
        return row
    draft = row.draft
    return Packed(row.position, draft.media_kind, draft.category, draft.reference, draft.note, pack(draft.hashes))


def read_both(data: bytes, *, after: int = 0) -> list[Row]:
    one_by_one = [packed(row) for row in csv.read(io.BytesIO(data), after=after)]
    at_once = list(csv.read_packed(io.BytesIO(data), after=after))
    assert [packed(row) for row in at_once] == one_by_one
    return at_once


@pytest.mark.parametrize(
    "line",
    [
        f",case-7,video,ncmec,A1,{MD5.upper()},,,{PDQ},floor512,87,,seen twice,\n",
        f"add,,,,A1,,,{PDQ},,,,,,anything é\n",
        f",,image,,B 2,{MD5},{MD5}01234567,,{PDQ},,-,,,\r\n",
        f",,,,A1,,,,{PDQ},,0,,,\n",
        f",,,,A1,,,,{PDQ},thumbnail512,100,,,\n",
        f",,,,A1,{MD5},,,,nonsense,101,,,\n",
    ],
)
def test_a_line_about_which_nothing_is_unusual_is_read_by_the_core(line: str) -> None:
    [row] = read_both((HEADER + line).encode())
    assert isinstance(row, Packed)
    assert row.category.scheme in {"supplier", "ncmec"}


@pytest.mark.parametrize(
    "line",
    [
        f'"",case-7,,,A1,{MD5},,,,,,,,\n',
        f" ,case-7,,,A1,{MD5},,,,,,,,\n",
        f",caf\u00e9,,,A1,{MD5},,,,,,,,\n",
        f",a\tb,,,A1,{MD5},,,,,,,,\n",
        f",{'r' * 201},,,A1,{MD5},,,,,,,,\n",
        f",,,,{'c' * 101},{MD5},,,,,,,,\n",
        f",,,,A1,{MD5},,,,,,,{'n' * 1001},\n",
        f",,sound,,A1,{MD5},,,,,,,,\n",
        f",,,,,{MD5},,,,,,,,\n",
        f",,,,A1,{MD5[1:]},,,,,,,,\n",
        f",,,,A1,{MD5[1:]}g,,,,,,,,\n",
        ",,,,A1,,,,,,,,,\n",
        f",,,,A1,,,,{PDQ},full~,,,,\n",
        *[f",,,,A1,,,,{PDQ},,{quality},,,\n" for quality in ("101", "07", "+7", "7.0", "\u0667")],
        f",,,,A1,,,,{PDQ} {PDQ},full floor512,,,,\n",
        f",,,,A1,{MD5},,,,,,QUJD,,\n",
        f"withdraw,case-7,,,,{MD5},,,,,,,,\n",
        f"replace,case-7,,,A1,{MD5},,,,,,,,\n",
        f",,,,A1,{MD5}\n",
        "\n",
        "\r\n",
    ],
)
def test_any_other_line_is_answered_as_if_it_were_the_only_one(line: str) -> None:
    plain = f",,,,A1,{MD5},,,,,,,,\n"
    found = read_both((HEADER + plain + line + plain).encode())
    assert [row.position for row in found] in ([1, 2, 3], [1, 3])
    assert not any(isinstance(row, Packed) for row in found if row.position == 2)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(drafts(), max_size=5), st.integers(0, 2**32), st.booleans())
def test_every_file_says_the_same_read_either_way(entries: list[EntryDraft], seed: int, spoil: bool) -> None:
    file = io.BytesIO()
    csv.write(entries, file)
    data = mutated(file.getvalue(), seed) if spoil else file.getvalue()
    try:
        found = read_both(data)
    except InvalidInput:
        return
    for after in (1, len(found)):
        assert read_both(data, after=after) == [row for row in found if row.position > after]


def test_a_file_with_a_column_twice_is_read_the_same() -> None:
    read_both(f"md5,md5,category\n{MD5},,A1\n,{MD5},A1\n{MD5},{MD5[::-1]},A1\n,,A1\n".encode())


def test_lines_are_read_the_same_wherever_reading_breaks_off(seed: int) -> None:
    text = "md5,category\n" + "".join(f"{number:032x},A{number}\n" if number % 3 else "spoilt\n" for number in range(20))
    everything = read_both(text.encode())
    assert list(csv.read_packed(Dripping(text.encode(), seed))) == everything


def test_more_categories_than_are_kept_are_read_the_same() -> None:
    text = "md5,category\n" + "".join(f"{number:032x},A{number % 1200}\n" for number in range(2000))
    found = read_both(text.encode())
    assert len(found) == 2000
    assert sum(isinstance(row, Packed) for row in found) == 1000 + 800


# --- hashes ---


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(drafts(), max_size=5))
def test_keys_are_those_of_one_entry_after_the_other(entries: list[EntryDraft]) -> None:
    cipher = EntryCipher(Keys(signing=bytes(32), sealing=bytes(range(32))))
    each = [cipher.key(LIST, entry.hashes) for entry in entries]
    assert cipher.keys(LIST, [pack(entry.hashes) for entry in entries]) == each


@given(st.binary(max_size=200), st.lists(st.binary(max_size=200), max_size=4))
def test_codes_are_those_of_another_implementation(key: bytes, messages: list[bytes]) -> None:
    assert _core.hmac_sha256(key, messages) == [hmac.digest(key, message, "sha256") for message in messages]


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(drafts(), max_size=2), st.binary(max_size=60))
def test_bytes_that_are_no_packed_hashes_are_refused(entries: list[EntryDraft], spoilt: bytes) -> None:
    good = [pack(entry.hashes) for entry in entries]
    spoilt = b"\1" + spoilt
    try:
        known = bool(unpack(spoilt))
    except ValueError:
        known = False
    if known:
        assert len(_core.strongest_hashes(b"", [*good, spoilt])) == len(good) + 1
    else:
        with pytest.raises(ValueError, match="packed hashes"):
            _core.strongest_hashes(b"", [*good, spoilt])


# --- the stream ---

_TEXT = st.none() | st.text(max_size=30)


@given(st.lists(st.builds(
    Addition, seq=st.integers(1, 2**60), list_id=st.just(LIST), category_id=st.integers(1, 2**23), media=st.just("image"),
    state=st.sampled_from(["active", "proposed"]), packed=st.binary(max_size=70), reference=_TEXT, note=_TEXT,
    replaces=st.none() | st.integers(1, 2**60),
), max_size=4))  # fmt: skip
def test_the_lines_of_additions_are_the_same_for_ever(added: list[Addition]) -> None:
    assert lines(added) == b"".join(map(addition_line, added))


def test_a_text_with_half_of_a_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        lines([Addition(1, LIST, 1, "image", "active", b"", "\ud800")])


# --- safeguards ---


def test_what_is_told_of_an_entry_is_the_worst_of_its_hashes(seed: int) -> None:
    good = bytes(range(32))
    picture = [pdq(good), md5("harmless"), ListedHash(algorithm=HashAlgorithm.SHA1, value=bytes(20))]
    safeguards = Safeguards([(5, picture)], structures={b"\xaa" * 32: "grid"})
    blurred, looks_like, same_file, both, structure, passes = safeguards.check([
        [pdq(good, quality=49)],
        [pdq(near(good, 7, seed))],
        [md5("harmless")],
        [md5("harmless"), pdq(near(good, 3, seed))],
        [md5("harmless"), pdq(b"\xaa" * 32)],
        [md5("other"), pdq(near(good, 60, seed))],
    ])  # fmt: skip
    assert isinstance(blurred, Unfit)
    assert blurred.structure is None
    assert looks_like == Collides(known_good_id=5, algorithm=HashAlgorithm.PDQ, distance=7)
    assert same_file == Collides(known_good_id=5, algorithm=HashAlgorithm.MD5, distance=0)
    assert both == Collides(known_good_id=5, algorithm=HashAlgorithm.PDQ, distance=3)
    assert isinstance(structure, Unfit)
    assert structure.structure == "grid"
    assert type(passes).__name__ == "Passed"
