"""Which evidence a report points to, when it is gone, and the letter that asks for it to be kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.errors import InvalidInput, InvalidTransition
from vangnet.identity.model import InstallationKind, Language
from vangnet.reports.model.clocks import (
    CLOCK_STEPS,
    PRESERVATION_STEPS,
    Clock,
    ClockState,
    FollowUp,
    Preservation,
    PreservationState,
    Urgency,
    clock_moved,
    follow_up,
    may_be_asked_for,
    preservation_moved,
    urgency,
)
from vangnet.reports.model.drafts import (
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
    Source,
    Trace,
)
from vangnet.reports.model.regimes import (
    PRESERVATION_LAWS,
    TERMS,
    EvidenceKind,
    Ground,
    checked_law,
    laws_for,
    term_by_code,
)
from vangnet.reports.rules.evidence.clocks import ClockDraft, Moment, clocks_of
from vangnet.reports.rules.evidence.preservation_letter import LetterFacts, letter

NOW = datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC)
REPORTED, CUSTOMER, ACCOUNT, HOSTED = EvidenceKind


def tip(**changes: object) -> ReportDraft:
    draft = ReportDraft(
        source=Source.CYBERTIP,
        reporter=Reporter(kind=ReporterKind.COMPANY, name="Photos Example"),
        incident=Incident.MATERIAL,
        reference="A-1",
        reported_at=NOW - timedelta(days=3),
    )
    return replace(draft, **changes)  # type: ignore[arg-type]


def only(draft: ReportDraft, kind: EvidenceKind) -> ClockDraft:
    (found,) = [clock for clock in clocks_of(draft, NOW, TERMS) if clock.kind is kind]
    return found


def test_what_a_provider_reported_to_the_us_centre_it_keeps_for_a_year() -> None:
    clock = only(tip(), REPORTED)
    assert clock.expires_at == NOW - timedelta(days=3) + timedelta(days=365)
    assert (clock.holder, clock.regime) == ("Photos Example", "us_2258a_h")


def test_a_reporters_clock_that_is_ahead_gives_no_time() -> None:
    clock = only(tip(reported_at=NOW + timedelta(days=30)), REPORTED)
    assert clock.expires_at == NOW + timedelta(days=365)


def test_only_a_cybertip_has_that_term() -> None:
    assert [clock for clock in clocks_of(tip(source=Source.XARF), NOW, TERMS) if clock.kind is REPORTED] == []


@pytest.mark.parametrize(
    ("places", "days"),
    [
        ((Place(country="NL"),), 30),
        ((Place(country="NL"), Place(country="NL", city="Utrecht")), 30),
        ((Place(country="NL"), Place(country="BE")), None),
        ((Place(country="BE"),), None),
        ((), None),
    ],
)
def test_who_had_an_address_is_known_as_long_as_the_one_country_keeps_it_else_nobody_knows(
    places: tuple[Place, ...], days: int | None
) -> None:
    at = NOW - timedelta(days=2)
    clock = only(tip(places=places, traces=(Trace(address="192.0.2.7", at=at),)), CUSTOMER)
    assert clock.expires_at == (None if days is None else at + timedelta(days=days))
    assert (clock.regime is None) == (days is None)


@pytest.mark.parametrize(
    "at", [None, datetime(1970, 1, 1, tzinfo=UTC), NOW + timedelta(days=2), datetime(9999, 1, 1, tzinfo=UTC)]
)
def test_an_address_at_no_time_that_can_be_has_a_clock_without_an_end(at: datetime | None) -> None:
    clock = only(tip(places=(Place(country="NL"),), traces=(Trace(address="192.0.2.7", at=at),)), CUSTOMER)
    assert (clock.expires_at, clock.starts_at, clock.moments) == (None, None, ())


@pytest.mark.parametrize("address", ["192.168.0.1", "nowhere", "", "127.0.0.1", "fe80::1"])
def test_an_address_that_is_the_same_everywhere_is_no_evidence(address: str) -> None:
    assert [clock.kind for clock in clocks_of(tip(traces=(Trace(address=address, at=NOW),)), NOW, TERMS)] == [REPORTED]


def test_one_address_on_one_day_is_one_clock_with_every_moment_and_port() -> None:
    day = NOW.replace(hour=1)
    traces = [Trace(address="192.0.2.7", at=day + timedelta(hours=hour), port=4000 + hour) for hour in range(3)]
    other = Trace(address="192.0.2.7", at=day - timedelta(days=1))
    found = [clock for clock in clocks_of(tip(traces=(*traces, *traces, other)), NOW, TERMS) if clock.kind is CUSTOMER]
    assert sorted(len(clock.moments) for clock in found) == [1, 3]
    assert max(found, key=lambda clock: len(clock.moments)).starts_at == day


def test_accounts_elsewhere_and_hosts_have_clocks_that_nobody_knows_the_end_of() -> None:
    def account(service: str | None) -> Identifier:
        return Identifier(kind=IdentifierKind.ACCOUNT, value="7741", service=service)

    draft = tip(
        people=(
            NamedPerson(
                role=PersonRole.REPORTED,
                identifiers=(account("Chat Example"), account("PHOTOS example"), account(None)),
            ),
        ),
        items=(
            ItemDraft(kind=ItemKind.ADDRESS, address="https://pictures.example/1"),
            ItemDraft(kind=ItemKind.ADDRESS, address="http://pictures.example/2"),
            ItemDraft(kind=ItemKind.ADDRESS, address="not an address"),
        ),
    )
    assert (only(draft, ACCOUNT).holder, only(draft, ACCOUNT).expires_at) == ("Chat Example", None)
    assert (only(draft, HOSTED).holder, only(draft, HOSTED).expires_at) == ("pictures.example", None)


_times = st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_traces = st.lists(
    st.builds(
        Trace, address=st.ip_addresses().map(str) | st.sampled_from(["192.0.2.7", "192.0.2.8"]), at=st.none() | _times
    ),
    max_size=12,
)
_places = st.lists(st.builds(Place, country=st.sampled_from(["NL", "BE", None])), max_size=2).map(tuple)


@given(traces=_traces, places=_places, data=st.data())
def test_clocks_are_the_same_whatever_order_their_traces_come_in_and_however_often(
    traces: list[Trace], places: tuple[Place, ...], data: st.DataObject
) -> None:
    one = clocks_of(tip(traces=tuple(traces), places=places), NOW, TERMS)
    shuffled = data.draw(st.permutations(traces + traces[:3]))
    assert clocks_of(tip(traces=tuple(shuffled), places=places), NOW, TERMS) == one


@given(traces=_traces, places=_places)
def test_no_clock_is_guessed_and_none_ends_before_it_begins(traces: list[Trace], places: tuple[Place, ...]) -> None:
    clocks = clocks_of(tip(traces=tuple(traces), places=places), NOW, TERMS)
    assert len({clock.key for clock in clocks}) == len(clocks)
    for clock in clocks:
        assert (clock.expires_at is None) == (clock.regime is None)
        if clock.expires_at is not None:
            assert clock.starts_at is not None
            assert clock.starts_at <= NOW
            term = term_by_code(clock.regime or "")
            assert term is not None
            assert clock.expires_at - clock.starts_at == timedelta(days=term.days)


@given(traces=_traces)
def test_without_terms_every_end_is_unknown(traces: list[Trace]) -> None:
    draft = tip(traces=tuple(traces), places=(Place(country="NL"),))
    assert {clock.expires_at for clock in clocks_of(draft, NOW, ())} == {None}


@given(at=_times, later=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)))
def test_a_clock_never_gets_less_urgent(at: datetime, later: timedelta) -> None:
    in_order = [Urgency.LATER, Urgency.SOON, Urgency.VERY_SOON, Urgency.GONE]
    expires_at = at + timedelta(days=30)
    assert in_order.index(urgency(expires_at, at)) <= in_order.index(urgency(expires_at, at + later))
    assert urgency(None, at) is Urgency.UNKNOWN


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        (timedelta(0), Urgency.GONE),
        (timedelta(hours=24), Urgency.VERY_SOON),
        (timedelta(hours=25), Urgency.SOON),
        (timedelta(days=7), Urgency.SOON),
        (timedelta(days=8), Urgency.LATER),
    ],
)
def test_a_clock_escalates(left: timedelta, shown: Urgency) -> None:
    assert urgency(NOW + left, NOW) is shown


# --- states ---


def test_every_state_has_its_steps_and_others_are_refused() -> None:
    assert set(CLOCK_STEPS) == set(ClockState)
    assert set(PRESERVATION_STEPS) == set(PreservationState)
    assert clock_moved(ClockState.RUNNING, ClockState.REQUESTED) is ClockState.REQUESTED
    with pytest.raises(InvalidTransition):
        clock_moved(ClockState.RUNNING, ClockState.SECURED)
    with pytest.raises(InvalidTransition):
        preservation_moved(PreservationState.DRAFTED, PreservationState.SECURED)


def clock(state: ClockState, regime: str | None) -> Clock:
    return Clock(
        id=1, report_id=1, kind=CUSTOMER, regime=regime, starts_at=NOW, expires_at=NOW, state=state, state_at=NOW,
        preservation_id=None, sealed=None,
    )  # fmt: skip


def test_what_an_assumption_calls_gone_can_be_asked_for_and_what_a_law_calls_gone_cannot() -> None:
    assert may_be_asked_for(clock(ClockState.EXPIRED, "nl_access"), term_by_code("nl_access"))
    assert not may_be_asked_for(clock(ClockState.EXPIRED, "us_2258a_h"), term_by_code("us_2258a_h"))
    assert may_be_asked_for(clock(ClockState.RUNNING, None), None)
    assert not may_be_asked_for(clock(ClockState.SECURED, None), None)


def request(state: PreservationState, **changes: object) -> Preservation:
    made = Preservation(
        id=12, report_id=1, party_id=None, law="nl_126ni", language=Language.NL, state=state, state_at=NOW, drafted_at=NOW,
        drafted_by="person:1", sent_at=NOW, sent_how=None, secured_until=None, renewals=0, letter=None,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "renewals_left", "wanted"),
    [
        (request(PreservationState.DRAFTED), True, FollowUp.SEND),
        (request(PreservationState.SENT), True, FollowUp.NOTHING),
        (request(PreservationState.SENT, sent_at=NOW - timedelta(days=7)), True, FollowUp.ASK_AGAIN),
        (request(PreservationState.SECURED, secured_until=NOW + timedelta(days=15)), True, FollowUp.NOTHING),
        (request(PreservationState.SECURED, secured_until=NOW + timedelta(days=14)), True, FollowUp.RENEW),
        (request(PreservationState.SECURED, secured_until=NOW + timedelta(days=14)), False, FollowUp.ENDS),
        (request(PreservationState.REFUSED), True, FollowUp.NOTHING),
    ],
)
def test_what_is_to_be_done_about_a_request_is_said(made: Preservation, renewals_left: bool, wanted: FollowUp) -> None:
    assert follow_up(made, renewals_left=renewals_left, now=NOW) is wanted


# --- terms and letters ---


def test_each_term_names_its_source_and_whether_it_is_a_law() -> None:
    assert {term.code: term.ground for term in TERMS} == {"us_2258a_h": Ground.LAW, "nl_access": Ground.ASSUMPTION}
    assert all(len(term.source) > 20 and term.days > 0 for term in TERMS)
    assert all(len(law.source) > 20 and law.days > 0 for law in PRESERVATION_LAWS.values())
    assert len({term.code for term in TERMS}) == len(TERMS)


def test_a_hotline_cannot_order_anybody_to_keep_anything() -> None:
    assert [law.code for law in laws_for(InstallationKind.HOTLINE)] == ["voluntary"]
    assert checked_law("nl_126ni", InstallationKind.POLICE).days == 90
    for code, kind in (("nl_126ni", InstallationKind.HOTLINE), ("made_up", InstallationKind.POLICE)):
        with pytest.raises(InvalidInput):
            checked_law(code, kind)


@pytest.mark.parametrize(
    ("language", "renews", "says"),
    [
        (Language.NL, False, ["gedurende 90 dagen", "poort 4711", "article 126ni", "B-12", "21-11-2026"]),
        (Language.EN, False, ["for 90 days", "port 4711", "article 126ni", "B-12", "21 November 2026"]),
        (Language.NL, True, ["langer te bewaren", "tot 01-12-2026"]),
        (Language.EN, True, ["until 01 December 2026"]),
    ],
)
def test_a_letter_says_what_is_to_be_kept_by_which_law_and_nothing_of_the_report(
    language: Language, renews: bool, says: list[str]
) -> None:
    asked = ClockDraft(kind=CUSTOMER, holder=None, about="192.0.2.7", moments=(Moment(at=NOW, port=4711),), starts_at=NOW)
    facts = LetterFacts(
        sender="Team Noorderlicht", recipient="Host Example", number="B-12", law=PRESERVATION_LAWS["nl_126ni"],
        clocks=[asked], on=NOW.date(), renews=datetime(2026, 12, 1, tzinfo=UTC).date() if renews else None,
    )  # fmt: skip
    text = letter(facts, language)
    for words in ["Team Noorderlicht", "Host Example", "192.0.2.7", "2026-11-21 13:02:07 UTC", *says]:
        assert words in text
    assert "{" not in text


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", list(EvidenceKind))
def test_each_kind_of_evidence_has_its_words(language: Language, kind: EvidenceKind) -> None:
    facts = LetterFacts(
        sender="A", recipient="B", number="B-1", law=PRESERVATION_LAWS["voluntary"],
        clocks=[ClockDraft(kind=kind, holder="B", about="thing-7")], on=NOW.date(),
    )  # fmt: skip
    text = letter(facts, language)
    assert "thing-7" in text
    assert "{" not in text
