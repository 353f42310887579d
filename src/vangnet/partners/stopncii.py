"""StopNCII, version 1: hashes of intimate pictures that the people in them do not want to be spread.

What counts is `hashStatus`: a hash that is withdrawn or deleted says so there and nowhere else. A record is the present
state of its hash, so that reading the same twice changes nothing. We fetch and answer; we submit no hashes.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from vangnet.partners.endpoint import Endpoint
from vangnet.registry.formats import reading
from vangnet.registry.formats.reading import Refused, Row, Skipped, Taken, Withdrawn
from vangnet.registry.model.entries import Category, EntryDraft, HashAlgorithm, ListedHash, MediaKind

SCHEME = "stopncii"
#: StopNCII has one category, and does not name it.
CATEGORY = Category(scheme=SCHEME, name="ncii")
PAGE = 800
_TOKEN_MAX = 4000
_TYPES = {
    "ImagePDQ": (HashAlgorithm.PDQ, MediaKind.IMAGE),
    "VideoMD5": (HashAlgorithm.MD5, MediaKind.VIDEO),
    "VideoTMK": (HashAlgorithm.TMK_PDQF, MediaKind.VIDEO),
}
_STANDS = frozenset({"Received", "Active"})
_GONE = frozenset({"Withdrawn", "Deleted"})


class Opinion(StrEnum):
    BLOCKED = "Blocked"  #: A match was looked at, and is what the list says.
    NOT_BLOCKED = "NotBlocked"  #: A match was looked at, and is not.


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a pass is: since when it asks, and the token of its next page; None at its beginning."""

    since: int
    token: str | None = None

    def written(self) -> str:
        """As it is kept."""
        return json.dumps({"since": self.since, "token": self.token})

    @classmethod
    def read(cls, text: str) -> "Place":
        """What `written` wrote."""
        found = json.loads(text)
        return cls(since=found["since"], token=found["token"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of records as rows; `then` is where to go on, None at the end, where `since` begins the next pass."""

    rows: Sequence[Row]
    then: Place | None
    since: int


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True, alias_generator=to_camel)


class _Answer(_Wire):
    #: Read one by one: a record that is malformed spoils itself only.
    hash_records: list[Any]
    next_page_token: str | None = None
    next_set_timestamp: int = Field(ge=0, lt=2**53)
    has_more_records: bool


class _Record(_Wire):
    #: What they call a signal is a hash here.
    kind: str = Field(alias="signalType")
    hash_value: str = Field(repr=False)
    hash_status: str


def credentials(*, subscription_key: str, function_key: str) -> dict[str, str]:
    """The headers that show who we are; each function has a key of its own."""
    return {"ocp-apim-subscription-key": subscription_key, "x-functions-key": function_key}


def fetch_page(endpoint: Endpoint, place: Place, *, after: int, name: Callable[[bytes], str]) -> Page:
    """The page at `place`; its rows are counted from `after` on. Raises PartnerUnreachable, PartnerRefused.

    Records have no name but their hash. `name` makes one of it that tells nothing of it: it is kept in clear.
    """
    query = {"startTimestamp": place.since, "pageSize": PAGE} | ({"nextPageToken": place.token} if place.token else {})
    try:
        answer = _Answer.model_validate_json(endpoint.ask(f"/FetchHashes?{urlencode(query)}"))
    except ValidationError as error:
        raise endpoint.refused("its answer is no page of records, or broke off") from error
    then = None
    if answer.has_more_records:
        token = answer.next_page_token
        if not token or len(token) > _TOKEN_MAX:
            raise endpoint.refused("it has more records and does not say where")
        if token == place.token:
            raise endpoint.refused("its pages go round: the next is this one")
        then = Place(since=place.since, token=token)
    return Page(
        rows=[_row(position, record, name) for position, record in enumerate(answer.hash_records, after + 1)],
        then=then,
        # Never back: what was seen need not be fetched again.
        since=max(place.since, answer.next_set_timestamp),
    )


def send_feedback(endpoint: Endpoint, *, hash_: ListedHash, opinion: Opinion) -> None:
    """Says whether a hash is what the list says. Sending it twice is one opinion.

    Raises PartnerUnreachable, PartnerRefused.
    """
    value = hash_.value.hex() if hash_.algorithm is not HashAlgorithm.TMK_PDQF else hash_.value.decode("ascii")
    feedback: dict[str, object] = {"hashValue": value, "feedbackValue": opinion.value, "tags": []}
    body = json.dumps({"count": 1, "hashFeedbacks": [feedback]}).encode()
    endpoint.send("POST", "/SubmitFeedback", body, media_type="application/json")


def exchanged(hashes: Sequence[ListedHash]) -> ListedHash | None:
    """The hash of an entry that StopNCII knows; None where it exchanges none of them."""
    known = {algorithm for algorithm, _ in _TYPES.values()}
    return next((hash_ for hash_ in hashes if hash_.algorithm in known), None)


def _row(position: int, found: Any, name: Callable[[bytes], str]) -> Row:
    try:
        record = _record(found)
        known = _TYPES.get(record.kind)
        if known is None:
            raise Refused("signalType", f"must be one of {', '.join(_TYPES)}")
        algorithm, kind = known
        if algorithm is HashAlgorithm.PDQ:
            listed = reading.pdq(record.hash_value.strip(), convention="", quality="", field="hashValue")
        else:
            listed = reading.listed(algorithm, record.hash_value.strip(), field="hashValue")
        reference = name(algorithm.value.encode() + b"\0" + listed.value)
        if record.hash_status in _GONE:
            return Withdrawn(position=position, reference=reference)
        if record.hash_status not in _STANDS:
            raise Refused("hashStatus", f"must be one of {', '.join(sorted(_STANDS | _GONE))}")
        draft = EntryDraft(media_kind=kind, hashes=(listed,), category=CATEGORY, reference=reference, note=None)
        return Taken(position=position, draft=draft)
    except Refused as problem:
        return Skipped(position=position, field=problem.field, problem=problem.problem)


def _record(found: Any) -> _Record:
    try:
        return _Record.model_validate(found)
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        raise Refused(str(place[0]) if place else "record", "is missing, or is not what it must be") from None
