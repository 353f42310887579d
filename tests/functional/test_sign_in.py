"""Signing in through the pages, from the first start to the second factor, as a person does it."""

import html
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from running.forms import form_to, forms_of, submit
from running.server import CANARY_PASSWORD, RunningServer, console
from running.totp import code_of, shown_secret

from vangnet.identity.model import Language
from vangnet.identity.permissions import Role
from vangnet.identity.service import links, people

StartServer = Callable[..., AbstractContextManager[RunningServer]]


def invitation_for(server: RunningServer, email: str, *roles: Role, language: Language = Language.EN) -> str:
    """The path of an invitation."""
    with server.transaction() as conn:
        invited = people.invite(
            conn,
            console(),
            name="Kanarievogel Testpersoon",
            email=email,
            roles=frozenset(roles or {Role.STAFF}),
            language=language,
            base_url=server.url,
            now=datetime.now(UTC),
        )
    return invited.link.removeprefix(server.url)


def shown_codes(answer: httpx2.Response) -> list[str]:
    """The recovery codes."""
    return re.findall(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b", answer.text)


def come_in(server: RunningServer, client: httpx2.Client, email: str, *roles: Role) -> tuple[str, list[str]]:
    """Accepts an invitation up to the signed-in start page; the app's secret and the recovery codes."""
    path = invitation_for(server, email, *roles)
    answer = submit(client, client.get(path), path, password=CANARY_PASSWORD, again=CANARY_PASSWORD)
    assert answer.headers["location"] == "/sign-in/set-up"
    page = client.get("/sign-in/set-up")
    secret = shown_secret(page.text)
    codes = submit(client, page, "/sign-in/set-up", code=code_of(secret))
    assert codes.status_code == 200
    assert client.get("/").status_code == 200
    return secret, shown_codes(codes)


@pytest.fixture
def email(request: pytest.FixtureRequest) -> str:
    """An address of this test's own, which is a canary."""
    return f"kanarievogel.{abs(hash(request.node.nodeid)):x}@kanarie.example"


@pytest.fixture
def other_browser(server: RunningServer) -> Iterator[httpx2.Client]:
    """Another browser of the same person."""
    with server.client() as client:
        yield client


def test_an_invitation_leads_to_a_signed_in_start_page_with_ten_recovery_codes(
    server: RunningServer, anonymous: httpx2.Client, email: str
) -> None:
    _, codes = come_in(server, anonymous, email)
    assert len(set(codes)) == 10
    assert anonymous.get("/people").status_code == 200


def test_password_and_code_sign_in_and_lead_to_the_page_that_was_wanted(
    server: RunningServer, anonymous: httpx2.Client, other_browser: httpx2.Client, email: str
) -> None:
    secret, _ = come_in(server, anonymous, email)
    refused = other_browser.get("/people")
    page = other_browser.get(refused.headers["location"])
    answer = submit(other_browser, page, "/sign-in", email=email, password=CANARY_PASSWORD)
    assert answer.headers["location"] == "/sign-in/code?next=/people"
    page = other_browser.get(answer.headers["location"])
    # The code of this half minute was used to set the app up; the next one is taken already.
    answer = submit(other_browser, page, "/sign-in/code", code=code_of(secret, datetime.now(UTC) + timedelta(seconds=30)))
    assert (answer.status_code, answer.headers["location"]) == (303, "/people")
    assert other_browser.get("/people").status_code == 200


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    server: RunningServer, anonymous: httpx2.Client, other_browser: httpx2.Client, email: str
) -> None:
    come_in(server, anonymous, email)
    page = other_browser.get("/sign-in")
    wrong = submit(other_browser, page, "/sign-in", email=email, password="not the password")
    unknown = submit(other_browser, page, "/sign-in", email="x" + email, password="not the password")
    assert wrong.status_code == unknown.status_code == 422

    def without_values(answer: httpx2.Response) -> str:
        # The challenge of the passkey button is another one each time, and the address stays in its field.
        return re.sub(r'(data-options|value)="[^"]*"', "", answer.text)

    assert without_values(wrong) == without_values(unknown)
    assert html.escape(email) in wrong.text, "what was typed stays"
    assert "not the password" not in wrong.text


def test_a_recovery_code_signs_in_once_and_says_so(
    server: RunningServer, anonymous: httpx2.Client, other_browser: httpx2.Client, email: str
) -> None:
    _, codes = come_in(server, anonymous, email)
    for expected in ("/me?done=recovery-code-used", None):
        submit(other_browser, other_browser.get("/sign-in"), "/sign-in", email=email, password=CANARY_PASSWORD)
        page = other_browser.get("/sign-in/recovery-code")
        answer = submit(other_browser, page, "/sign-in/recovery-code", code=codes[0])
        assert answer.headers.get("location") == expected
        if expected is not None:
            assert "9 unused" in other_browser.get(expected).text
            other_browser.post("/sign-out")
    assert answer.status_code == 422


def test_a_link_from_the_console_signs_in_once(server: RunningServer, anonymous: httpx2.Client, email: str) -> None:
    invitation_for(server, email)
    with server.transaction() as conn:
        link = links.make_link(conn, console(), email=email, base_url=server.url, now=datetime.now(UTC))
    answer = anonymous.get(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert anonymous.get("/me").status_code == 200
    # From an address of its own: void links are counted, and other tests try some from here.
    with server.client(headers={"X-Forwarded-For": "192.0.2.133"}) as second:
        assert second.get(link).status_code == 404
        assert second.get("/me").headers["location"] == "/sign-in?next=/me"


def test_signing_out_ends_the_session_for_good(server: RunningServer, visitor: Callable[..., httpx2.Client]) -> None:
    client = visitor(Role.STAFF)
    cookies = dict(client.cookies)
    answer = client.post("/sign-out")
    assert answer.headers["location"] == "/sign-in?done=signed-out"
    assert "signed out" in client.get(answer.headers["location"]).text
    with server.client(cookies=cookies) as thief:
        assert thief.get("/").headers["location"] == "/sign-in"


@pytest.mark.parametrize(
    "wanted", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:alert(1)"]
)
def test_signing_in_leads_to_no_other_site(
    server: RunningServer, anonymous: httpx2.Client, email: str, wanted: str
) -> None:
    _, codes = come_in(server, anonymous, email)
    with server.client() as client:
        page = client.get("/sign-in", params={"next": wanted})
        assert form_to(page, "/sign-in").values["next"] == ["/"]
        answer = client.post("/sign-in", data={"email": email, "password": CANARY_PASSWORD, "next": wanted})
        assert answer.headers["location"] == "/sign-in/code"
        answer = client.post("/sign-in/recovery-code", data={"code": codes[0], "next": wanted})
        assert answer.headers["location"].startswith("/me?")


def test_an_invitation_is_void_after_it_was_accepted(server: RunningServer, anonymous: httpx2.Client, email: str) -> None:
    path = invitation_for(server, email)
    submit(anonymous, anonymous.get(path), path, password=CANARY_PASSWORD, again=CANARY_PASSWORD)
    with server.client() as thief:
        assert thief.get(path).status_code == 404
        assert thief.post(path, data={"password": CANARY_PASSWORD, "again": CANARY_PASSWORD}).status_code == 404


def test_a_bad_password_is_told_and_the_invitation_still_counts(
    server: RunningServer, anonymous: httpx2.Client, email: str
) -> None:
    path = invitation_for(server, email)
    for password, again, told in [
        ("short", "short", "at least 12 characters"),
        ("welkom123456", "welkom123456", "tried first"),
        (CANARY_PASSWORD, CANARY_PASSWORD + "x", "not the same as the first time"),
    ]:
        answer = submit(anonymous, anonymous.get(path), path, password=password, again=again)
        assert answer.status_code == 422
        assert told in answer.text
        assert password not in answer.text
    assert submit(anonymous, anonymous.get(path), path, password=CANARY_PASSWORD, again=CANARY_PASSWORD).status_code == 303


def test_a_mistyped_code_keeps_the_secret_that_was_scanned(
    server: RunningServer, anonymous: httpx2.Client, email: str
) -> None:
    path = invitation_for(server, email)
    submit(anonymous, anonymous.get(path), path, password=CANARY_PASSWORD, again=CANARY_PASSWORD)
    page = anonymous.get("/sign-in/set-up")
    secret = shown_secret(page.text)
    wrong = submit(anonymous, page, "/sign-in/set-up", code="12")
    assert wrong.status_code == 422
    assert shown_secret(wrong.text) == secret
    assert submit(anonymous, wrong, "/sign-in/set-up", code=code_of(secret)).status_code == 200


def test_the_invitation_can_be_finished_another_day(server: RunningServer, anonymous: httpx2.Client, email: str) -> None:
    path = invitation_for(server, email)
    submit(anonymous, anonymous.get(path), path, password=CANARY_PASSWORD, again=CANARY_PASSWORD)
    with server.client() as later:
        submit(later, later.get("/sign-in"), "/sign-in", email=email, password=CANARY_PASSWORD)
        assert later.get("/sign-in/code").headers["location"] == "/sign-in/set-up"
        page = later.get("/sign-in/set-up")
        assert submit(later, page, "/sign-in/set-up", code=code_of(shown_secret(page.text))).status_code == 200


def test_a_second_factor_cannot_be_added_with_the_password_alone_where_there_is_one(
    server: RunningServer, anonymous: httpx2.Client, other_browser: httpx2.Client, email: str
) -> None:
    come_in(server, anonymous, email)
    submit(other_browser, other_browser.get("/sign-in"), "/sign-in", email=email, password=CANARY_PASSWORD)
    assert other_browser.get("/sign-in/set-up").headers["location"] == "/sign-in/code"
    assert other_browser.post("/sign-in/set-up", data={"sealed": "", "code": "000000"}).status_code == 409


def test_the_first_administrator_says_who_they_are(start_server: StartServer) -> None:
    with start_server() as server:
        with server.transaction() as conn:
            link = people.first_administrator_link(conn, console(), base_url=server.url, now=datetime.now(UTC))
        assert link is not None
        path = link.removeprefix(server.url)
        with server.client() as client:
            typed = {"name": "Kanarievogel", "email": "kanarievogel@kanarie.example"}
            answer = submit(client, client.get(path), path, **typed, password="short", again="short")
            assert "kanarievogel@kanarie.example" in answer.text, "what was typed stays"
            answer = submit(client, answer, path, **typed, password=CANARY_PASSWORD, again=CANARY_PASSWORD)
            page = client.get(answer.headers["location"])
            submit(client, page, "/sign-in/set-up", code=code_of(shown_secret(page.text)))
            assert client.get("/people/invite").status_code == 200
        with server.transaction() as conn:
            assert people.first_administrator_link(conn, console(), base_url=server.url, now=datetime.now(UTC)) is None


def test_too_many_wrong_passwords_are_told_with_the_wait(
    server: RunningServer, anonymous: httpx2.Client, email: str
) -> None:
    for _ in range(5):
        anonymous.post("/sign-in", data={"email": email, "password": "not the password"})
    answer = anonymous.post("/sign-in", data={"email": email, "password": "not the password"})
    assert answer.status_code == 429
    assert "Too many attempts" in answer.text
    assert form_to(answer, "/sign-in").values["email"] == [email]


def test_the_pages_of_signing_in_work_without_script(server: RunningServer, anonymous: httpx2.Client) -> None:
    for form in forms_of(anonymous.get("/sign-in")):
        assert form.action.startswith("/")


@pytest.mark.parametrize("language", list(Language))
def test_the_pages_speak_the_language_of_the_browser(server: RunningServer, language: Language) -> None:
    with server.client(headers={"Accept-Language": language}) as client:
        text = client.get("/sign-in").text
    assert f'<html lang="{language}"' in text
    assert ("Wachtwoord" in text) is (language is Language.NL)
