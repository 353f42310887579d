"""One made-up installation of each kind, with a few people, that know one another."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection, Database
from vangnet.handoff.service import sending
from vangnet.identity.model import InstallationKind, Language, Party, PartyKind, PersonState
from vangnet.identity.permissions import Permission, Role
from vangnet.identity.service import api_keys, installation, links, parties, people
from vangnet.keys import Keys

_LINK_USES = 1000
_LINK_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """One of the people who work at a made-up party."""

    name: str
    email: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """A made-up party and its people."""

    kind: InstallationKind
    party_name: str
    language: Language
    colleagues: tuple[Colleague, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a reader of the demo needs: links that sign in, one a colleague, and a key for programs."""

    kind: InstallationKind
    sign_in_links: tuple[str, ...]
    api_key: str


def _cast(kind: InstallationKind, party_name: str, domain: str, *names: str) -> Cast:
    roles = (Role.ADMINISTRATOR, Role.STAFF, Role.AUDITOR, Role.LEAD)
    colleagues = tuple(
        Colleague(name=name, email=f"{name.split()[0].lower()}@{domain}", role=role)
        for name, role in zip(names, roles, strict=True)
    )
    return Cast(kind=kind, party_name=party_name, language=Language.EN, colleagues=colleagues)


#: The provider first: its gate is what a newcomer wants to see.
CAST = (
    _cast(
        InstallationKind.PROVIDER,
        "Wolkenhuis Hosting",
        "wolkenhuis.example",
        "Anna Visser",
        "Bram Smit",
        "Cleo Mulder",
        "Dirk Prins",
    ),
    _cast(
        InstallationKind.HOTLINE,
        "Meldpunt Voorbeeld",
        "meldpunt.example",
        "Daan Bakker",
        "Esra Kaya",
        "Femke Bos",
        "Guus Kuiper",
    ),
    _cast(
        InstallationKind.POLICE,
        "Team Noorderlicht",
        "noorderlicht.example",
        "Gijs Dekker",
        "Hanna Vos",
        "Ilse Kok",
        "Jasper Blok",
    ),
    _cast(
        InstallationKind.AUTHORITY,
        "Autoriteit Voorbeeld",
        "autoriteit.example",
        "Joris Maas",
        "Kim Post",
        "Lars Blom",
        "Mila Hoek",
    ),
)  # fmt: skip


def prepare(database: Database, *, cast: Cast, base_url: str, now: datetime) -> Prepared:
    """Sets an installation up if it is not, and makes fresh links and a fresh key, both for a day."""
    actor = _actor()
    with database.transaction() as conn:
        if installation.find_installation(conn) is None:
            installation.set_up(conn, actor, kind=cast.kind, party_name=cast.party_name, language=cast.language, now=now)
    sign_in_links = []
    for colleague in cast.colleagues:
        with database.transaction() as conn:
            sign_in_links.append(_link(conn, actor, colleague, cast=cast, base_url=base_url, now=now))
    with database.transaction() as conn:
        scopes = frozenset({
            Permission.GATE_CHECK, Permission.HANDOFF_READ, Permission.HEALTH_READ, Permission.PARTY_READ,
        })  # fmt: skip
        until = now + timedelta(hours=_LINK_HOURS)
        issued = api_keys.issue(conn, actor, name="demo", scopes=scopes, expires_at=until, now=now)
    return Prepared(kind=cast.kind, sign_in_links=tuple(sign_in_links), api_key=issued.text)


def introduce_all(houses: Sequence[tuple[Database, Keys, str]], *, casts: Sequence[Cast], now: datetime) -> None:
    """Makes every installation know every other, at its present address, and the provider greet the hotline.

    `houses` are database, keys and address of each installation, in the order of `casts`. In life two people compare the
    fingerprints over the telephone; here both ends are in one hand.
    """
    for ours, theirs in itertools.permutations(range(len(houses)), 2):
        database, _, _ = houses[ours]
        _, their_keys, their_url = houses[theirs]
        with database.transaction() as conn:
            greeted_before = _know(conn, casts[theirs], their_keys.public_key, their_url, now=now)
            if not greeted_before and casts[ours].kind is InstallationKind.PROVIDER:
                party = parties.find_party_by_public_key(conn, their_keys.public_key)
                if party is not None and casts[theirs].kind is InstallationKind.HOTLINE:
                    _greet(conn, houses[ours][1], party, now=now)


def _know(conn: Connection, cast: Cast, public_key: bytes, base_url: str, *, now: datetime) -> bool:
    """Whether the party was known already; its address is brought up to date if it moved."""
    known = parties.find_party_by_public_key(conn, public_key)
    if known is None:
        first = cast.colleagues[0]
        parties.add(
            conn, _actor(), name=cast.party_name, kind=PartyKind(cast.kind), contact_name=first.name,
            contact_email=first.email, base_url=base_url, public_key=public_key, now=now,
        )  # fmt: skip
    elif known.base_url != base_url:
        parties.update(
            conn, _actor(), party_id=known.id, name=known.name, contact_name=known.contact_name,
            contact_email=known.contact_email, base_url=base_url, now=now,
        )  # fmt: skip
    return known is not None


def _greet(conn: Connection, keys: Keys, party: Party, *, now: datetime) -> None:
    text = "Good day. Does this reach you?"
    sending.send_test_message(conn, _actor(), party_id=party.id, text=text, keys=keys, now=now)


def _link(conn: Connection, actor: Actor, colleague: Colleague, *, cast: Cast, base_url: str, now: datetime) -> str:
    person = people.find_by_email(conn, actor, colleague.email)
    if person is None:
        people.invite(
            conn, actor, name=colleague.name, email=colleague.email, roles=frozenset({colleague.role}),
            language=cast.language, base_url=base_url, now=now,
        )  # fmt: skip
    elif person.state is PersonState.LEFT:
        return ""
    return links.make_link(
        conn, actor, email=colleague.email, uses=_LINK_USES, hours=_LINK_HOURS, base_url=base_url, now=now
    )


def _actor() -> Actor:
    return Actor(kind=ActorKind.CONSOLE, id="demo", permissions=frozenset(Permission))
