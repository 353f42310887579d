"""What of a report goes to whom, how it crosses, and how a referral stands."""

import random
import uuid
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.errors import HandoffRefused, InvalidInput, InvalidTransition
from vangnet.handoff.model import SentState
from vangnet.handoff.model.canonical import encode
from vangnet.handoff.model.envelopes import PAYLOAD_MAX_BYTES
from vangnet.handoff.model.match_reports import MatchReport, ReportedMatch
from vangnet.handoff.model.referrals import (
    PART_BYTES,
    ReferralAnswer,
    ReferralOutcome,
    ReferralPart,
    ReferralReason,
    folded,
    in_parts,
    unfolded,
)
from vangnet.identity.model import InstallationKind, PartyKind
from vangnet.keys import Keys, sealed_to
from vangnet.reports.model.drafts import (
    Classified,
    Identifier,
    IdentifierKind,
    Incident,
    ItemDraft,
    ItemKind,
    NamedPerson,
    PersonRole,
    Place,
    ReportDraft,
    Reporter,
    ReporterKind,
    Sign,
    Source,
    Trace,
)
from vangnet.reports.model.outcomes import checked_people, checked_series
from vangnet.reports.model.referrals import (
    OUTCOMES,
    TRANSITIONS,
    Arrival,
    ReferralState,
    Share,
    arrival_of,
    moved,
    state_after,
)
from vangnet.reports.model.reports import Closing
from vangnet.reports.rules.referral.contents import (
    COVERED,
    as_document,
    as_found,
    from_document,
    may_have,
    proposed,
    shared,
)
from vangnet.reports.rules.referral.match_drafts import draft_of

AT = datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC)
WHOLE = ReportDraft(
    source=Source.CYBERTIP,
    reporter=Reporter(kind=ReporterKind.CITIZEN, name="canary-name", contact="canary-contact"),
    incident=Incident.ENTICEMENT,
    reference="canary-reference",
    reported_at=AT,
    signs=frozenset({Sign.ENTICEMENT}),
    people=(
        NamedPerson(
            role=PersonRole.REPORTED, identifiers=(Identifier(kind=IdentifierKind.EMAIL, value="canary-mail"),),
            traces=(Trace(address="canary-trace", at=AT),),
        ),
    ),
    traces=(Trace(address="canary-trace", at=AT),),
    places=(Place(country="NL", region="canary-region", city="canary-city"),),
    items=(
        ItemDraft(
            kind=ItemKind.FILE, reference="canary-number", file_name="canary-file", address="canary-address",
            hashes=(("sha256", b"canary-hash".ljust(32, b"\0")),), classified=Classified(scheme="ncmec", code="A1"),
            traces=(Trace(address="canary-trace", at=AT),), text="canary-item",
        ),
    ),
    text="canary-words",
)  # fmt: skip
SHOWS = {
    Share.ADDRESSES: {"canary-address"},
    Share.HASHES: {"canary-reference", "canary-number", b"canary-hash".hex()},
    Share.WORDS: {"canary-words", "canary-item", "canary-file"},
    Share.PEOPLE: {"canary-mail", "canary-trace", "canary-region", "canary-city"},
    Share.REPORTER: {"canary-name", "canary-contact"},
}


@pytest.mark.parametrize("share", SHOWS)
def test_each_share_brings_what_it_says_and_nothing_else(share: Share) -> None:
    written = str(as_document(shared(WHOLE, frozenset({Share.FACTS, share}), {}), ""))
    for one, canaries in SHOWS.items():
        for canary in canaries:
            assert (canary in written) == (one is share), canary


def test_facts_alone_name_nobody_and_lead_nowhere() -> None:
    facts = shared(WHOLE, frozenset({Share.FACTS}), {})
    assert "canary" not in str(as_document(facts, ""))
    assert (facts.incident, facts.signs, facts.places) == (WHOLE.incident, WHOLE.signs, (Place(country="NL"),))
    assert facts.items[0].classified == WHOLE.items[0].classified


def test_a_field_that_is_added_to_a_draft_must_be_thought_about_here() -> None:
    assert {kind: {one.name for one in fields(kind)} for kind in COVERED} == COVERED


@pytest.mark.parametrize("ours", list(InstallationKind))
@pytest.mark.parametrize("theirs", list(PartyKind))
@pytest.mark.parametrize("basis_holds", [True, False])
def test_people_are_named_to_police_only_and_to_nobody_without_a_legal_basis(
    ours: InstallationKind, theirs: PartyKind, basis_holds: bool
) -> None:
    may = may_have(ours, theirs, basis_holds=basis_holds)
    named = {Share.PEOPLE, Share.REPORTER}
    if theirs is not PartyKind.POLICE or not basis_holds:
        assert not may & named
    if not basis_holds:
        assert may <= {Share.FACTS, Share.ADDRESSES}
    assert bool(may) == (ours in {InstallationKind.HOTLINE, InstallationKind.POLICE})
    assert proposed(may, theirs) <= may


# --- how it crosses ---


def crossed(draft: ReportDraft, note: str = "", reason: ReferralReason = ReferralReason.INVESTIGATION) -> ReportDraft:
    head, items = as_document(draft, note)
    documents = [unfolded(part) for part in in_parts(head, items)]
    return from_document(
        documents, reporter=Reporter(kind=ReporterKind.HOTLINE, name="Meldpunt"), case_number="VN-2026-7K3F-9QXM",
        reason=reason, sent_at=AT,
    )  # fmt: skip


def test_a_report_arrives_as_it_was_shared_from_whoever_referred_it() -> None:
    there = crossed(shared(WHOLE, frozenset(Share) - {Share.REPORTER}, {}), "note")
    assert (there.people, there.items, there.places) == (WHOLE.people, WHOLE.items, WHOLE.places)
    assert there.reporter == Reporter(kind=ReporterKind.HOTLINE, name="Meldpunt")
    assert (there.source, there.reference, there.text) == (Source.HANDOFF, "VN-2026-7K3F-9QXM", "note\n\ncanary-words")


def test_what_is_handed_on_unassessed_counts_as_said_by_whoever_first_reported_it() -> None:
    assert crossed(WHOLE, reason=ReferralReason.THEIRS).reporter.kind is ReporterKind.CITIZEN
    assert crossed(WHOLE, reason=ReferralReason.DANGER).reporter.kind is ReporterKind.HOTLINE


def test_what_we_know_better_of_a_file_goes_along() -> None:
    better = as_found(WHOLE.items[0], [("sha256", b"\x01" * 32), ("pdq", b"\x02" * 32)], "baseline")
    assert better.hashes == (("sha256", b"\x01" * 32), ("pdq", b"\x02" * 32))
    assert better.classified == Classified(scheme="vangnet", code="baseline")


@pytest.mark.parametrize("count", [0, 1, 700, 4000])
def test_a_long_report_crosses_in_parts_that_each_fit_into_an_envelope(count: int) -> None:
    dice = random.Random(count)  # noqa: S311 (made-up hashes)
    items = tuple(
        ItemDraft(kind=ItemKind.FILE, hashes=tuple((name, dice.randbytes(32)) for name in ("md5", "sha1", "sha256")))
        for _ in range(count)
    )
    head, written = as_document(replace(WHOLE, items=items), "note")
    parts = in_parts(head, written)
    assert (len(parts) > 1) == (count == 4000)
    public_key = _keys().public_key
    for number, part in enumerate(parts, start=1):
        assert len(part) <= PART_BYTES
        told = ReferralPart(
            referral_id=uuid.uuid4(), reason=ReferralReason.THEIRS, part=number, parts=len(parts),
            sealed=sealed_to(public_key, part),
        )  # fmt: skip
        assert len(encode(told.payload())) <= PAYLOAD_MAX_BYTES
        assert ReferralPart.read(told.payload()) == told
    assert crossed(replace(WHOLE, items=items)).items == items


def test_words_that_are_too_long_are_cut_and_it_is_said() -> None:
    there = crossed(replace(WHOLE, text="x" * 100_000))
    assert there.text.count("x") == 20_000
    assert "were cut" in there.problems[-1]


def test_what_cannot_be_split_is_refused() -> None:
    noise = random.Random(1).randbytes(PART_BYTES).hex()  # noqa: S311
    with pytest.raises(ValueError, match="too long"):
        in_parts({"note": noise}, [])
    with pytest.raises(ValueError, match="too long"):
        in_parts({}, [{"text": "a"}, {"text": noise}])


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"note": 7, "report": {}, "items": []},
        {"note": "", "report": None, "items": []},
        {"note": "", "report": {"source": "made_up"}, "items": []},
        {"note": "", "items": []},
    ],
)
def test_what_is_no_report_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (its words are ours elsewhere)
        from_document(
            [document], reporter=Reporter(kind=ReporterKind.HOTLINE), case_number="", reason=ReferralReason.THEIRS,
            sent_at=AT,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", 7), ("text", "a\0b"), ("language", ["nl"]), ("reported_at", "2026-11-21T13:02:07"), ("problems", 7),
        ("items", 7),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_before_anybody_sees_it(name: str, value: object) -> None:
    head, items = as_document(WHOLE, "")
    document: dict[str, Any] = {**head, "items": items}
    if name == "items":
        document["items"] = value
    else:
        document["report"][name] = value
    with pytest.raises(ValueError):  # noqa: PT011
        from_document(
            [document], reporter=Reporter(kind=ReporterKind.HOTLINE), case_number="", reason=ReferralReason.THEIRS,
            sent_at=AT,
        )  # fmt: skip


@given(st.binary(max_size=200))
def test_bytes_that_are_no_part_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no part"):
        unfolded(data)


def test_a_part_that_would_unfold_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="no part"):
        unfolded(folded({"note": "x" * 20_000_000}))


_PART = ReferralPart(
    referral_id=uuid.UUID(int=7), reason=ReferralReason.DANGER, part=1, parts=2, sealed=b"sealed"
).payload()


@pytest.mark.parametrize(
    "changes",
    [
        {"part": 0}, {"part": 3}, {"part": True}, {"parts": 101}, {"reason": "made_up"}, {"sealed": "a"},
        {"sealed": "YR=="}, {"referral_id": "7"}, {"extra": 1}, {"sealed": None},
    ],
)  # fmt: skip
def test_a_part_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(HandoffRefused):
        ReferralPart.read(_PART | changes)


@pytest.mark.parametrize("changes", [{"outcome": "made_up"}, {"at": "now"}, {"referral_id": 7}, {"extra": 1}])
def test_an_answer_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    answer = ReferralAnswer(referral_id=uuid.UUID(int=7), outcome=ReferralOutcome.HANDLED, at=AT)
    assert ReferralAnswer.read(answer.payload()) == answer
    with pytest.raises(HandoffRefused):
        ReferralAnswer.read(answer.payload() | changes)


def test_what_is_sealed_opens_with_the_one_key_and_no_other() -> None:
    ours, others = _keys(), _keys(b"\x09")
    sealed = sealed_to(ours.public_key, b"secret")
    assert ours.open_sealed(sealed) == b"secret"
    for changed in (sealed[:-1], b"", sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(ValueError, match="does not open"):
            ours.open_sealed(changed)
    with pytest.raises(ValueError, match="does not open"):
        others.open_sealed(sealed)


def _keys(signing: bytes = b"\x07") -> Keys:
    return Keys(signing=signing * 32, sealing=b"\x08" * 32)


# --- how it stands ---


def test_the_worst_part_says_whether_a_referral_arrived() -> None:
    assert arrival_of([]) is Arrival.PREPARED
    assert arrival_of([SentState.ACKNOWLEDGED, SentState.WAITING]) is Arrival.ON_ITS_WAY
    assert arrival_of([SentState.ACKNOWLEDGED, SentState.REFUSED]) is Arrival.REFUSED
    assert arrival_of([SentState.ACKNOWLEDGED]) is Arrival.ARRIVED


def test_every_ending_of_the_work_is_told_and_only_what_is_not_for_us_goes_back() -> None:
    assert set(OUTCOMES) == set(Closing)
    back = [outcome for outcome in ReferralOutcome if state_after(outcome) is ReferralState.RETURNED]
    assert back == [ReferralOutcome.RETURNED]


def test_a_referral_that_was_taken_back_stays_so() -> None:
    assert set(TRANSITIONS) == set(ReferralState)
    assert moved(ReferralState.ANSWERED, ReferralState.RETURNED) is ReferralState.RETURNED
    with pytest.raises(InvalidTransition):
        moved(ReferralState.TAKEN_BACK, ReferralState.ANSWERED)
    with pytest.raises(InvalidTransition):
        moved(ReferralState.ANSWERED, ReferralState.TAKEN_BACK)


def test_a_gates_match_is_a_report_of_a_file_that_is_known_by_its_digests() -> None:
    def match(entry_id: int, distance: int, classification: str) -> ReportedMatch:
        return ReportedMatch(
            list_name="NL",
            entry_id=entry_id,
            classification=classification,
            algorithm="pdq",
            distance=distance,
            view="border+flip_y",
        )

    told = MatchReport(
        check_id=uuid.UUID(int=7), at=AT, decision="block", object_id="upload ab12", digests={"md5": "07" * 16},
        matches=(match(8841, 6, "national"), match(17, 2, "baseline")),
    )  # fmt: skip
    draft = draft_of(told, reporter=Reporter(kind=ReporterKind.COMPANY, name="Host Example"), sent_at=AT)
    (item,) = draft.items
    assert (item.hashes, item.reference) == ((("md5", b"\x07" * 16),), "upload ab12")
    assert item.classified == Classified(scheme="vangnet", code="baseline")
    assert "entry 8841, NL: national, found by pdq, distance 6, seen without its border, mirrored" in draft.text
    assert (draft.source, draft.reference) == (Source.HANDOFF, str(uuid.UUID(int=7)))


# --- outcomes and series ---


@pytest.mark.parametrize("code", ["A1", "NL-2026-07", "77", " ab-12 "])
def test_the_name_of_a_series_is_a_code(code: str) -> None:
    assert checked_series(code) == code.strip().upper()


@pytest.mark.parametrize("code", ["", "A", "ANNA", "A 1", "-1", "é1", "A1\n", "A" * 31 + "1", "A_1"])
def test_a_series_gets_no_name_of_anybody(code: str) -> None:
    if code == "A1\n":
        assert checked_series(code) == "A1"
        return
    with pytest.raises(InvalidInput, match="code"):
        checked_series(code)


@pytest.mark.parametrize("people", [0, -1, 1001])
def test_an_outcome_is_about_at_least_one_person(people: int) -> None:
    assert checked_people(None) is None
    with pytest.raises(InvalidInput):
        checked_people(people)
