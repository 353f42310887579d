"""The pages of people, parties, keys and one's own account, used as a person does: what they show, keep and refuse."""

import itertools
import re
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from running import identity_routes as prepared
from running.forms import form_to, forms_of, submit
from running.server import CANARY_PASSWORD, RunningServer, console
from running.totp import code_of, shown_secret

from vangnet.identity.model import PartyState
from vangnet.identity.permissions import Permission, Role
from vangnet.identity.service import api_keys, parties, people
from vangnet.keys import fingerprint

Visitor = Callable[..., httpx2.Client]
_numbers = itertools.count(1)
IN_A_MONTH = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()


def an_address() -> str:
    return f"kanarievogel.page.{next(_numbers)}@kanarie.example"


def secret_in(answer: httpx2.Response) -> str:
    """What a page shows only now."""
    found = re.search(r'<p class="secret"><code>(.*?)</code>', answer.text, re.DOTALL)
    assert found, answer.text
    return found[1]


# --- people --------------------------------------------------------------------------------------------------------


def test_an_invitation_is_shown_once_and_lets_the_colleague_in(server: RunningServer, visitor: Visitor) -> None:
    client = visitor(Role.ADMINISTRATOR)
    email = an_address()
    page = client.get("/people/invite")
    answer = submit(client, page, "/people/invite", name="Kanarievogel", email=email, roles=["staff", "auditor"])
    link = secret_in(answer)
    assert link.startswith(f"{server.url}/invitation/")
    person = re.search(r'href="(/people/[0-9a-f-]{36})"', answer.text)
    assert person
    assert link.rsplit("/", 1)[1] not in client.get(person[1]).text
    assert "invited" in client.get(person[1]).text
    with server.client() as colleague:
        assert colleague.get(link).status_code == 200


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"email": "no address"}, "must be an e-mail address"),
        ({"name": "   "}, "must not be empty"),
        ({"roles": []}, "must have at least one role"),
        ({"roles": ["emperor"]}, "must be one of the roles"),
    ],
    ids=["email", "name", "no role", "no such role"],
)
def test_a_refused_invitation_keeps_what_was_typed(visitor: Visitor, typed: dict[str, object], told: str) -> None:
    client = visitor(Role.ADMINISTRATOR)
    given = {"name": "Kanarievogel", "email": an_address(), "language": "en", "roles": ["auditor"]} | typed
    answer = client.post("/people/invite", data=given)
    assert answer.status_code == 422
    assert told in answer.text.lower()
    kept = form_to(answer, "/people/invite").values
    assert kept["email"] == [given["email"]]
    assert kept["language"] == ["en"]
    assert kept.get("roles", []) == [role for role in given["roles"] if role != "emperor"]  # type: ignore[attr-defined]


def test_the_same_address_twice_is_told_at_its_field(server: RunningServer, visitor: Visitor) -> None:
    person = server.invite(Role.STAFF)
    client = visitor(Role.ADMINISTRATOR)
    page = client.get("/people/invite")
    answer = submit(client, page, "/people/invite", name="x", email=person.email, roles=["staff"])
    assert answer.status_code == 422
    assert "is here already" in answer.text


def test_whoever_may_only_read_sees_people_and_no_button(server: RunningServer, visitor: Visitor) -> None:
    person = server.session_of(server.invite(Role.STAFF)).person
    client = visitor(Role.AUDITOR)
    assert "/people/invite" not in client.get("/people").text
    page = client.get(f"/people/{person.id}")
    assert not [form for form in forms_of(page) if form.action.startswith("/people")]


def test_a_reset_is_told_to_the_person(server: RunningServer, visitor: Visitor) -> None:
    theirs, person, _, _ = prepared.complete(server)
    with closing(theirs):
        client = visitor(Role.ADMINISTRATOR)
        path = f"/people/{person.id}/second-factor/reset"
        assert submit(client, client.get(f"/people/{person.id}"), path).status_code == 303
        assert theirs.get("/me").headers["location"] == "/sign-in?next=/me"
        submit(theirs, theirs.get("/sign-in"), "/sign-in", email=person.email, password=CANARY_PASSWORD)
        page = theirs.get("/sign-in/set-up")
        submit(theirs, page, "/sign-in/set-up", code=code_of(shown_secret(page.text)))
        assert "An administrator reset your second step" in theirs.get("/me").text


def test_letting_somebody_go_ends_their_session_at_the_next_click(server: RunningServer, visitor: Visitor) -> None:
    theirs, person, _, _ = prepared.complete(server)
    with closing(theirs):
        client = visitor(Role.ADMINISTRATOR)
        answer = submit(client, client.get(f"/people/{person.id}"), f"/people/{person.id}/leave")
        assert "has left" in client.get(answer.headers["location"]).text
        assert theirs.get("/people").headers["location"] == "/sign-in?next=/people"


def test_the_last_administrator_is_told_why_not(new_server: RunningServer) -> None:
    with new_server.signed_in(Role.ADMINISTRATOR) as client:
        with new_server.transaction() as conn:
            [person] = people.list_people(conn, console())
        page = client.get(f"/people/{person.id}")
        answer = submit(client, page, f"/people/{person.id}/leave")
        assert answer.status_code == 409
        assert "last active administrator" in answer.text
        answer = submit(client, page, f"/people/{person.id}/roles", roles=["staff"])
        assert answer.status_code == 422
        assert form_to(answer, f"/people/{person.id}/roles").values["roles"] == ["staff"]


# --- parties and keys ----------------------------------------------------------------------------------------------


def test_a_party_is_accepted_by_what_was_read_out(server: RunningServer, visitor: Visitor) -> None:
    party = prepared.proposed_party(server)
    assert party.public_key
    client = visitor(Role.ADMINISTRATOR)
    path = f"/parties/{party.id}"
    wrong = submit(client, client.get(path), f"{path}/accept", fingerprint="0000 0000 0000 0000")
    assert wrong.status_code == 422
    assert "compare the fingerprints again" in wrong.text
    assert form_to(wrong, f"{path}/accept").values["fingerprint"] == ["0000 0000 0000 0000"]
    right = submit(client, wrong, f"{path}/accept", fingerprint=fingerprint(party.public_key))
    assert "You vouch for this party now" in client.get(right.headers["location"]).text
    with server.transaction() as conn:
        accepted = parties.party(conn, party.id)
        assert accepted.state is PartyState.KNOWN
        parties.end(conn, console(), party_id=party.id, now=datetime.now(UTC))


@pytest.mark.parametrize(
    ("form", "typed", "told"),
    [
        ("legal-basis", {"legal_basis": "x", "reference": "y", "ends_on": "2020-01-01"}, "must not be in the past"),
        ("legal-basis", {"legal_basis": "x", "reference": "y", "ends_on": "soon"}, "must be a date"),
        ("legal-basis", {"legal_basis": " ", "reference": "y", "ends_on": IN_A_MONTH}, "must not be empty"),
        ("details", {"name": "x", "contact_email": "no address"}, "must be an e-mail address"),
        ("details", {"name": "x", "base_url": "http://elsewhere.example"}, "must start with https://"),
        ("grants", {"right": "emperor"}, "must be one of the rights"),
        ("grants", {"right": "list_supplier", "until": "2020-01-01"}, "must not be in the past"),
        ("keys", {"key_name": "x", "scopes": ["key:issue"]}, "must hold nothing by which"),
        ("keys", {"key_name": " ", "scopes": ["health:read"]}, "must not be empty"),
        ("keys", {"key_name": "x", "scopes": ["nonsense"]}, "must be permissions that there are"),
    ],
    ids=range(10),
)
def test_a_refused_form_of_a_party_says_why_and_keeps_what_was_typed(
    server: RunningServer, visitor: Visitor, form: str, typed: dict[str, object], told: str
) -> None:
    party = prepared.known_party(server)
    client = visitor(Role.ADMINISTRATOR)
    answer = client.post(f"/parties/{party.id}/{form}", data=typed)
    assert answer.status_code == 422
    assert told in answer.text.lower()
    kept = form_to(answer, f"/parties/{party.id}/{form}").values
    for name, value in typed.items():
        if isinstance(value, str) and value != "emperor":
            assert kept[name] == [value]


def test_a_partys_key_is_shown_once(server: RunningServer, visitor: Visitor) -> None:
    party = prepared.known_party(server)
    client = visitor(Role.ADMINISTRATOR)
    page = client.get(f"/parties/{party.id}")
    answer = submit(client, page, f"/parties/{party.id}/keys", key_name="monitoring", scopes=["health:read"])
    text = secret_in(answer)
    assert text not in client.get(f"/parties/{party.id}").text
    assert text.split("_")[1] in client.get(f"/parties/{party.id}").text
    with server.client(headers={"Authorization": f"Bearer {text}"}) as program:
        assert program.get("/metrics").status_code == 200
        assert program.get("/api/v1/parties").status_code == 403


def test_a_party_without_a_legal_basis_is_offered_no_key(server: RunningServer, visitor: Visitor) -> None:
    party = prepared.known_party(server, basis=False)
    client = visitor(Role.ADMINISTRATOR)
    page = client.get(f"/parties/{party.id}")
    assert "Record a legal basis first" in page.text
    answer = client.post(f"/parties/{party.id}/keys", data={"key_name": "x", "scopes": ["health:read"]})
    assert answer.status_code == 422
    assert "no legal basis" in answer.text


def test_a_refused_party_keeps_what_was_typed(visitor: Visitor) -> None:
    client = visitor(Role.ADMINISTRATOR)
    typed = {
        "name": "Wolkenhuis",
        "kind": "police",
        "contact_name": "Kanarievogel",
        "contact_email": "kanarievogel@kanarie.example",
        "base_url": "https://kanarie.example",
        "public_key": "not a key",
    }
    answer = submit(client, client.get("/parties/add"), "/parties/add", **typed)
    assert answer.status_code == 422
    assert {name: [value] for name, value in typed.items()} == form_to(answer, "/parties/add").values
    again = submit(client, answer, "/parties/add", public_key="11" * 31)
    assert "must have 32 bytes" in again.text.lower()


def test_our_own_key_is_shown_once_revoked_and_refused(server: RunningServer, visitor: Visitor) -> None:
    client = visitor(Role.ADMINISTRATOR)
    answer = submit(client, client.get("/keys"), "/keys", name="gate", days="30", scopes=["job:read"])
    text = secret_in(answer)
    with server.client(headers={"Authorization": f"Bearer {text}"}) as program:
        assert program.get("/api/v1/jobs").status_code == 200
        with server.transaction() as conn:
            key = next(key for key in api_keys.list_keys(conn, console()) if key.prefix == text.split("_")[1])
        submit(client, client.get("/keys"), f"/keys/{key.id}/revoke")
        assert program.get("/api/v1/jobs").status_code == 401


@pytest.mark.parametrize("days", ["0", "732", "x", "-1", "\u0661"])
def test_a_key_lives_between_a_day_and_two_years(visitor: Visitor, days: str) -> None:
    client = visitor(Role.ADMINISTRATOR)
    answer = submit(client, client.get("/keys"), "/keys", name="gate", days=days, scopes=["job:read"])
    assert answer.status_code == 422
    assert form_to(answer, "/keys").values["days"] == [days]


# --- the same for programs -----------------------------------------------------------------------------------------


def test_programs_read_people_parties_and_keys(server: RunningServer, program: Visitor) -> None:
    person, party = server.invite(Role.STAFF), prepared.known_party(server)
    client = program(Permission.PERSON_READ, Permission.PARTY_READ, Permission.KEY_READ)
    assert client.get(f"/api/v1/people/{person.id}").json()["email"] == person.email
    assert person.email in {one["email"] for one in client.get("/api/v1/people").json()}
    read = client.get(f"/api/v1/parties/{party.id}").json()
    assert (read["name"], read["state"], read["legal_basis"]["reference"]) == (party.name, "known", "2026")
    assert client.get("/api/v1/keys").json()[0]["prefix"]
    assert client.get(f"/api/v1/parties/{party.id}/grants").json() == []


def test_a_program_that_sends_what_is_not_asked_for_is_refused(program: Visitor) -> None:
    client = program(Permission.PARTY_ADD)
    answer = client.post("/api/v1/parties", json={"name": "x", "kind": "hotline", "state": "known"})
    assert answer.status_code == 422
    answer = client.post("/api/v1/parties", json={"name": "x", "kind": "hotline", "public_key": "zz"})
    assert (answer.status_code, answer.json()["message"]) == (422, "`public_key` must have 64 hex digits")


# --- one's own account ---------------------------------------------------------------------------------------------


def test_a_second_session_is_listed_and_ended(server: RunningServer, visitor: Visitor) -> None:
    client = visitor(Role.STAFF)
    path = prepared.another_session(server, client)
    assert client.get("/me").text.count("link from the console") == 2
    submit(client, client.get("/me"), path)
    assert client.get("/me").text.count("link from the console") == 1


def test_a_wrong_password_now_is_told_and_changes_nothing(server: RunningServer) -> None:
    client, person, _, codes = prepared.complete(server)
    with closing(client):
        typed = {"password": "een nieuwe zin over zon", "again": "een nieuwe zin over zon"}
        page = client.get("/me")
        wrong = submit(client, page, "/me/password", current="not the password", **typed)
        assert wrong.status_code == 422
        assert "is not your password" in wrong.text.lower()
        different = submit(client, page, "/me/password", current=CANARY_PASSWORD, **(typed | {"again": "x"}))
        assert "not the same as the first time" in different.text.lower()
        short = submit(client, page, "/me/password", current=CANARY_PASSWORD, password="short", again="short")
        assert "at least 12 characters" in short.text
        right = submit(client, page, "/me/password", current=CANARY_PASSWORD, **typed)
        assert right.headers["location"] == "/me?done=password-changed"
    with server.client() as again:
        submit(again, again.get("/sign-in"), "/sign-in", email=person.email, password=typed["password"])
        page = again.get("/sign-in/recovery-code")
        assert submit(again, page, "/sign-in/recovery-code", code=codes[1]).status_code == 303


def test_new_recovery_codes_are_shown_once(server: RunningServer) -> None:
    client, _, _, codes = prepared.complete(server)
    with closing(client):
        answer = submit(client, client.get("/me"), "/me/recovery-codes")
        shown = re.findall(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b", answer.text)
        assert len(set(shown)) == 10
        assert not set(shown) & set(codes)


def test_a_sign_in_of_long_ago_offers_no_change_of_how_one_signs_in(server: RunningServer) -> None:
    client, person, _, _ = prepared.complete(server)
    with closing(client):
        with server.transaction() as conn:
            conn.execute("UPDATE session SET whole_at = whole_at - interval '15 minutes' WHERE person_id = %s", [person.id])
        page = client.get("/me")
        assert "sign out and sign in again" in page.text
        assert not {"/me/recovery-codes", "/me/app/remove"} & {form.action for form in forms_of(page)}
        assert client.get("/me/app").status_code == 409
        assert client.post("/me/recovery-codes").status_code == 409
