"""The registry's tables of states, its quorum, its crosswalk, and what may be kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from running.hash_lists import draft, md5, pdq

from vangnet.errors import Conflict, InvalidInput, InvalidTransition
from vangnet.hashing.model import Convention
from vangnet.registry.model import disputes, entries, lists
from vangnet.registry.model.classification import READINGS, WRITINGS, Classification, Scheme, proposed, written
from vangnet.registry.model.disputes import DisputeState, SupplierRecord
from vangnet.registry.model.entries import (
    Category,
    EntryState,
    HashAlgorithm,
    ListedHash,
    require_sound,
    require_sound_hash,
)
from vangnet.registry.model.lists import (
    APPROVAL_LASTS,
    Approval,
    ApprovalOf,
    Count,
    ListedCategory,
    ListState,
    Opinion,
    QuorumOf,
    counting,
    has_quorum,
    require_ready,
)

NOW = datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC)
P, A, D, S, W = (
    EntryState.PROPOSED, EntryState.ACTIVE, EntryState.DISPUTED, EntryState.SUSPENDED, EntryState.WITHDRAWN,
)  # fmt: skip
ENTRY_STEPS = {
    (P, A), (P, D), (P, S), (P, W),
    (A, P), (A, D), (A, S), (A, W),
    (D, P), (D, A), (D, S), (D, W),
    (S, P), (S, A), (S, W),
}  # fmt: skip
LIST_STEPS = {
    (ListState.QUARANTINED, ListState.TRIAL), (ListState.QUARANTINED, ListState.ACTIVE),
    (ListState.QUARANTINED, ListState.SUSPENDED),
    (ListState.TRIAL, ListState.ACTIVE), (ListState.TRIAL, ListState.QUARANTINED), (ListState.TRIAL, ListState.SUSPENDED),
    (ListState.ACTIVE, ListState.TRIAL), (ListState.ACTIVE, ListState.QUARANTINED),
    (ListState.ACTIVE, ListState.SUSPENDED),
    (ListState.SUSPENDED, ListState.TRIAL), (ListState.SUSPENDED, ListState.ACTIVE),
}  # fmt: skip


# --- tables of states ---


@pytest.mark.parametrize("requested", EntryState)
@pytest.mark.parametrize("current", EntryState)
def test_an_entry_goes_where_its_table_says_and_nowhere_else(current: EntryState, requested: EntryState) -> None:
    if (current, requested) in ENTRY_STEPS:
        assert entries.step(current, requested) is requested
    else:
        with pytest.raises(InvalidTransition):
            entries.step(current, requested)


@pytest.mark.parametrize("requested", ListState)
@pytest.mark.parametrize("current", ListState)
def test_a_list_goes_where_its_table_says_and_nowhere_else(current: ListState, requested: ListState) -> None:
    if (current, requested) in LIST_STEPS:
        assert lists.step(current, requested) is requested
    else:
        with pytest.raises(InvalidTransition):
            lists.step(current, requested)


@pytest.mark.parametrize("requested", DisputeState)
@pytest.mark.parametrize("current", DisputeState)
def test_a_dispute_is_answered_once(current: DisputeState, requested: DisputeState) -> None:
    if current is DisputeState.OPEN and requested is not DisputeState.OPEN:
        assert disputes.step(current, requested) is requested
    else:
        with pytest.raises(InvalidTransition):
            disputes.step(current, requested)


def test_what_matches_nothing_does_not_stand() -> None:
    assert {P, A, D} == entries.STANDING


# --- quorum and approvals ---


def opinion(person: int, party: int | None = None, *, agrees: bool = True) -> Opinion:
    return Opinion(
        entry_id=1, by_party=None if party is None else UUID(int=party), by_person=f"person:{person}", agrees=agrees, at=NOW
    )


@pytest.mark.parametrize(
    ("opinions", "of", "reached"),
    [
        ([opinion(1), opinion(2)], QuorumOf.PEOPLE, True),
        ([opinion(1)], QuorumOf.PEOPLE, False),
        ([opinion(1, 7), opinion(1, 8)], QuorumOf.PEOPLE, False),
        ([opinion(1, 7), opinion(2, 7)], QuorumOf.PARTIES, False),
        ([opinion(1, 7), opinion(1, 8)], QuorumOf.PARTIES, True),
        ([opinion(1), opinion(1, 8)], QuorumOf.PARTIES, True),
        ([opinion(1), opinion(2), opinion(3, agrees=False)], QuorumOf.PEOPLE, False),
        ([], QuorumOf.PEOPLE, False),
    ],
)
def test_a_quorum_counts_different_people_or_parties_and_heeds_who_disagrees(
    opinions: list[Opinion], of: QuorumOf, *, reached: bool
) -> None:
    assert has_quorum(opinions, quorum=2, of=of) is reached


def test_an_approval_counts_for_a_while() -> None:
    approval = Approval(list_id=UUID(int=1), of=ApprovalOf.ACTIVATE, person="person:1", at=NOW)
    assert counting([approval], NOW + APPROVAL_LASTS - timedelta(seconds=1)) == {"person:1"}
    assert counting([approval], NOW + APPROVAL_LASTS) == frozenset()


CATEGORY = ListedCategory(
    id=1,
    list_id=UUID(int=1),
    scheme="ncmec",
    name="A1",
    classification=Classification.BASELINE,
    mapped_by="x",
    mapped_at=NOW,
)
COUNT = Count(category_id=1, state=A, entries=5)


def test_a_list_is_ready_with_active_entries_in_a_mapped_category() -> None:
    require_ready([CATEGORY, replace(CATEGORY, id=2, classification=None)], [COUNT], open_collisions=0)


@pytest.mark.parametrize(
    ("category", "count", "open_collisions", "why"),
    [
        (CATEGORY, COUNT, 3, "3 entries were stopped"),
        (replace(CATEGORY, classification=None), COUNT, 0, "none of its categories is mapped"),
        (CATEGORY, replace(COUNT, category_id=2), 0, "none of its entries is active"),
        (CATEGORY, replace(COUNT, state=P), 0, "none of its entries is active"),
        (CATEGORY, replace(COUNT, entries=0), 0, "none of its entries is active"),
    ],
)
def test_a_list_that_is_not_ready_says_why(category: ListedCategory, count: Count, open_collisions: int, why: str) -> None:
    with pytest.raises(Conflict, match=why):
        require_ready([category], [count], open_collisions=open_collisions)


# --- disputes ---


def test_who_listed_or_contests_an_entry_does_not_answer() -> None:
    disputes.require_other_reviewer(reviewer="person:3", added_by="person:1", disputed_by="person:2")
    for reviewer in ("person:1", "person:2"):
        with pytest.raises(Conflict):
            disputes.require_other_reviewer(reviewer=reviewer, added_by="person:1", disputed_by="person:2")


def test_a_suppliers_share_of_withdrawn_entries_is_none_without_entries() -> None:
    record = SupplierRecord(party_id=None, lists=1, entries=0, withdrawn=0, stopped=0, disputed=0, conceded=0)
    assert record.withdrawn_share == 0.0
    assert replace(record, entries=4, withdrawn=1).withdrawn_share == 0.25


# --- the crosswalk ---


def test_every_scheme_says_how_it_reads_and_how_each_classification_is_written() -> None:
    assert set(READINGS) == set(WRITINGS) == set(Scheme)
    for scheme in Scheme:
        assert set(WRITINGS[scheme]) == set(Classification)


@pytest.mark.parametrize("scheme", Scheme)
def test_what_is_written_reads_as_the_same_or_the_loss_is_told(scheme: Scheme) -> None:
    for classification in Classification:
        writing = written(classification, scheme)
        if writing.code is None:
            assert writing.loses
        elif writing.loses is None:
            reading = proposed(scheme, writing.code)
            assert reading is not None
            assert reading.classification is classification


def test_a_reading_without_a_classification_says_why() -> None:
    for readings in READINGS.values():
        for reading in readings.values():
            assert reading.classification is not None or reading.loses
    assert proposed("supplier", "other") is None
    assert proposed("ncmec", "Z9") is None


@pytest.mark.parametrize("scheme", ["vics", "vics:nl", "vics:default"])
def test_of_a_vics_category_it_is_said_that_its_meaning_depends_on_the_country_and_nothing_is_proposed(scheme: str) -> None:
    for code in "012345":
        reading = proposed(scheme, code)
        assert reading is not None
        assert reading.classification is None
        assert "country" in (reading.loses or "")
    assert proposed(scheme, "9") is None


@pytest.mark.parametrize("scheme", ["ncmec:nl", "iccam:", "vics:", "vicsnl", ":vics"])
def test_no_other_scheme_has_countries(scheme: str) -> None:
    assert proposed(scheme, "A1" if scheme.startswith("ncmec") else "1") is None


# --- what may be kept ---


@pytest.mark.parametrize(
    ("hash_", "field"),
    [
        (ListedHash(algorithm=HashAlgorithm.MD5, value=bytes(15)), "md5"),
        (ListedHash(algorithm=HashAlgorithm.SHA1, value=bytes(21)), "sha1"),
        (ListedHash(algorithm=HashAlgorithm.SHA256, value=b""), "sha256"),
        (pdq(bytes(31)), "pdq"),
        (pdq(bytes(32), quality=101), "quality"),
        (pdq(bytes(32), convention=Convention.SCREEN), "convention"),
        (ListedHash(algorithm=HashAlgorithm.MD5, value=bytes(16), quality=5), "md5"),
        (ListedHash(algorithm=HashAlgorithm.SHA1, value=bytes(20), convention=Convention.FULL), "sha1"),
        (ListedHash(algorithm=HashAlgorithm.PHOTODNA, value=b""), "photodna"),
        (ListedHash(algorithm=HashAlgorithm.TMK_PDQF, value=bytes(entries.OPAQUE_MAX_BYTES + 1)), "tmk_pdqf"),
    ],
)
def test_a_hash_that_cannot_be_one_is_refused_and_not_quoted(hash_: ListedHash, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        require_sound_hash(hash_)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"hashes": ()}, "hashes"),
        ({"hashes": (md5("a"),) * (entries.HASHES_MAX + 1)}, "hashes"),
        ({"category": Category(scheme="", name="A1")}, "scheme"),
        ({"category": Category(scheme="ncmec", name="")}, "category"),
        ({"category": Category(scheme="ncmec", name="a" * 101)}, "category"),
        ({"reference": "r" * 201}, "reference"),
        ({"reference": "a\0b"}, "reference"),
        ({"note": "half a pair \ud800"}, "note"),
    ],
)
def test_a_draft_that_cannot_be_kept_is_refused(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        require_sound(replace(draft("word"), **change))  # type: ignore[arg-type]
    assert caught.value.field == field


def test_a_note_may_have_lines() -> None:
    require_sound(replace(draft("word"), note="one\ntwo"))


def test_nothing_of_an_entry_is_in_its_repr() -> None:
    text = repr(draft("word", reference="canary-reference", hashes=[pdq(b"canary-canary-canary-canary-cana")]))
    assert "canary" not in text
