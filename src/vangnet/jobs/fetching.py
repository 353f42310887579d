"""Third parties' ways of sharing hashes, brought under one: a page, the place behind it, where the next pass begins.

Places are texts that only this module reads: they are kept with the batch and the source.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vangnet.errors import PartnerRefused
from vangnet.partners import ncmec_hashes, stopncii
from vangnet.partners.endpoint import Endpoint
from vangnet.partners.transport import Transport
from vangnet.registry.formats.reading import Packed, Row, Skipped, Taken, Withdrawn
from vangnet.registry.model.sources import DueFeedback, Fetch, Source, SourceKind

#: A pass begins a little before the last one ended: what was written there meanwhile may bear an earlier time.
OVERLAP = timedelta(hours=1)
#: The first pass asks from here on; nobody shared hashes before.
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A page. `then` is the place behind it, None at the end of the pass; the next pass begins at `next_pass`."""

    rows: Sequence[Row]
    then: str | None
    next_pass: str


def first_place(source: Source, *, now: datetime) -> str:
    """Where a new pass begins."""
    match source.kind:
        case SourceKind.NCMEC:
            since = _BEGINNING if source.place is None else datetime.fromisoformat(source.place)
            return ncmec_hashes.Place(since=since, until=now).written()
        case SourceKind.STOPNCII:
            return stopncii.Place(since=0 if source.place is None else int(source.place)).written()


def fetch_page(transport: Transport, fetch: Fetch, place: str, *, after: int, name: Callable[[bytes], str]) -> Fetched:
    """The page at `place`, its rows counted from `after` on; `name` is for records that have no name of their own.

    Raises PartnerUnreachable, PartnerRefused, InvalidInput for an address that may not be used.
    """
    match fetch.source.kind:
        case SourceKind.NCMEC:
            at = ncmec_hashes.Place.read(place)
            page = ncmec_hashes.fetch_page(_endpoint(transport, fetch.source, _ncmec(fetch.credentials)), at, after=after)
            then = None if page.then is None else page.then.written()
            return Fetched(rows=last_words(page.rows), then=then, next_pass=(at.until - OVERLAP).isoformat())
        case SourceKind.STOPNCII:
            headers = stopncii.credentials(
                subscription_key=fetch.credentials["subscription_key"], function_key=fetch.credentials["fetch_key"]
            )
            endpoint = _endpoint(transport, fetch.source, headers)
            found = stopncii.fetch_page(endpoint, stopncii.Place.read(place), after=after, name=name)
            then = None if found.then is None else found.then.written()
            return Fetched(rows=last_words(found.rows), then=then, next_pass=str(found.since))


def last_words(rows: Sequence[Row]) -> list[Row]:
    """The rows of a page, of which only the last one on each entry counts.

    A page is taken as one: an entry that it lists and takes back further on must not stay listed.
    """
    last: dict[str, int] = {}
    for row in rows:
        if (reference := _reference(row)) is not None:
            last[reference] = row.position
    return [
        row
        if (reference := _reference(row)) is None or last[reference] == row.position
        else Skipped(position=row.position, field="reference", problem="stands on the same page again, and the last counts")
        for row in rows
    ]


def send_feedback(transport: Transport, due: DueFeedback) -> None:
    """Tells whom an entry came from what we think of it. Raises PartnerUnreachable, PartnerRefused, InvalidInput."""
    match due.source.kind:
        case SourceKind.NCMEC:
            _to_ncmec(_endpoint(transport, due.source, _ncmec(due.credentials)), due)
        case SourceKind.STOPNCII:
            headers = stopncii.credentials(
                subscription_key=due.credentials["subscription_key"], function_key=due.credentials["feedback_key"]
            )
            hash_ = stopncii.exchanged(due.hashes)
            if hash_ is None:
                raise PartnerRefused(partner=due.source.partner, problem="it exchanges none of the entry's hashes")
            opinion = stopncii.Opinion.BLOCKED if due.feedback.agrees else stopncii.Opinion.NOT_BLOCKED
            stopncii.send_feedback(_endpoint(transport, due.source, headers), hash_=hash_, opinion=opinion)


def _to_ncmec(endpoint: Endpoint, due: DueFeedback) -> None:
    types = [found for hash_ in due.hashes if (found := ncmec_hashes.type_of(hash_.algorithm)) is not None]
    if not types:
        raise endpoint.refused("it exchanges none of the entry's hashes")
    for fingerprint_type in types:
        reason_id = None if due.feedback.agrees else _reason_id(endpoint, fingerprint_type, due.feedback.reason or "")
        ncmec_hashes.send_feedback(
            endpoint, reference=due.reference, fingerprint_type=fingerprint_type, reason_id=reason_id
        )


def _reason_id(endpoint: Endpoint, fingerprint_type: str, name: str) -> str:
    for reason in ncmec_hashes.fetch_reasons(endpoint, fingerprint_type):
        if name.casefold() in {reason.id.casefold(), reason.name.casefold()}:
            return reason.id
    raise endpoint.refused("the reason is none of those that it offers")


def _ncmec(credentials: Mapping[str, str]) -> dict[str, str]:
    return ncmec_hashes.credentials(username=credentials["username"], password=credentials["password"])


def _endpoint(transport: Transport, source: Source, headers: dict[str, str]) -> Endpoint:
    return Endpoint(transport=transport, base_url=source.base_url, partner=source.partner, headers=headers)


def _reference(row: Row) -> str | None:
    match row:
        case Taken():
            return row.draft.reference
        case Packed() | Withdrawn():
            return row.reference
        case Skipped():
            return None
