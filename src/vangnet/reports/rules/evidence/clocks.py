"""Which evidence a report points to that somebody else has, and when it will be gone. Pure.

For each network address with its time, each service that an account is at and each host that an address leads to there is
one clock. When it runs out is known only where a term is (`regimes`): for everything else the clock is there, without an
end, and is shown as unknown. A country is taken from the report only where it names exactly one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from vangnet.reports.model.drafts import IdentifierKind, ItemKind, ReportDraft, ReporterKind, Source, Trace
from vangnet.reports.model.normal_forms import network_form, web_form
from vangnet.reports.model.regimes import EvidenceKind, Term, find_term
from vangnet.reports.rules.triage.fact_finding import traces_of

#: A reporter's clock may be wrong by so much: what happened later than that after the report came in is no time.
_SKEW = timedelta(days=1)
#: No network address was given out to anybody before this: what is older is no time.
_FIRST_YEAR = 1990
#: What a letter can name of one address on one day.
_MOMENTS_MAX = 200
_AT_A_SERVICE = frozenset({IdentifierKind.ACCOUNT, IdentifierKind.SCREEN_NAME, IdentifierKind.PROFILE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When an address was seen, and from which port: behind one address there can be many customers."""

    at: datetime
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockDraft:
    """Evidence that somebody else has."""

    kind: EvidenceKind
    #: Who has it; None where only the kind of holder is known, such as the access provider of an address.
    holder: str | None = field(repr=False)
    #: What it is about: an address, an account, a host, the reporter's number of the report.
    about: str = field(repr=False)
    country: str | None = None
    moments: tuple[Moment, ...] = field(default=(), repr=False)
    starts_at: datetime | None = None
    #: By which term it ends; None where nobody knows.
    regime: str | None = None
    expires_at: datetime | None = None

    @property
    def key(self) -> str:
        """By what the same evidence is known when the report comes again."""
        day = "" if self.starts_at is None else self.starts_at.date().isoformat()
        return "\0".join((self.kind, self.holder or "", self.about, day if self.kind is EvidenceKind.CUSTOMER else ""))

    @property
    def holder_key(self) -> str:
        """By what all that one holder has is found. Who gave out an address is not known, so each address is its own."""
        return "\0".join((self.kind, self.holder or self.about))


def clocks_of(draft: ReportDraft, received_at: datetime, terms: Sequence[Term]) -> list[ClockDraft]:
    """The clocks of a report, each once, those that end first before those that end later, and the unknown last."""
    found = {clock.key: clock for clock in _all(draft, received_at, terms)}
    last = received_at + timedelta(days=365_000)
    return [clock for _, clock in sorted(found.items(), key=lambda pair: (pair[1].expires_at or last, pair[0]))]


def _all(draft: ReportDraft, received_at: datetime, terms: Sequence[Term]) -> Iterator[ClockDraft]:
    yield from _reported(draft, received_at, terms)
    yield from _customers(draft, received_at, terms)
    yield from _accounts(draft, terms)
    yield from _hosts(draft, terms)


def _reported(draft: ReportDraft, received_at: datetime, terms: Sequence[Term]) -> Iterator[ClockDraft]:
    """What a provider keeps of what it reported to the US centre: the term is American law, whoever the provider is."""
    if draft.source is not Source.CYBERTIP or draft.reporter.kind is not ReporterKind.COMPANY or not draft.reporter.name:
        return
    at = draft.reported_at
    # A clock of theirs that is ahead of ours would give us time that we do not have.
    submitted = at if at is not None and at <= received_at else received_at
    clock = ClockDraft(
        kind=EvidenceKind.REPORTED, holder=draft.reporter.name, about=draft.reference or "", country="US",
        starts_at=submitted,
    )  # fmt: skip
    yield _ending(clock, find_term(terms, clock.kind, "US"))


def _customers(draft: ReportDraft, received_at: datetime, terms: Sequence[Term]) -> Iterator[ClockDraft]:
    """Who had an address: one clock for each address and day."""
    country = _only_country(draft)
    days: dict[tuple[str, str], list[Moment]] = {}
    timeless: set[str] = set()
    for trace in traces_of(draft):
        found = network_form(trace.address)
        if found is None:
            continue
        moment, address = _moment(trace, received_at), str(found)
        if moment is None:
            timeless.add(address)
        else:
            days.setdefault((address, moment.at.date().isoformat()), []).append(moment)
    for (address, _), moments in days.items():
        in_order = sorted(set(moments), key=lambda one: (one.at, one.port or 0))
        clock = ClockDraft(
            kind=EvidenceKind.CUSTOMER, holder=None, about=address, country=country,
            moments=tuple(in_order[:_MOMENTS_MAX]), starts_at=in_order[0].at,
        )  # fmt: skip
        yield _ending(clock, find_term(terms, clock.kind, country))
    for address in timeless - {address for address, _ in days}:
        yield ClockDraft(kind=EvidenceKind.CUSTOMER, holder=None, about=address, country=country)


def _accounts(draft: ReportDraft, terms: Sequence[Term]) -> Iterator[ClockDraft]:
    """Accounts at services other than the one that reports: of that one, what it reported is a clock already."""
    ours = (draft.reporter.name or "").casefold()
    for person in draft.people:
        for one in person.identifiers:
            service = (one.service or "").strip()
            if one.kind in _AT_A_SERVICE and service and service.casefold() != ours:
                clock = ClockDraft(kind=EvidenceKind.ACCOUNT, holder=service, about=one.value)
                yield _ending(clock, find_term(terms, clock.kind, None))


def _hosts(draft: ReportDraft, terms: Sequence[Term]) -> Iterator[ClockDraft]:
    """Whoever hosts what the report's addresses lead to."""
    for host in _host_names(item.address for item in draft.items if item.kind is ItemKind.ADDRESS):
        clock = ClockDraft(kind=EvidenceKind.HOSTED, holder=host, about=host)
        yield _ending(clock, find_term(terms, clock.kind, None))


def _host_names(addresses: Iterable[str | None]) -> list[str]:
    forms = (web_form(address) for address in addresses if address)
    return sorted({form.host for form in forms if form is not None})


def _only_country(draft: ReportDraft) -> str | None:
    countries = {place.country for place in draft.places if place.country}
    return countries.pop() if len(countries) == 1 else None


def _moment(trace: Trace, received_at: datetime) -> Moment | None:
    at = trace.at
    if at is None or at.year < _FIRST_YEAR or at > received_at + _SKEW:
        return None
    return Moment(at=min(at, received_at), port=trace.port)


def _ending(clock: ClockDraft, term: Term | None) -> ClockDraft:
    """The clock with its end, where both the term and the time that it begins are known."""
    if term is None or clock.starts_at is None:
        return clock
    return replace(clock, regime=term.code, expires_at=clock.starts_at + timedelta(days=term.days))
