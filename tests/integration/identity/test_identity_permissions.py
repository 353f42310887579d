"""Every use case of people, parties and keys, tried by every role: let through where the table says, and nowhere else.

The use cases are called for records that do not exist or with things that are refused later: permission is asked for first,
so whoever lacks it hears that and nothing else.
"""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from vangnet.audit.model import Actor, ActorKind
from vangnet.errors import AppError, PermissionDenied
from vangnet.identity.model import (
    ANONYMOUS,
    GrantedRight,
    InstallationKind,
    Language,
    PartyKind,
    Session,
    SessionStage,
    SignInMeans,
    Theme,
)
from vangnet.identity.permissions import KEY_SCOPES, Permission, Role, permissions_of
from vangnet.identity.service import (
    account,
    api_keys,
    factors,
    grants,
    installation,
    links,
    parties,
    passkeys,
    people,
    sessions,
    sign_in,
)

House = Any
NOBODY = UUID(int=0)
URL = "http://localhost:8800"

ACTORS: dict[str, Actor] = {
    "nobody": ANONYMOUS,
    "a person without a role": Actor(kind=ActorKind.PERSON, id=str(NOBODY), permissions=permissions_of(frozenset())),
    **{role: Actor(kind=ActorKind.PERSON, id=str(NOBODY), permissions=permissions_of(frozenset({role}))) for role in Role},
    "somebody who owes the second factor": Actor(
        kind=ActorKind.PERSON, id=str(NOBODY), permissions=frozenset({Permission.ME_SIGN_IN})
    ),
    "a key with every scope": Actor(kind=ActorKind.API_KEY, id=str(NOBODY), permissions=frozenset(KEY_SCOPES)),
    "the console": Actor(kind=ActorKind.CONSOLE, id="0", permissions=frozenset(Permission)),
}

Use = Callable[[House, Actor], object]


def session(house: House, stage: SessionStage = SessionStage.WHOLE) -> Session:
    return Session(
        id=NOBODY,
        person_id=NOBODY,
        stage=stage,
        means=SignInMeans.PASSWORD,
        created_at=house.now,
        whole_at=house.now if stage is SessionStage.WHOLE else None,
        last_seen_at=house.now,
        user_agent="unknown",
    )


def half(house: House) -> Session:
    return session(house, SessionStage.PASSWORD_PROVEN)


#: Permission and use; the name is the function's.
USES: dict[str, tuple[Permission, Use]] = {
    "installation.set_up": (
        Permission.INSTALLATION_SET_UP,
        lambda h, a: installation.set_up(
            h.conn, a, kind=InstallationKind.POLICE, party_name="x", language=Language.NL, now=h.now
        ),
    ),
    "people.list_people": (Permission.PERSON_READ, lambda h, a: people.list_people(h.conn, a)),
    "people.get_person": (Permission.PERSON_READ, lambda h, a: people.get_person(h.conn, a, NOBODY)),
    "people.find_by_email": (Permission.PERSON_READ, lambda h, a: people.find_by_email(h.conn, a, "a@b.example")),
    "people.invitation_expiry": (Permission.PERSON_READ, lambda h, a: people.invitation_expiry(h.conn, a, NOBODY)),
    "factors.factors_of": (Permission.PERSON_READ, lambda h, a: factors.factors_of(h.conn, a, NOBODY)),
    "people.first_administrator_link": (
        Permission.PERSON_INVITE,
        lambda h, a: people.first_administrator_link(h.conn, a, base_url=URL, now=h.now),
    ),
    "people.invite": (
        Permission.PERSON_INVITE,
        lambda h, a: people.invite(
            h.conn,
            a,
            name="Anna",
            email="a@b.example",
            roles=frozenset({Role.STAFF}),
            language=Language.NL,
            base_url=URL,
            now=h.now,
        ),
    ),
    "people.invite_again": (
        Permission.PERSON_INVITE,
        lambda h, a: people.invite_again(h.conn, a, person_id=NOBODY, base_url=URL, now=h.now),
    ),
    "people.change_roles": (
        Permission.PERSON_UPDATE,
        lambda h, a: people.change_roles(h.conn, a, person_id=NOBODY, roles=frozenset({Role.STAFF}), now=h.now),
    ),
    "people.reset_second_factor": (
        Permission.PERSON_UPDATE,
        lambda h, a: people.reset_second_factor(h.conn, a, person_id=NOBODY, now=h.now),
    ),
    "people.leave": (Permission.PERSON_LEAVE, lambda h, a: people.leave(h.conn, a, person_id=NOBODY, now=h.now)),
    "links.make_link": (
        Permission.PERSON_LINK,
        lambda h, a: links.make_link(h.conn, a, email="a@b.example", base_url=URL, now=h.now),
    ),
    "parties.list_parties": (Permission.PARTY_READ, lambda h, a: parties.list_parties(h.conn, a)),
    "parties.get_party": (Permission.PARTY_READ, lambda h, a: parties.get_party(h.conn, a, NOBODY)),
    "grants.list_grants": (Permission.PARTY_READ, lambda h, a: grants.list_grants(h.conn, a, NOBODY)),
    "parties.add": (
        Permission.PARTY_ADD,
        lambda h, a: parties.add(h.conn, a, name="x", kind=PartyKind.PARTNER, now=h.now),
    ),
    "parties.accept": (
        Permission.PARTY_ADD,
        lambda h, a: parties.accept(h.conn, a, party_id=NOBODY, fingerprint="", now=h.now),
    ),
    "parties.introduce": (
        Permission.HANDOFF_RECEIVE,
        lambda h, a: parties.introduce(
            h.conn, a, name="x", kind=PartyKind.PARTNER, base_url="https://x.example", public_key=bytes(32), now=h.now
        ),
    ),
    "parties.update": (
        Permission.PARTY_UPDATE,
        lambda h, a: parties.update(
            h.conn, a, party_id=NOBODY, name="x", contact_name=None, contact_email=None, base_url=None, now=h.now
        ),
    ),
    "parties.record_legal_basis": (
        Permission.PARTY_UPDATE,
        lambda h, a: parties.record_legal_basis(
            h.conn, a, party_id=NOBODY, text="x", reference="x", ends_on=date(2027, 1, 1), now=h.now
        ),
    ),
    "parties.end": (Permission.PARTY_END, lambda h, a: parties.end(h.conn, a, party_id=NOBODY, now=h.now)),
    "grants.grant": (
        Permission.PARTY_GRANT,
        lambda h, a: grants.grant(h.conn, a, party_id=NOBODY, right=GrantedRight.LIST_SUPPLIER, now=h.now),
    ),
    "grants.withdraw": (Permission.PARTY_GRANT, lambda h, a: grants.withdraw(h.conn, a, grant_id=NOBODY, now=h.now)),
    "api_keys.list_keys": (Permission.KEY_READ, lambda h, a: api_keys.list_keys(h.conn, a)),
    "api_keys.list_keys_of_party": (
        Permission.KEY_READ,
        lambda h, a: api_keys.list_keys_of_party(h.conn, a, NOBODY),
    ),
    "api_keys.issue": (
        Permission.KEY_ISSUE,
        lambda h, a: api_keys.issue(h.conn, a, name="x", scopes=frozenset({Permission.HEALTH_READ}), now=h.now),
    ),
    "api_keys.revoke": (Permission.KEY_REVOKE, lambda h, a: api_keys.revoke(h.conn, a, key_id=NOBODY, now=h.now)),
    "sessions.list_sessions": (Permission.ME_SIGN_OUT, lambda h, a: sessions.list_sessions(h.conn, a)),
    "sessions.revoke": (
        Permission.ME_SIGN_OUT,
        lambda h, a: sessions.revoke(h.conn, a, session_id=NOBODY, now=h.now),
    ),
    "sessions.revoke_others": (
        Permission.ME_SIGN_OUT,
        lambda h, a: sessions.revoke_others(h.conn, a, session=session(h), now=h.now),
    ),
    "account.has_password": (Permission.ME_UPDATE, lambda h, a: account.has_password(h.conn, a)),
    "account.identity_issuers": (Permission.ME_UPDATE, lambda h, a: account.identity_issuers(h.conn, a)),
    "account.change_password": (
        Permission.ME_UPDATE,
        lambda h, a: account.change_password(h.conn, a, session=session(h), current="", new="x", now=h.now),
    ),
    "account.choose": (
        Permission.ME_UPDATE,
        lambda h, a: account.choose(h.conn, a, language=Language.NL, theme=Theme.DARK, now=h.now),
    ),
    "factors.own_factors": (Permission.ME_UPDATE, lambda h, a: factors.own_factors(h.conn, a, session=session(h))),
    "factors.propose_totp": (
        Permission.ME_UPDATE,
        lambda h, a: factors.propose_totp(h.conn, a, session=session(h), keys=h.keys, now=h.now),
    ),
    "factors.same_proposal": (
        Permission.ME_UPDATE,
        lambda h, a: factors.same_proposal(h.conn, a, session=session(h), sealed="", keys=h.keys, now=h.now),
    ),
    "factors.confirm_totp": (
        Permission.ME_UPDATE,
        lambda h, a: factors.confirm_totp(
            h.conn, a, session=session(h), sealed="", code="", client=h.client, keys=h.keys, now=h.now
        ),
    ),
    "factors.remove_totp": (
        Permission.ME_UPDATE,
        lambda h, a: factors.remove_totp(h.conn, a, session=session(h), now=h.now),
    ),
    "factors.renew_recovery_codes": (
        Permission.ME_UPDATE,
        lambda h, a: factors.renew_recovery_codes(h.conn, a, session=half(h), now=h.now),
    ),
    "passkeys.list_passkeys": (Permission.ME_UPDATE, lambda h, a: passkeys.list_passkeys(h.conn, a)),
    "passkeys.begin_adding": (
        Permission.ME_UPDATE,
        lambda h, a: passkeys.begin_adding(h.conn, a, session=session(h), base_url=URL, keys=h.keys, now=h.now),
    ),
    "passkeys.finish_adding": (
        Permission.ME_UPDATE,
        lambda h, a: passkeys.finish_adding(
            h.conn,
            a,
            session=session(h),
            sealed="",
            answer="",
            name="x",
            base_url=URL,
            client=h.client,
            keys=h.keys,
            now=h.now,
        ),
    ),
    "passkeys.remove": (
        Permission.ME_UPDATE,
        lambda h, a: passkeys.remove(h.conn, a, session=session(h), passkey_id=NOBODY, now=h.now),
    ),
    "passkeys.begin_second_half": (
        Permission.ME_SIGN_IN,
        lambda h, a: passkeys.begin_second_half(h.conn, a, base_url=URL, keys=h.keys, now=h.now),
    ),
    "passkeys.finish_second_half": (
        Permission.ME_SIGN_IN,
        lambda h, a: passkeys.finish_second_half(
            h.conn,
            a,
            session=half(h),
            sealed="",
            answer="",
            base_url=URL,
            client=h.client,
            keys=h.keys,
            now=h.now,
        ),
    ),
    "sign_in.with_code": (
        Permission.ME_SIGN_IN,
        lambda h, a: sign_in.with_code(h.conn, a, session=half(h), code="", client=h.client, keys=h.keys, now=h.now),
    ),
    "sign_in.with_recovery_code": (
        Permission.ME_SIGN_IN,
        lambda h, a: sign_in.with_recovery_code(
            h.conn, a, session=half(h), code="", client=h.client, keys=h.keys, now=h.now
        ),
    ),
}

#: What anybody may try, because it asks for proof instead of a permission, and what other capabilities ask.
WITHOUT_PERMISSION = {
    "api_keys.authenticate",
    "api_keys.party_of",
    "grants.has_right",
    "installation.find_installation",
    "installation.get_installation",
    "invitations.accept",
    "invitations.look_up",
    "parties.find_party_by_public_key",
    "parties.party",
    "passkeys.begin_sign_in",
    "passkeys.possible",
    "passkeys.sign_in",
    "sessions.resolve",
    "sessions.sign_out",
    "sign_in.with_identity",
    "sign_in.with_link",
    "sign_in.with_password",
}
#: Parts of use cases that only this package's own modules call, after the permission was asked for.
INSIDE = {
    "factors.added",
    "factors.require_another_factor",
    "factors.require_may_add",
    "invitations.set_password",
    "sessions.begin",
    "sessions.begin_whole",
    "sessions.complete",
    "sessions.own_id",
    "sign_in.joined",
}


@pytest.mark.parametrize("who", list(ACTORS))
@pytest.mark.parametrize("name", list(USES))
def test_a_use_is_let_through_where_the_table_says_and_nowhere_else(house: House, name: str, who: str) -> None:
    permission, use = USES[name]
    actor = ACTORS[who]
    allowed = permission in actor.permissions
    if permission.startswith("me:") and actor.kind is not ActorKind.PERSON:
        allowed = False  # There is no account of one's own to change.
    before = house.events()
    denied = False
    try:
        use(house, actor)
    except PermissionDenied:
        denied = True
    except AppError:
        pass
    assert denied is not allowed
    if denied:
        assert house.events() == before


def test_every_use_case_is_in_the_table() -> None:
    modules = (account, api_keys, factors, grants, installation, links, parties, passkeys, people, sessions, sign_in)
    public = {
        f"{module.__name__.rsplit('.', 1)[1]}.{name}"
        for module in modules
        for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
        if not isinstance(value, type)
    }
    assert public - set(USES) - INSIDE == {name for name in WITHOUT_PERMISSION if not name.startswith("invitations.")}
