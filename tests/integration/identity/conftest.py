"""A set-up installation with people in it, made by the use cases themselves, and a clock that a test moves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest
from running.passwords import CHEAP_HASHES
from running.totp import code_of

from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.identity.model import (
    ANONYMOUS,
    Client,
    FactorAdded,
    InstallationKind,
    Invited,
    Language,
    Party,
    PartyKind,
    Person,
    SecondFactorNeeded,
    SignedIn,
    SignedInPerson,
)
from vangnet.identity.model.sessions import actor_of
from vangnet.identity.permissions import Role
from vangnet.identity.service import factors, installation, invitations, parties, people, sign_in
from vangnet.keys import Keys

BASE_URL = "http://localhost:8800"
CLIENT = Client(address="192.0.2.7", user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")


@dataclass(kw_only=True)
class Colleague:
    """Somebody who works here, with all that they know and have."""

    person: Person
    password: str = field(repr=False)
    secret: str = field(repr=False)
    recovery_codes: tuple[str, ...] = field(repr=False)
    signed_in: SignedIn

    @property
    def actor(self) -> Actor:
        """As they act in the session of their first sign-in."""
        return actor_of(self.signed_in.person, self.signed_in.session)


@dataclass(kw_only=True)
class House:
    """The installation under test."""

    conn: Connection
    keys: Keys
    administrator: Actor
    now: datetime
    client: Client = field(
        default_factory=lambda: Client(address="192.0.2.7", user_agent="Mozilla/5.0 (X11; Linux) Firefox/140.0")
    )

    def later(self, **by: float) -> datetime:
        """Moves the clock."""
        self.now += timedelta(**by)
        return self.now

    def invited(self, email: str = "anna@voorbeeld.example", *roles: Role, name: str = "Anna Visser") -> Invited:
        """An invitation."""
        return people.invite(
            self.conn,
            self.administrator,
            name=name,
            email=email,
            roles=frozenset(roles or {Role.STAFF}),
            language=Language.NL,
            base_url=BASE_URL,
            now=self.now,
        )

    def accepted(self, invited: Invited, password: str = "een lange zin over regen") -> SecondFactorNeeded:
        """The first half of accepting it."""
        accepted = invitations.accept(
            self.conn,
            ANONYMOUS,
            token=token_of(invited.link),
            password=password,
            client=self.client,
            now=self.now,
            hashes=CHEAP_HASHES,
        )
        assert isinstance(accepted, SecondFactorNeeded)
        return accepted

    def colleague(
        self, email: str = "anna@voorbeeld.example", *roles: Role, password: str = "een lange zin over regen"
    ) -> Colleague:
        """Somebody who accepted an invitation, with a password and an authenticator app."""
        accepted = self.accepted(self.invited(email, *roles), password)
        added, secret = self.with_app(accepted)
        assert added.signed_in is not None
        return Colleague(
            person=added.signed_in.person,
            password=password,
            secret=secret,
            recovery_codes=added.recovery_codes,
            signed_in=added.signed_in,
        )

    def with_app(self, accepted: SecondFactorNeeded) -> tuple[FactorAdded, str]:
        """An authenticator app as the first second factor."""
        actor = actor_of(accepted.person, accepted.session)
        proposal = factors.propose_totp(self.conn, actor, session=accepted.session, keys=self.keys, now=self.now)
        added = factors.confirm_totp(
            self.conn,
            actor,
            session=accepted.session,
            sealed=proposal.sealed,
            code=code_of(proposal.secret, self.now),
            client=self.client,
            keys=self.keys,
            now=self.now,
        )
        assert isinstance(added, FactorAdded)
        return added, proposal.secret

    def known_party(self, *, basis_ends_on: date | None = date(2026, 12, 31), name: str = "Wolkenhuis") -> Party:
        """A provider that we know, with a legal basis until that day."""
        party = parties.add(self.conn, self.administrator, name=name, kind=PartyKind.PROVIDER, now=self.now)
        if basis_ends_on is None:
            return party
        return parties.record_legal_basis(
            self.conn, self.administrator, party_id=party.id, text="an agreement", reference="of 2026",
            ends_on=basis_ends_on, now=self.now,
        )  # fmt: skip

    def resolved(self, token: str) -> SignedInPerson | None:
        """Whose session that is now."""
        return sign_in.resolve(self.conn, token, now=self.now, idle_minutes=30, hours=12)

    def events(self) -> int:
        """How many audit events there are."""
        row = self.conn.execute("SELECT count(*) FROM audit_event").fetchone()
        assert row is not None
        return int(row[0])

    def last_event(self) -> tuple[str, str, str, dict[str, object]]:
        """Actor kind, action, record id and details of the newest event."""
        row = self.conn.execute(
            "SELECT actor_kind, action, record_id, details::jsonb FROM audit_event ORDER BY id DESC LIMIT 1"
        ).fetchone()
        assert row is not None
        return row[0], row[1], row[2], row[3]


def token_of(link: str) -> str:
    """What a link ends in."""
    return link.rsplit("/", 1)[1]


@pytest.fixture
def house(conn: Connection, keys: Keys, administrator: Actor, now: datetime) -> House:
    """An installation that was set up, without people."""
    installation.set_up(
        conn, administrator, kind=InstallationKind.HOTLINE, party_name="Meldpunt Voorbeeld", language=Language.NL, now=now
    )
    return House(conn=conn, keys=keys, administrator=administrator, now=now)


@pytest.fixture
def house_on(keys: Keys, administrator: Actor, now: datetime) -> Callable[[Connection], House]:
    """An installation on another connection, for tests that commit."""
    return lambda conn: House(conn=conn, keys=keys, administrator=administrator, now=now)


@pytest.fixture
def totp_code() -> Callable[[str, datetime], str]:
    """The authenticator app."""
    return code_of


@pytest.fixture
def link_token() -> Callable[[str], str]:
    """What a link ends in."""
    return token_of
