"""NCMEC's hash sharing, version 2: the lists of the US centre and of the companies that report to it.

A pass asks for a window of time and follows `next` to its end. Entries do not come in the order of time: only a whole pass
says that everything up to its end was seen. Feedback says of an entry's hash whether we agree with it.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, urlencode

from lxml import etree
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vangnet.partners.endpoint import Endpoint
from vangnet.registry.formats import reading
from vangnet.registry.formats.reading import Refused, Row, Skipped, Taken, Withdrawn
from vangnet.registry.model.entries import (
    CATEGORY_MAX,
    REFERENCE_MAX,
    Category,
    EntryDraft,
    HashAlgorithm,
    ListedHash,
    MediaKind,
)

SCHEME = "ncmec"
#: The category of an entry that its member did not classify.
UNCLASSIFIED = "unclassified"
NAMESPACE = "https://hashsharing.ncmec.org/hashsharing/v2"
_VERSION = "/v2"
_TIME = "%Y-%m-%dT%H:%M:%S.000Z"
_NEXT_MAX = 2000
#: Entries of each kind, and whether they take one back.
_ENTRIES = {
    "image": (MediaKind.IMAGE, False),
    "video": (MediaKind.VIDEO, False),
    "deletedImage": (MediaKind.IMAGE, True),
    "deletedVideo": (MediaKind.VIDEO, True),
}
TYPES = {
    "MD5": HashAlgorithm.MD5,
    "SHA1": HashAlgorithm.SHA1,
    "PDNA": HashAlgorithm.PHOTODNA,
    "PDQ": HashAlgorithm.PDQ,
    "NETCLEAN": HashAlgorithm.NETCLEAN,
    "VIDENTIFIER": HashAlgorithm.VIDENTIFIER,
    "TMK_PDQF": HashAlgorithm.TMK_PDQF,
    "SSVH_PDNA": HashAlgorithm.SSVH_PDNA,
    "SSVH_SAFER_HASH": HashAlgorithm.SSVH_SAFER_HASH,
}
_TYPE_OF = {algorithm: name for name, algorithm in TYPES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A company or organisation that takes part."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a pass is: its window, and the address of its next page; None at its beginning."""

    since: datetime
    until: datetime
    next: str | None = None

    def written(self) -> str:
        """As it is kept."""
        return json.dumps({"since": self.since.isoformat(), "until": self.until.isoformat(), "next": self.next})

    @classmethod
    def read(cls, text: str) -> "Place":
        """What `written` wrote."""
        found = json.loads(text)
        return cls(
            since=datetime.fromisoformat(found["since"]), until=datetime.fromisoformat(found["until"]), next=found["next"]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of entries as rows; `then` is where to go on, None at the end of the pass."""

    rows: Sequence[Row]
    then: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A reason that NCMEC offers for disagreeing with a hash of a kind."""

    id: str
    name: str


class _Fingerprint(BaseModel):
    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    type: str = Field(min_length=1, max_length=64)
    text: str = Field(min_length=1, repr=False)


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    member: str = Field(pattern="^[0-9]{1,18}$")
    id: str = Field(min_length=1, max_length=150)
    classification: str | None
    fingerprints: list[_Fingerprint]


def credentials(*, username: str, password: str) -> dict[str, str]:
    """The headers that show who we are."""
    shown = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"authorization": f"Basic {shown}", "accept": "application/xml"}


def fetch_status(endpoint: Endpoint) -> Member:
    """Who NCMEC takes us for. Raises PartnerUnreachable, PartnerRefused."""
    found = _document(endpoint, endpoint.ask(f"{_VERSION}/status"), "status")
    for child in found:
        if _tag(child) == "member":
            return _member(endpoint, child)
    raise endpoint.refused("its status names no member")


def fetch_members(endpoint: Endpoint) -> list[Member]:
    """Everybody who takes part. Raises PartnerUnreachable, PartnerRefused."""
    found = _document(endpoint, endpoint.ask(f"{_VERSION}/members"), "members")
    return [_member(endpoint, child) for child in found if _tag(child) == "member"]


def fetch_page(endpoint: Endpoint, place: Place, *, after: int) -> Page:
    """The page at `place`; its rows are counted from `after` on. Raises PartnerUnreachable, PartnerRefused.

    A page whose `next` does not lead on is refused: it would be asked for without end.
    """
    path = place.next
    if path is None:
        window = {"from": place.since.astimezone(UTC).strftime(_TIME), "to": place.until.astimezone(UTC).strftime(_TIME)}
        path = f"{_VERSION}/entries?{urlencode(window)}"
    found = _document(endpoint, endpoint.ask(path), "queryResult")
    elements = [
        each for group in found if _tag(group) in {"images", "videos"} for each in group if isinstance(each.tag, str)
    ]
    following = _next(endpoint, found)
    if following is not None:
        _require_onward(endpoint, place.next, following)
    return Page(
        rows=[_row(position, element) for position, element in enumerate(elements, after + 1)],
        then=None if following is None else Place(since=place.since, until=place.until, next=following),
    )


def fetch_reasons(endpoint: Endpoint, fingerprint_type: str) -> list[Reason]:
    """Why one can disagree with a hash of that kind. Raises PartnerUnreachable, PartnerRefused."""
    found = _document(endpoint, endpoint.ask(f"{_VERSION}/feedback/{quote(fingerprint_type)}/reasons"), None)
    return [
        Reason(id=each.get("guid", ""), name=each.get("name", ""))
        for each in found.iter()
        if isinstance(each.tag, str) and _tag(each) in {"reason", "availableReason"} and each.get("guid")
    ]


def send_feedback(endpoint: Endpoint, *, reference: str, fingerprint_type: str, reason_id: str | None) -> None:
    """Says that we agree with the hash of an entry or, with a reason, that we do not. Sending it twice is one opinion.

    `reference` is that of the row. Raises PartnerUnreachable, PartnerRefused.
    """
    member, _, entry = reference.partition("/")
    root = etree.Element(f"{{{NAMESPACE}}}feedbackSubmission", nsmap={None: NAMESPACE})
    if reason_id is None:
        etree.SubElement(root, f"{{{NAMESPACE}}}affirmative")
    else:
        negative = etree.SubElement(root, f"{{{NAMESPACE}}}negative")
        reasons = etree.SubElement(negative, f"{{{NAMESPACE}}}reasonIds")
        etree.SubElement(reasons, f"{{{NAMESPACE}}}guid").text = reason_id
    path = f"{_VERSION}/entries/{quote(member, safe='')}/{quote(entry, safe='')}/{quote(fingerprint_type)}/feedback"
    endpoint.send("PUT", path, etree.tostring(root), media_type="application/xml; charset=utf-8")


def type_of(algorithm: HashAlgorithm) -> str | None:
    """What NCMEC calls a kind of hash; None for one that it does not exchange."""
    return _TYPE_OF.get(algorithm)


# --- XML ---


def _document(endpoint: Endpoint, body: bytes, root_tag: str | None) -> etree._Element:
    # Entities, networks and endless depth are off: what a third party sends is read as if an enemy had written it.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise endpoint.refused("its answer is no XML, or broke off") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise endpoint.refused("its answer defines a document type, which none of its kind has")
    if root_tag is not None and _tag(root) != root_tag:
        raise endpoint.refused(f"its answer is no `{root_tag}`")
    return root


def _tag(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _children(element: etree._Element) -> Iterator[tuple[str, etree._Element]]:
    for child in element:
        if isinstance(child.tag, str):
            yield _tag(child), child


def _member(endpoint: Endpoint, element: etree._Element) -> Member:
    id_, name = element.get("id"), (element.text or "").strip()
    if not id_ or not id_.isdigit() or not name or len(name) > REFERENCE_MAX or not name.isprintable():
        raise endpoint.refused("it names a member without a number or a name")
    return Member(id=id_, name=name)


def _next(endpoint: Endpoint, root: etree._Element) -> str | None:
    for tag, paging in _children(root):
        if tag == "paging":
            for inner, child in _children(paging):
                text = (child.text or "").strip() if inner == "next" else ""
                if text:
                    # Some answers have it escaped once more than XML does.
                    return _checked_next(endpoint, text.replace("&amp;", "&"))
    return None


def _checked_next(endpoint: Endpoint, text: str) -> str:
    if not text.startswith(f"{_VERSION}/entries?") or len(text) > _NEXT_MAX or not text.isascii() or not text.isprintable():
        raise endpoint.refused("its next page is not one of its entries")
    return text


def _require_onward(endpoint: Endpoint, current: str | None, following: str) -> None:
    before, after = (-1 if current is None else _start(current)), _start(following)
    if current == following or (before is not None and after is not None and after <= before):
        raise endpoint.refused("its pages go round: the next is not behind this one")


def _start(path: str) -> int | None:
    [text] = parse_qs(path.partition("?")[2]).get("start", [""])[:1]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


# --- entries ---


def _row(position: int, element: etree._Element) -> Row:
    try:
        known = _ENTRIES.get(_tag(element))
        if known is None:
            raise Refused("entry", f"must be one of {', '.join(_ENTRIES)}")
        kind, deleted = known
        entry = _entry(element)
        reference = reading.line(f"{entry.member}/{entry.id}", field="id")
        if deleted:
            return Withdrawn(position=position, reference=reference)
        return Taken(position=position, draft=_draft(entry, kind, reference))
    except Refused as problem:
        return Skipped(position=position, field=problem.field, problem=problem.problem)


def _entry(element: etree._Element) -> _Entry:
    found: dict[str, etree._Element] = {}
    for tag, child in _children(element):
        if found.setdefault(tag, child) is not child:
            raise Refused(tag if tag.isidentifier() else "entry", "stands twice in the entry")
    fingerprints = found.get("fingerprints")
    listed = (
        [] if fingerprints is None else [(tag, "".join((each.text or "").split())) for tag, each in _children(fingerprints)]
    )
    member = found.get("member")
    try:
        return _Entry(
            member="" if member is None else member.get("id", ""),
            id=_text(found.get("id")) or "",
            classification=_text(found.get("classification")),
            fingerprints=[_Fingerprint(type=tag, text=text) for tag, text in listed if text],
        )
    except ValidationError as error:
        field = error.errors()[0]["loc"][0]
        raise Refused(str(field), "is missing, or is not what it must be") from None


def _text(element: etree._Element | None) -> str | None:
    return None if element is None else (element.text or "").strip() or None


def _draft(entry: _Entry, kind: MediaKind, reference: str) -> EntryDraft:
    return EntryDraft(
        media_kind=kind,
        hashes=reading.required([_listed(each) for each in entry.fingerprints]),
        category=Category(
            scheme=SCHEME,
            name=reading.line(entry.classification or UNCLASSIFIED, field="classification", most=CATEGORY_MAX),
        ),
        reference=reference,
        note=None,
    )


def _listed(fingerprint: _Fingerprint) -> ListedHash:
    algorithm = TYPES.get(fingerprint.type.upper())
    field = fingerprint.type if algorithm is not None else "fingerprints"
    if algorithm is None:
        return reading.other(fingerprint.type, fingerprint.text, field=field)
    if algorithm is HashAlgorithm.PDQ:
        return reading.pdq(fingerprint.text, convention="", quality="", field=field)
    return reading.listed(algorithm, fingerprint.text, field=field)
