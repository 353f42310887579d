"""The routes of signing in, people, parties and keys: who may use each, and how each that changes something is used."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import httpx2

from running.authenticator import Authenticator
from running.changes import Call, Change, administrator
from running.forms import form_to, forms_of, submit
from running.server import CANARY_NAME, CANARY_PASSWORD, RunningServer, console
from running.states import PATIENCE_S
from running.totp import code_of, shown_secret
from vangnet.identity.model import GrantedRight, Party, PartyKind, Person, SignedIn
from vangnet.identity.permissions import Permission, Role
from vangnet.identity.service import api_keys, grants, links, parties, people
from vangnet.keys import fingerprint
from vangnet.web.access import PUBLIC, SECOND_FACTOR_PENDING, SIGNED_IN, Rule

Made = TypeVar("Made", bound=tuple[Any, ...])

RULES: dict[str, Permission | Rule] = {
    "GET /sign-in": PUBLIC,
    "POST /sign-in": PUBLIC,
    "POST /sign-in/passkey": PUBLIC,
    "GET /sign-in/link/{token}": PUBLIC,
    "GET /sign-in/provider": PUBLIC,
    "GET /sign-in/provider/callback": PUBLIC,
    "GET /sign-in/code": SECOND_FACTOR_PENDING,
    "POST /sign-in/code": SECOND_FACTOR_PENDING,
    "POST /sign-in/code/passkey": SECOND_FACTOR_PENDING,
    "GET /sign-in/recovery-code": SECOND_FACTOR_PENDING,
    "POST /sign-in/recovery-code": SECOND_FACTOR_PENDING,
    "GET /sign-in/set-up": SECOND_FACTOR_PENDING,
    "POST /sign-in/set-up": SECOND_FACTOR_PENDING,
    "POST /sign-in/set-up/passkey": SECOND_FACTOR_PENDING,
    "POST /sign-out": PUBLIC,
    "GET /invitation/{token}": PUBLIC,
    "POST /invitation/{token}": PUBLIC,
    "GET /me": SIGNED_IN,
    "GET /me/app": SIGNED_IN,
    "POST /me/app": SIGNED_IN,
    "POST /me/app/remove": SIGNED_IN,
    "POST /me/other-sessions/end": SIGNED_IN,
    "POST /me/passkeys": SIGNED_IN,
    "GET /me/passkeys/add": SIGNED_IN,
    "POST /me/passkeys/{passkey_id}/remove": SIGNED_IN,
    "POST /me/password": SIGNED_IN,
    "POST /me/recovery-codes": SIGNED_IN,
    "POST /me/sessions/{session_id}/end": SIGNED_IN,
    "GET /people": Permission.PERSON_READ,
    "GET /people/invite": Permission.PERSON_INVITE,
    "POST /people/invite": Permission.PERSON_INVITE,
    "GET /people/{person_id}": Permission.PERSON_READ,
    "POST /people/{person_id}/invitation": Permission.PERSON_INVITE,
    "POST /people/{person_id}/leave": Permission.PERSON_LEAVE,
    "POST /people/{person_id}/roles": Permission.PERSON_UPDATE,
    "POST /people/{person_id}/second-factor/reset": Permission.PERSON_UPDATE,
    "GET /parties": Permission.PARTY_READ,
    "GET /parties/add": Permission.PARTY_ADD,
    "POST /parties/add": Permission.PARTY_ADD,
    "GET /parties/{party_id}": Permission.PARTY_READ,
    "POST /parties/{party_id}/accept": Permission.PARTY_ADD,
    "POST /parties/{party_id}/details": Permission.PARTY_UPDATE,
    "POST /parties/{party_id}/end": Permission.PARTY_END,
    "POST /parties/{party_id}/grants": Permission.PARTY_GRANT,
    "POST /parties/{party_id}/grants/{grant_id}/withdraw": Permission.PARTY_GRANT,
    "POST /parties/{party_id}/keys": Permission.KEY_ISSUE,
    "POST /parties/{party_id}/legal-basis": Permission.PARTY_UPDATE,
    "GET /keys": Permission.KEY_READ,
    "POST /keys": Permission.KEY_ISSUE,
    "POST /keys/{key_id}/revoke": Permission.KEY_REVOKE,
    "GET /api/v1/people": Permission.PERSON_READ,
    "GET /api/v1/people/{person_id}": Permission.PERSON_READ,
    "GET /api/v1/parties": Permission.PARTY_READ,
    "POST /api/v1/parties": Permission.PARTY_ADD,
    "GET /api/v1/parties/{party_id}": Permission.PARTY_READ,
    "POST /api/v1/parties/{party_id}/end": Permission.PARTY_END,
    "GET /api/v1/parties/{party_id}/grants": Permission.PARTY_READ,
    "POST /api/v1/parties/{party_id}/grants": Permission.PARTY_GRANT,
    "POST /api/v1/parties/{party_id}/legal-basis": Permission.PARTY_UPDATE,
    "POST /api/v1/grants/{grant_id}/withdraw": Permission.PARTY_GRANT,
    "GET /api/v1/keys": Permission.KEY_READ,
    "POST /api/v1/keys/{key_id}/revoke": Permission.KEY_REVOKE,
}


# --- what the calls need -------------------------------------------------------------------------------------------


def now() -> datetime:
    """The time at which a test makes something."""
    return datetime.now(UTC)


def under_a_name(server: RunningServer) -> httpx2.Client:
    """A browser that asks by a name instead of an IP address, as passkeys need it."""
    return httpx2.Client(base_url=server.url.replace("127.0.0.1", "localhost"), timeout=PATIENCE_S)


def invitation(server: RunningServer, *roles: Role) -> tuple[Person, str]:
    """An invited person and the path of the invitation."""
    person = server.invite(*(roles or (Role.STAFF,)))
    with server.transaction() as conn:
        again = people.invite_again(conn, console(), person_id=person.id, base_url=server.url, now=now())
    return person, again.link.removeprefix(server.url)


def accepted(server: RunningServer, client: httpx2.Client | None = None) -> tuple[httpx2.Client, Person]:
    """A browser in which an invitation was accepted, up to the second factor."""
    person, path = invitation(server)
    client = client or server.client()
    submit(client, client.get(path), path, password=CANARY_PASSWORD, again=CANARY_PASSWORD)
    return client, person


def complete(server: RunningServer) -> tuple[httpx2.Client, Person, str, list[str]]:
    """A signed-in browser, the person, the secret in their app, and their recovery codes."""
    client, person = accepted(server)
    page = client.get("/sign-in/set-up")
    secret = shown_secret(page.text)
    codes = submit(client, page, "/sign-in/set-up", code=code_of(secret)).text
    return (
        client,
        person,
        secret,
        [line for line in codes.replace("<", " ").replace(">", " ").split() if line.count("-") == 3],
    )


def left_alone(made: Made) -> Made:
    """The same, its browser closed: the test goes on in another."""
    made[0].close()
    return made


def half_signed_in(server: RunningServer, person: Person, client: httpx2.Client | None = None) -> httpx2.Client:
    """A browser in which that person's password was right."""
    client = client or server.client()
    submit(client, client.get("/sign-in"), "/sign-in", email=person.email, password=CANARY_PASSWORD)
    return client


def with_passkey(server: RunningServer) -> tuple[httpx2.Client, Person, Authenticator]:
    """A signed-in browser of somebody whose only second factor is a passkey."""
    client, person = accepted(server, under_a_name(server))
    device = Authenticator(origin=str(client.base_url).rstrip("/"))
    page = client.get("/sign-in/set-up")
    options = form_to(page, "/sign-in/set-up/passkey").data["data-options"]
    answer = submit(client, page, "/sign-in/set-up/passkey", answer=device.create(options), name="Telephone")
    assert answer.status_code == 200, answer.text
    return client, person, device


def passkey_form(
    client: httpx2.Client, page: str, action: str, answer: Callable[[str], str], **typed: str
) -> dict[str, Any]:
    """What the form with a passkey button sends."""
    form = form_to(client.get(page), action)
    return form.values | {"answer": answer(form.data["data-options"])} | typed


def known_party(server: RunningServer, *, basis: bool = True) -> Party:
    """A party that we know."""
    with server.transaction() as conn:
        party = parties.add(conn, console(), name=CANARY_NAME, kind=PartyKind.PROVIDER, now=now())
        if basis:
            ends_on = now().date() + timedelta(days=30)
            party = parties.record_legal_basis(
                conn, console(), party_id=party.id, text="an agreement", reference="2026", ends_on=ends_on, now=now()
            )
    return party


def proposed_party(server: RunningServer) -> Party:
    """A party that introduced itself."""
    with server.transaction() as conn:
        # One that a test accepted has the same key, and would be returned as it is: known, with nothing to accept.
        for older in parties.list_parties(conn, console()):
            if older.state == "proposed" or (older.state == "known" and older.public_key == server.keys.public_key[::-1]):
                parties.end(conn, console(), party_id=older.id, now=now())
        return parties.introduce(
            conn,
            console(),
            name=CANARY_NAME,
            kind=PartyKind.PROVIDER,
            base_url="https://kanarie.example",
            public_key=server.keys.public_key[::-1],
            now=now(),
        )


def given_right(server: RunningServer) -> tuple[UUID, UUID]:
    """The ids of a party and of a grant."""
    party = known_party(server)
    with server.transaction() as conn:
        grant = grants.grant(conn, console(), party_id=party.id, right=GrantedRight.LIST_SUPPLIER, now=now())
    return party.id, grant.id


def issued_key(server: RunningServer) -> UUID:
    """The id of an API key."""
    with server.transaction() as conn:
        scopes = frozenset({Permission.JOB_READ})
        return api_keys.issue(conn, console(), name="a program", scopes=scopes, now=now()).key.id


def another_session(server: RunningServer, client: httpx2.Client) -> str:
    """The path that ends another session of the person who is signed in in `client`."""
    me = client.get("/me").text
    email = next(word for word in me.replace("<", " ").split() if "@kanarie.example" in word)
    with server.transaction() as conn:
        link = links.make_link(conn, console(), email=email, base_url=server.url, now=now())
    with server.client() as other:
        other.get(link)
    return next(form.action for form in forms_of(client.get("/me")) if form.action.startswith("/me/sessions/"))


def going_on(client: httpx2.Client, path: str, form: dict[str, Any] | None = None) -> Call:
    """A call from the same browser, which goes on after what was prepared in it."""
    client.close()
    again = httpx2.Client(base_url=client.base_url, cookies=client.cookies, timeout=PATIENCE_S)
    return Call(client=again, path=path, form=form or {})


# --- the calls -----------------------------------------------------------------------------------------------------


def _sign_in(server: RunningServer) -> Call:
    _, person, _, _ = left_alone(complete(server))
    return Call(client=server.client(), path="/sign-in", form={"email": person.email, "password": CANARY_PASSWORD})


def _sign_in_with_passkey(server: RunningServer) -> Call:
    _, _, device = left_alone(with_passkey(server))
    client = under_a_name(server)
    form = passkey_form(client, "/sign-in", "/sign-in/passkey", device.get)
    return going_on(client, path="/sign-in/passkey", form=form)


def _code(server: RunningServer) -> Call:
    _, person, secret, _ = left_alone(complete(server))
    code = code_of(secret, now() + timedelta(seconds=30))
    return going_on(half_signed_in(server, person), path="/sign-in/code", form={"code": code})


def _code_by_passkey(server: RunningServer) -> Call:
    _, person, device = left_alone(with_passkey(server))
    client = half_signed_in(server, person, under_a_name(server))
    form = passkey_form(client, "/sign-in/code", "/sign-in/code/passkey", device.get)
    return going_on(client, path="/sign-in/code/passkey", form=form)


def _recovery_code(server: RunningServer) -> Call:
    _, person, _, codes = left_alone(complete(server))
    return going_on(half_signed_in(server, person), path="/sign-in/recovery-code", form={"code": codes[0]})


def _set_up(server: RunningServer) -> Call:
    client, _ = accepted(server)
    page = client.get("/sign-in/set-up")
    form = form_to(page, "/sign-in/set-up").values | {"code": code_of(shown_secret(page.text))}
    return going_on(client, path="/sign-in/set-up", form=form)


def _set_up_passkey(server: RunningServer) -> Call:
    client, _ = accepted(server, under_a_name(server))
    device = Authenticator(origin=str(client.base_url).rstrip("/"))
    form = passkey_form(client, "/sign-in/set-up", "/sign-in/set-up/passkey", device.create, name="Key")
    return going_on(client, path="/sign-in/set-up/passkey", form=form)


def _accept(server: RunningServer) -> Call:
    _, path = invitation(server)
    return Call(client=server.client(), path=path, form={"password": CANARY_PASSWORD, "again": CANARY_PASSWORD})


def _app(server: RunningServer) -> Call:
    client = server.signed_in(Role.STAFF)
    page = client.get("/me/app")
    form = form_to(page, "/me/app").values | {"code": code_of(shown_secret(page.text))}
    return going_on(client, path="/me/app", form=form)


def _with_both_factors(server: RunningServer) -> tuple[httpx2.Client, Person]:
    client, person, _ = with_passkey(server)
    page = client.get("/me/app")
    submit(client, page, "/me/app", code=code_of(shown_secret(page.text)))
    return client, person


def _remove_app(server: RunningServer) -> Call:
    client, _ = _with_both_factors(server)
    return going_on(client, path="/me/app/remove")


def _add_passkey(server: RunningServer) -> Call:
    client, _, _ = with_passkey(server)
    device = Authenticator(origin=str(client.base_url).rstrip("/"))
    form = passkey_form(client, "/me/passkeys/add", "/me/passkeys", device.create, name="Second")
    return going_on(client, path="/me/passkeys", form=form)


def _remove_passkey(server: RunningServer) -> Call:
    client, _ = _with_both_factors(server)
    found = [form.action for form in forms_of(client.get("/me")) if form.action.startswith("/me/passkeys/")]
    return going_on(client, path=found[0])


def _end_session(server: RunningServer) -> Call:
    client = server.signed_in(Role.STAFF)
    return going_on(client, path=another_session(server, client))


def _password(server: RunningServer) -> Call:
    client = server.signed_in(Role.STAFF)
    return going_on(client, path="/me/password", form={"password": CANARY_PASSWORD, "again": CANARY_PASSWORD})


def _invite(server: RunningServer) -> Call:
    form = {"name": CANARY_NAME, "email": f"kanarievogel.{id(object())}@kanarie.example", "roles": ["staff"]}
    return Call(client=administrator(server), path="/people/invite", form=form)


def _about_person(end: str, **form: Any) -> Callable[[RunningServer], Call]:
    """A call about somebody who works here."""

    def prepare(server: RunningServer) -> Call:
        signed_in: SignedIn = server.session_of(server.invite(Role.STAFF))
        return Call(client=administrator(server), path=f"/people/{signed_in.person.id}/{end}", form=form)

    return prepare


def _invite_again(server: RunningServer) -> Call:
    person = server.invite(Role.STAFF)
    return Call(client=administrator(server), path=f"/people/{person.id}/invitation")


def _about_party(end: str, **form: Any) -> Callable[[RunningServer], Call]:
    """A call about a party that we know."""

    def prepare(server: RunningServer) -> Call:
        return Call(client=administrator(server), path=f"/parties/{known_party(server).id}/{end}", form=form)

    return prepare


def _accept_party(server: RunningServer) -> Call:
    party = proposed_party(server)
    assert party.public_key is not None
    form = {"fingerprint": fingerprint(party.public_key).upper()}
    return Call(client=administrator(server), path=f"/parties/{party.id}/accept", form=form)


def _withdraw(server: RunningServer) -> Call:
    party_id, grant_id = given_right(server)
    return Call(client=administrator(server), path=f"/parties/{party_id}/grants/{grant_id}/withdraw")


def _by_program(scope: Permission, path: Callable[[RunningServer], str], **json: Any) -> Callable[[RunningServer], Call]:
    """A call of a program."""
    return lambda server: Call(client=server.program(scope), path=path(server), json=json)


IN_A_MONTH = (now().date() + timedelta(days=30)).isoformat()
BASIS = {"reference": "2026", "ends_on": IN_A_MONTH}

CHANGES: dict[str, Change] = {
    "POST /sign-in": Change(action=Permission.ME_SIGN_IN, prepare=_sign_in),
    "POST /sign-in/passkey": Change(action=Permission.ME_SIGN_IN, prepare=_sign_in_with_passkey),
    "POST /sign-in/code": Change(action=Permission.ME_SIGN_IN, prepare=_code),
    "POST /sign-in/code/passkey": Change(action=Permission.ME_SIGN_IN, prepare=_code_by_passkey),
    "POST /sign-in/recovery-code": Change(action=Permission.ME_SIGN_IN, prepare=_recovery_code),
    "POST /sign-in/set-up": Change(action=Permission.ME_SIGN_IN, prepare=_set_up),
    "POST /sign-in/set-up/passkey": Change(action=Permission.ME_SIGN_IN, prepare=_set_up_passkey),
    "POST /sign-out": Change(
        action=Permission.ME_SIGN_OUT, prepare=lambda server: Call(client=server.signed_in(Role.STAFF), path="/sign-out")
    ),
    "POST /invitation/{token}": Change(action=Permission.ME_ACCEPT, prepare=_accept),
    "POST /me/app": Change(action=Permission.ME_UPDATE, prepare=_app),
    "POST /me/app/remove": Change(action=Permission.ME_UPDATE, prepare=_remove_app),
    "POST /me/other-sessions/end": Change(
        action=Permission.ME_SIGN_OUT,
        prepare=lambda server: Call(client=server.signed_in(Role.STAFF), path="/me/other-sessions/end"),
    ),
    "POST /me/passkeys": Change(action=Permission.ME_UPDATE, prepare=_add_passkey),
    "POST /me/passkeys/{passkey_id}/remove": Change(action=Permission.ME_UPDATE, prepare=_remove_passkey),
    "POST /me/password": Change(action=Permission.ME_UPDATE, prepare=_password),
    "POST /me/recovery-codes": Change(
        action=Permission.ME_UPDATE, prepare=lambda server: going_on(complete(server)[0], path="/me/recovery-codes")
    ),
    "POST /me/sessions/{session_id}/end": Change(action=Permission.ME_SIGN_OUT, prepare=_end_session),
    "POST /people/invite": Change(action=Permission.PERSON_INVITE, prepare=_invite),
    "POST /people/{person_id}/invitation": Change(action=Permission.PERSON_INVITE, prepare=_invite_again),
    "POST /people/{person_id}/leave": Change(action=Permission.PERSON_LEAVE, prepare=_about_person("leave")),
    "POST /people/{person_id}/roles": Change(
        action=Permission.PERSON_UPDATE, prepare=_about_person("roles", roles=["auditor"])
    ),
    "POST /people/{person_id}/second-factor/reset": Change(
        action=Permission.PERSON_UPDATE, prepare=_about_person("second-factor/reset")
    ),
    "POST /parties/add": Change(
        action=Permission.PARTY_ADD,
        prepare=lambda server: Call(
            client=administrator(server), path="/parties/add", form={"name": CANARY_NAME, "kind": "hotline"}
        ),
    ),
    "POST /parties/{party_id}/accept": Change(action=Permission.PARTY_ADD, prepare=_accept_party),
    "POST /parties/{party_id}/details": Change(
        action=Permission.PARTY_UPDATE, prepare=_about_party("details", name="Another name")
    ),
    "POST /parties/{party_id}/end": Change(action=Permission.PARTY_END, prepare=_about_party("end")),
    "POST /parties/{party_id}/grants": Change(
        action=Permission.PARTY_GRANT, prepare=_about_party("grants", right="list_supplier", until=IN_A_MONTH)
    ),
    "POST /parties/{party_id}/grants/{grant_id}/withdraw": Change(action=Permission.PARTY_GRANT, prepare=_withdraw),
    "POST /parties/{party_id}/keys": Change(
        action=Permission.KEY_ISSUE, prepare=_about_party("keys", key_name="monitoring", scopes=["health:read"])
    ),
    "POST /parties/{party_id}/legal-basis": Change(
        action=Permission.PARTY_UPDATE, prepare=_about_party("legal-basis", legal_basis="an agreement", **BASIS)
    ),
    "POST /keys": Change(
        action=Permission.KEY_ISSUE,
        prepare=lambda server: Call(
            client=administrator(server), path="/keys", form={"name": "gate", "days": "30", "scopes": ["job:read"]}
        ),
    ),
    "POST /keys/{key_id}/revoke": Change(
        action=Permission.KEY_REVOKE,
        prepare=lambda server: Call(client=administrator(server), path=f"/keys/{issued_key(server)}/revoke"),
    ),
    "POST /api/v1/parties": Change(
        action=Permission.PARTY_ADD,
        prepare=_by_program(Permission.PARTY_ADD, lambda _: "/api/v1/parties", name=CANARY_NAME, kind="hotline"),
    ),
    "POST /api/v1/parties/{party_id}/end": Change(
        action=Permission.PARTY_END,
        prepare=_by_program(Permission.PARTY_END, lambda server: f"/api/v1/parties/{known_party(server).id}/end"),
    ),
    "POST /api/v1/parties/{party_id}/grants": Change(
        action=Permission.PARTY_GRANT,
        prepare=_by_program(
            Permission.PARTY_GRANT,
            lambda server: f"/api/v1/parties/{known_party(server).id}/grants",
            right="list_supplier",
        ),
    ),
    "POST /api/v1/parties/{party_id}/legal-basis": Change(
        action=Permission.PARTY_UPDATE,
        prepare=_by_program(
            Permission.PARTY_UPDATE,
            lambda server: f"/api/v1/parties/{known_party(server, basis=False).id}/legal-basis",
            text="an agreement",
            **BASIS,
        ),
    ),
    "POST /api/v1/grants/{grant_id}/withdraw": Change(
        action=Permission.PARTY_GRANT,
        prepare=_by_program(Permission.PARTY_GRANT, lambda server: f"/api/v1/grants/{given_right(server)[1]}/withdraw"),
    ),
    "POST /api/v1/keys/{key_id}/revoke": Change(
        action=Permission.KEY_REVOKE,
        prepare=_by_program(Permission.KEY_REVOKE, lambda server: f"/api/v1/keys/{issued_key(server)}/revoke"),
    ),
}
