"""By what a report can be known to belong with another: the values that it holds, each as a key that can be compared. Pure.

Names and dates of birth are no features: too many people share them. What is known of a value from elsewhere (that it is on
a list, that thousands share the address) does not take it away, but is kept as a doubt: such a value is shown as a link and
joins nothing.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from vangnet.reports.model.drafts import (
    Identifier,
    IdentifierKind,
    ItemDraft,
    NamedPerson,
    PersonRole,
    ReportDraft,
    ReporterKind,
    Trace,
)
from vangnet.reports.model.normal_forms import (
    CARRIER_NETWORK,
    CUSTOMER_BITS,
    Network,
    customer_network,
    mail_form,
    network_form,
    payment_form,
    phone_form,
    text_form,
    web_form,
)
from vangnet.reports.rules.linking.clustering import Placed

#: Times that are nearer each other than this are kept as one period.
PERIOD_GAP = timedelta(hours=1)
#: Longer values are compared by their digest.
KEY_BYTES_MAX = 200


class FeatureKind(StrEnum):
    """What two reports can share, that which proves most first."""

    ACCOUNT = "account"  #: An account at a service.
    EMAIL = "email"  #: A mail address.
    PHONE = "phone"  #: A telephone number.
    DEVICE = "device"  #: A device's number.
    PAYMENT = "payment"  #: An account or wallet that money went through.
    PROFILE = "profile"  #: The address of a profile page.
    FILE = "file"  #: The same bytes, by a digest.
    PAGE = "page"  #: An address on the web.
    PICTURE = "picture"  #: Pictures that look alike, of one cluster.
    ADDRESS = "address"  #: An address on the network, at nearly the same time.
    NETWORK = "network"  #: One customer's part of an IPv6 address, at nearly the same time.
    SCREEN_NAME = "screen_name"  #: A name shown at a service.
    HOST = "host"  #: A host on the web.


class Doubt(StrEnum):
    """Why a value that two reports share is no reason to join them."""

    KIND = "kind"  #: Values of this kind are many people's: a shown name, a host.
    COMMON = "common"  #: More reports share the value than such a value joins.
    LISTED = "listed"  #: The file is on a list already: what is known goes from hand to hand.
    COLLECTION = "collection"  #: One of the reports holds so many files that the few shared ones say little.
    PLAIN = "plain"  #: The picture shows too little for its hash to say anything.
    SUPPLEMENTAL = "supplemental"  #: The file is not what was reported, but was sent along.
    PROXY = "proxy"  #: Somebody else is behind the address, the reporter thinks.
    CARRIER = "carrier"  #: Many customers share the address at once.
    APART = "apart"  #: The address was seen, but at times too far apart.
    UNTIMED = "untimed"  #: The address was seen, nobody knows when.
    UNVERIFIED = "unverified"  #: The service did not make sure of it: anybody could have given it.
    NO_SERVICE = "no_service"  #: It is not known at which service.
    NO_COUNTRY = "no_country"  #: A telephone number without its country.
    DISMISSED = "dismissed"  #: A person said that this value says nothing.


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when something was seen, never longer than PERIOD_GAP without being seen."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A value of a report, as it is compared."""

    kind: FeatureKind
    #: A store keeps a code of it instead, which is as good for comparing.
    key: bytes = field(repr=False)
    #: By what it is compared: `sha256`, `md5`, `pdq`, `ipv4`; empty for written values.
    by: str = ""
    #: When it was seen, in order; for addresses on the network.
    seen: tuple[Period, ...] = ()
    doubts: frozenset[Doubt] = frozenset()
    #: What those have to do with it whose value it is.
    roles: frozenset[PersonRole] = frozenset()
    #: How many such values the report has: of the kind, and for files by the same digest.
    among: int = 1
    #: The picture's own hash: of several in a cluster, the one nearest its leader.
    hash: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known from elsewhere of the values of a report."""

    #: Digests and hashes that an active list holds.
    listed: frozenset[bytes] = frozenset()
    #: Perceptual hashes of a quality that is not trusted, or near a picture that shows nothing.
    plain: frozenset[bytes] = frozenset()
    #: By true PDQ hash, where the picture was placed. A hash that is missing makes no link.
    clusters: Mapping[bytes, Placed] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    #: Networks behind each address of which are many customers at once.
    carriers: Sequence[Network] = (CARRIER_NETWORK,)


NOTHING_KNOWN = Known()

#: Lengths tell digests apart; these are of no bytes at all.
_DIGESTS: Mapping[str, int] = MappingProxyType({"md5": 16, "sha1": 20, "sha256": 32})
_BY: Mapping[FeatureKind, Mapping[int, str]] = MappingProxyType(
    {
        FeatureKind.FILE: MappingProxyType({length: name for name, length in _DIGESTS.items()}),
        FeatureKind.PICTURE: MappingProxyType({8: "pdq"}),
        FeatureKind.ADDRESS: MappingProxyType({4: "ipv4", 16: "ipv6"}),
        FeatureKind.NETWORK: MappingProxyType({CUSTOMER_BITS // 8: f"ipv6/{CUSTOMER_BITS}"}),
    }
)
_OF_NOTHING = frozenset(hashlib.new(name, usedforsecurity=False).digest() for name in _DIGESTS)
#: These hold of the value, wherever it stands; the others only if they hold each time that it stands in the report.
_NO_DOUBT: frozenset[Doubt] = frozenset()
_ONE: Mapping[Doubt, frozenset[Doubt]] = MappingProxyType({doubt: frozenset({doubt}) for doubt in Doubt})
_OF_THE_VALUE = frozenset({Doubt.PROXY, Doubt.CARRIER, Doubt.LISTED, Doubt.PLAIN, Doubt.NO_SERVICE, Doubt.NO_COUNTRY})


def features(draft: ReportDraft, known: Known = NOTHING_KNOWN) -> list[Feature]:
    """The values of a report by which it can be linked, each once."""
    found = _Found()
    for trace in draft.traces:
        _add_trace(found, trace, known)
    for person in draft.people:
        _add_person(found, person, draft, known)
    for item in draft.items:
        _add_item(found, item, known)
    return found.features()


def periods(times: Iterable[datetime]) -> tuple[Period, ...]:
    """Times as periods, in order. Whether two reports saw something within a window of at least half of PERIOD_GAP is the
    same by their periods as by their times."""
    made: list[Period] = []
    for at in sorted(times):
        if made and at - made[-1].last <= PERIOD_GAP:
            made[-1] = Period(made[-1].first, at)
        else:
            made.append(Period(at, at))
    return tuple(made)


def cluster_key(cluster: int) -> bytes:
    """By what pictures of a cluster are compared."""
    return cluster.to_bytes(8, "big")


def apart(one: Sequence[Period], other: Sequence[Period]) -> timedelta | None:
    """The least time between two rows of periods; zero where they overlap, None where one of them is empty."""
    least: timedelta | None = None
    place = there = 0
    while place < len(one) and there < len(other):
        a, b = one[place], other[there]
        gap = max(b.first - a.last, a.first - b.last, timedelta())
        least = gap if least is None else min(least, gap)
        # Whichever ends first can be no nearer to what comes later.
        if a.last <= b.last:
            place += 1
        else:
            there += 1
    return least


@dataclass(slots=True)
class _Value:
    """What was found of one value so far. Most stand in a report once, so that there is little to hold."""

    #: What holds of the value, and what holds each time that it stood there.
    always: frozenset[Doubt]
    each_time: frozenset[Doubt]
    times: set[datetime] | None = None
    roles: frozenset[PersonRole] = frozenset()
    #: Of the picture nearest the leader: how near, and its hash.
    picture: tuple[int, bytes] | None = None


class _Found:
    """Collects the values of one report."""

    def __init__(self) -> None:
        self._values: dict[tuple[FeatureKind, bytes], _Value] = {}

    def add(
        self,
        kind: FeatureKind,
        key: str | bytes,
        *,
        doubts: frozenset[Doubt] = _NO_DOUBT,
        role: PersonRole | None = None,
        at: datetime | None = None,
        picture: tuple[int, bytes] | None = None,
    ) -> None:
        """Adds a value, or what more is known of it."""
        place = (kind, _as_key(key))
        value = self._values.get(place)
        if value is None:
            value = self._values[place] = _Value(doubts & _OF_THE_VALUE, doubts)
        else:
            value.always |= doubts & _OF_THE_VALUE
            value.each_time &= doubts
        if role is not None:
            value.roles |= {role}
        # A time without its zone could be any of 26.
        if at is not None and at.tzinfo is not None:
            if value.times is None:
                value.times = set()
            value.times.add(at)
        if picture is not None:
            value.picture = min(value.picture or picture, picture)

    def features(self) -> list[Feature]:
        """All of them, in the order in which they were found."""
        among = Counter((kind, len(key)) for kind, key in self._values)
        return [
            Feature(
                kind=kind,
                key=key,
                by=_BY.get(kind, {}).get(len(key), ""),
                seen=() if value.times is None else periods(value.times),
                doubts=value.always | value.each_time,
                roles=value.roles,
                among=among[kind, len(key)],
                hash=None if value.picture is None else value.picture[1],
            )
            for (kind, key), value in self._values.items()
        ]


def _as_key(key: str | bytes) -> bytes:
    data = key.encode() if isinstance(key, str) else key
    # A first byte that no text begins with: a digest is never mistaken for a value.
    return data if len(data) <= KEY_BYTES_MAX else b"\xff" + hashlib.sha256(data).digest()


def _add_item(found: _Found, item: ItemDraft, known: Known) -> None:
    sent_along = _ONE[Doubt.SUPPLEMENTAL] if item.supplemental else _NO_DOUBT
    for algorithm, value in item.hashes:
        doubts = sent_along | _ONE[Doubt.LISTED] if value in known.listed else sent_along
        if _DIGESTS.get(algorithm) == len(value) and value not in _OF_NOTHING:
            found.add(FeatureKind.FILE, value, doubts=doubts)
        elif algorithm == "pdq" and (placed := known.clusters.get(value)) is not None:
            if value in known.plain:
                doubts |= _ONE[Doubt.PLAIN]
            found.add(FeatureKind.PICTURE, cluster_key(placed.cluster), doubts=doubts, picture=(placed.distance, value))
    if item.address is not None and (web := web_form(item.address)) is not None:
        found.add(FeatureKind.HOST, web.host, doubts=_ONE[Doubt.KIND])
        if web.page is not None:
            found.add(FeatureKind.PAGE, web.page, doubts=sent_along)
    for trace in item.traces:
        _add_trace(found, trace, known)


def _add_trace(found: _Found, trace: Trace, known: Known, role: PersonRole | None = None) -> None:
    address = network_form(trace.address)
    if address is None:
        return
    doubts = _ONE[Doubt.PROXY] if trace.proxy else _NO_DOUBT
    if any(address in network for network in known.carriers):
        doubts |= _ONE[Doubt.CARRIER]
    found.add(FeatureKind.ADDRESS, address.packed, doubts=doubts, role=role, at=trace.at)
    if (network := customer_network(address)) is not None:
        found.add(FeatureKind.NETWORK, network, doubts=doubts, role=role, at=trace.at)


def _add_person(found: _Found, person: NamedPerson, draft: ReportDraft, known: Known) -> None:
    for trace in person.traces:
        _add_trace(found, trace, known, person.role)
    for identifier in person.identifiers:
        unverified = _ONE[Doubt.UNVERIFIED] if identifier.verified is False else _NO_DOUBT
        # Names and dates of birth have no form here, and are no features.
        if identifier.kind not in _FORMS:
            continue
        kind, form = _FORMS[identifier.kind]
        if (written := form(identifier, draft)) is not None:
            found.add(kind, written.key, doubts=unverified | written.doubts, role=person.role)


@dataclass(frozen=True, slots=True)
class _Written:
    """A sign by which somebody can be known again, as a key, with what speaks against it."""

    key: str
    doubts: frozenset[Doubt] = frozenset()


def _email(identifier: Identifier, _: ReportDraft) -> _Written | None:
    mail = mail_form(identifier.value)
    return None if mail is None else _Written(mail)


def _phone(identifier: Identifier, draft: ReportDraft) -> _Written | None:
    phone = phone_form(identifier.value, _country(draft))
    if phone is None:
        return None
    return _Written(phone.text, _NO_DOUBT if phone.complete else _ONE[Doubt.NO_COUNTRY])


def _profile(identifier: Identifier, _: ReportDraft) -> _Written | None:
    web = web_form(identifier.value)
    return None if web is None or web.page is None else _Written(web.page)


def _device(identifier: Identifier, _: ReportDraft) -> _Written | None:
    # Numbers of devices are written with and without what parts their digits.
    device = re.sub(r"[-:.\s]", "", (text_form(identifier.value) or "").casefold())
    return _Written(device) if device else None


def _payment(identifier: Identifier, draft: ReportDraft) -> _Written | None:
    payment = payment_form(identifier.value)
    if payment is None:
        return None
    return _Written(_scoped("", payment.text)) if payment.complete else _at_service(payment.text, identifier, draft)


def _account(identifier: Identifier, draft: ReportDraft) -> _Written | None:
    account = text_form(identifier.value)
    return None if account is None else _at_service(account, identifier, draft)


def _screen_name(identifier: Identifier, draft: ReportDraft) -> _Written | None:
    name = text_form(identifier.value)
    if name is None:
        return None
    return _Written(_scoped(_service(identifier, draft), name.casefold()), _ONE[Doubt.KIND])


_Form: TypeAlias = Callable[[Identifier, ReportDraft], _Written | None]
_FORMS: Mapping[IdentifierKind, tuple[FeatureKind, _Form]] = MappingProxyType(
    {
        IdentifierKind.EMAIL: (FeatureKind.EMAIL, _email),
        IdentifierKind.PHONE: (FeatureKind.PHONE, _phone),
        IdentifierKind.PROFILE: (FeatureKind.PROFILE, _profile),
        IdentifierKind.DEVICE: (FeatureKind.DEVICE, _device),
        IdentifierKind.PAYMENT: (FeatureKind.PAYMENT, _payment),
        IdentifierKind.ACCOUNT: (FeatureKind.ACCOUNT, _account),
        IdentifierKind.SCREEN_NAME: (FeatureKind.SCREEN_NAME, _screen_name),
    }
)


def _at_service(value: str, identifier: Identifier, draft: ReportDraft) -> _Written:
    service = _service(identifier, draft)
    return _Written(_scoped(service, value), _NO_DOUBT if service else _ONE[Doubt.NO_SERVICE])


def _service(identifier: Identifier, draft: ReportDraft) -> str:
    """At which service: as it was said, or the company that reports; empty if neither is known."""
    named = identifier.service
    if named is None and draft.reporter.kind is ReporterKind.COMPANY:
        named = draft.reporter.name
    return (text_form(named or "") or "").casefold()


def _scoped(service: str, value: str) -> str:
    # A character that text_form takes out of both, so that no other pair makes the same key.
    return f"{service}\0{value}"


def _country(draft: ReportDraft) -> str | None:
    """The country of the report, where it names one only."""
    countries = {place.country.upper() for place in draft.places if place.country}
    return countries.pop() if len(countries) == 1 else None
