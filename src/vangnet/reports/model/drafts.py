"""A report as it was read from whatever form it came in: the one shape that every form of intake makes.

Nothing here was checked against anything yet. Names, addresses and words of people are in it, so nothing of it is shown by
`repr`. A form that says less leaves more empty; nothing is guessed, and what could not be read is named in `problems`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Source(StrEnum):
    """By which way a report came in."""

    PUBLIC = "public"  #: The public page.
    HANDOFF = "handoff"  #: A signed hand-off of another installation: a gate's match, a referral.
    API = "api"  #: A provider's program.
    XARF = "xarf"  #: An abuse report in XARF, version 4.
    MAIL = "mail"  #: A message in the mailbox for reports.
    CSV = "csv"  #: A table of addresses, as hotlines exchange them.
    SCAN = "scan"  #: What `vangnet scan` found in a store of files.
    CYBERTIP = "cybertip"  #: A bundle of the US centre.
    MEDIA_SET = "media_set"  #: Media that police secured, ours or another force's.


class ReporterKind(StrEnum):
    """Who reports."""

    ANONYMOUS = "anonymous"  #: Somebody who gave no name.
    CITIZEN = "citizen"  #: Somebody who gave a way to be reached.
    COMPANY = "company"  #: A provider or platform.
    HOTLINE = "hotline"  #: A hotline.
    POLICE = "police"  #: A police force.
    AUTHORITY = "authority"  #: A regulator.


class Incident(StrEnum):
    """What the report is about, by the reporter's own word. Kinds of report, no description of content."""

    MATERIAL = "material"  #: Possession or spreading of material.
    ENTICEMENT = "enticement"  #: An adult approaches a child online.
    EXTORTION = "extortion"  #: Somebody is threatened with pictures.
    LIVE_STREAM = "live_stream"  #: Abuse that is ordered and watched from afar.
    ABUSE = "abuse"  #: Abuse of a child, with or without material.
    TRAVEL = "travel"  #: Somebody travels for it.
    TRAFFICKING = "trafficking"  #: A child is traded.
    PAYMENT = "payment"  #: Money that points to it.
    UNSOLICITED = "unsolicited"  #: Material was sent to a child.
    MISLEADING = "misleading"  #: A domain, words or pictures that mislead.
    OTHER = "other"  #: None of these, or not said.


class Sign(StrEnum):
    """What the reporter says that bears on the order. A claim, not a finding."""

    DANGER_NOW = "danger_now"  #: A child is in danger now; the reporter asks for haste.
    MINORS_NEAR = "minors_near"  #: Somebody named has children within reach.
    EXTORTION = "extortion"  #: A child is being threatened.
    ENTICEMENT = "enticement"  #: A child is being approached.
    BETWEEN_MINORS = "between_minors"  #: Between minors.
    SADISTIC = "sadistic"  #: Part of a group that harms for its own sake.
    HARM = "harm"  #: Physical harm is seen.
    INFANT = "infant"  #: An infant is concerned.
    LIVE = "live"  #: It was streamed live.
    SELF_MADE = "self_made"  #: Perhaps made by the minor.
    MADE_UP = "made_up"  #: Drawn or generated.
    SPREAD_WIDELY = "spread_widely"  #: Shared in outrage or as a joke, by many.
    SPAM = "spam"  #: The reporter thinks that it is spam.
    FOR_INFORMATION = "for_information"  #: Sent for information only.


class PersonRole(StrEnum):
    """What somebody named has to do with it. A person named is not an offender."""

    REPORTED = "reported"  #: Whom the report is about.
    RECIPIENT = "recipient"  #: Whom something was sent to.
    VICTIM = "victim"  #: The child.
    OTHER = "other"  #: Somebody else who is named.


class IdentifierKind(StrEnum):
    """By what somebody can be known again."""

    ACCOUNT = "account"  #: The service's own number of the account.
    SCREEN_NAME = "screen_name"  #: The name shown there.
    PROFILE = "profile"  #: The address of a profile page.
    EMAIL = "email"  #: A mail address.
    PHONE = "phone"  #: A telephone number.
    DEVICE = "device"  #: A device's number.
    PAYMENT = "payment"  #: An account or wallet that money went through.
    NAME = "name"  #: A name as written: never enough to join two reports.
    BIRTH_DATE = "birth_date"  #: A date of birth as written; the same.


class ItemKind(StrEnum):
    """What a report holds one of."""

    FILE = "file"  #: A file, with or without its bytes.
    HASH = "hash"  #: A hash alone.
    ADDRESS = "address"  #: Where something is, or was, to be found.


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who reports, as far as they said."""

    kind: ReporterKind
    name: str | None = field(default=None, repr=False)
    contact: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """One sign by which somebody can be known again. An account and a screen name mean something at their service only."""

    kind: IdentifierKind
    value: str = field(repr=False)
    service: str | None = field(default=None, repr=False)
    #: Whether the service made sure of it (a confirmed mail address).
    verified: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """An address on the network that was seen, and when."""

    address: str = field(repr=False)
    at: datetime | None = None
    port: int | None = None
    event: str | None = None
    #: The reporter thinks that somebody else is behind it.
    proxy: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPerson:
    """Somebody who is named in the report."""

    role: PersonRole
    identifiers: tuple[Identifier, ...] = ()
    traces: tuple[Trace, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something happened, as precisely as it was said."""

    country: str | None = None  #: Two letters (ISO 3166-1).
    region: str | None = field(default=None, repr=False)
    city: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """What somebody classified an item as: always with the scheme."""

    scheme: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDraft:
    """A file, a hash or an address of a report."""

    kind: ItemKind
    #: The reporter's own number of it.
    reference: str | None = field(default=None, repr=False)
    file_name: str | None = field(default=None, repr=False)
    address: str | None = field(default=None, repr=False)
    #: `(algorithm, value)`: md5, sha1, sha256, pdq and opaque ones.
    hashes: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    size_bytes: int | None = None
    media_type: str | None = None
    #: Whether a person there viewed the file, where the reporter said so (18 U.S.C. 2258A). None is not "no": its legal
    #: weight is told in the docs.
    viewed: bool | None = None
    public: bool | None = None
    #: Not what is reported, but sent along to explain it.
    supplemental: bool = False
    classified: Classified | None = None
    signs: frozenset[Sign] = frozenset()
    at: datetime | None = None
    traces: tuple[Trace, ...] = ()
    text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDraft:
    """A report as it was read."""

    source: Source
    reporter: Reporter
    incident: Incident
    #: The reporter's own number: by it a second delivery is known.
    reference: str | None = field(default=None, repr=False)
    #: When it was reported, by the reporter's clock.
    reported_at: datetime | None = None
    #: When it happened.
    incident_at: datetime | None = None
    signs: frozenset[Sign] = frozenset()
    people: tuple[NamedPerson, ...] = ()
    traces: tuple[Trace, ...] = ()
    places: tuple[Place, ...] = ()
    items: Sequence[ItemDraft] = ()
    text: str = field(default="", repr=False)
    #: `nl` or `en` where it is known.
    language: str | None = None
    #: What could not be read, and was left out: one sentence each, which quotes nothing.
    problems: tuple[str, ...] = ()
