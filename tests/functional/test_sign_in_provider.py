"""Signing in by the party's own identity provider, against a real one (OpenID Connect, certified) on loopback."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from pydantic import SecretStr
from running.identity_provider import CLIENT_ID, CLIENT_SECRET, RunningProvider, running_provider
from running.server import RunningServer, console

from vangnet.identity.model import Language
from vangnet.identity.permissions import Role
from vangnet.identity.service import people

StartServer = Callable[..., AbstractContextManager[RunningServer]]
ANNA = "anna@kanarie.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """An installation and the identity provider that it trusts."""

    server: RunningServer
    provider: RunningProvider

    def invite(self, email: str, *roles: Role) -> None:
        """Somebody whom an administrator invited."""
        with self.server.transaction() as conn:
            people.invite(
                conn,
                console(),
                name="Kanarievogel",
                email=email,
                roles=frozenset(roles or {Role.STAFF}),
                language=Language.EN,
                base_url=self.server.url,
                now=datetime.now(UTC),
            )

    def accounts(self, accounts: dict[str, dict[str, Any]], **more: Any) -> None:
        """Who there is at the provider."""
        self.provider.configure(self.server.url, accounts, **more)

    def sign_in(self, browser: httpx2.Client, account: str, wanted: str = "/") -> httpx2.Response:
        """There and back; our answer to the way back."""
        departure = browser.get("/sign-in/provider", params={"next": wanted})
        assert departure.status_code == 303, departure.text
        return browser.get(self.provider.journey(departure.headers["location"], account))


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProvider]:
    """The provider. Each test says anew whose it is and whom it knows."""
    with running_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture
def start_both(start_server: StartServer, provider: RunningProvider) -> Callable[..., AbstractContextManager[Both]]:
    """Starts both, with these settings of the installation."""

    @contextmanager
    def start(**settings: Any) -> Iterator[Both]:
        given = {"oidc_client_id": CLIENT_ID, "oidc_client_secret": SecretStr(CLIENT_SECRET), **settings}
        with start_server(oidc_issuer=provider.issuer, **given) as server:
            yield Both(server=server, provider=provider)

    return start


@pytest.fixture
def both(start_both: Callable[..., AbstractContextManager[Both]]) -> Iterator[Both]:
    """An installation that takes its provider's sign-in as whole, where Anna is invited and known there."""
    with start_both(oidc_proves_second_factor=True) as started:
        started.invite(ANNA)
        started.accounts({"a1": {"email": ANNA, "email_verified": True}})
        yield started


@pytest.fixture
def browser(both: Both) -> Iterator[httpx2.Client]:
    """A browser."""
    with both.server.client() as client:
        yield client


def test_an_invited_person_signs_in_and_comes_to_the_page_that_was_wanted(both: Both, browser: httpx2.Client) -> None:
    assert "Sign in at 127.0.0.1" in browser.get("/sign-in").text
    answer = both.sign_in(browser, "a1", "/people")
    assert (answer.status_code, answer.headers["location"]) == (303, "/people")
    assert browser.get("/people").status_code == 200
    assert "identity provider" in browser.get("/me").text


def test_somebody_who_was_never_invited_is_refused(both: Both, browser: httpx2.Client) -> None:
    both.accounts({"b1": {"email": "bram@kanarie.example", "email_verified": True}})
    answer = both.sign_in(browser, "b1")
    assert answer.status_code == 403
    assert "nobody here invited you" in answer.text
    assert browser.get("/").headers["location"] == "/sign-in"


@pytest.mark.parametrize("verified", [False, None, "true"])
def test_an_address_that_the_provider_did_not_verify_brings_nobody_in(
    both: Both, browser: httpx2.Client, verified: object
) -> None:
    both.accounts({"a1": {"email": ANNA} | ({} if verified is None else {"email_verified": verified})})
    assert both.sign_in(browser, "a1").status_code == 403


def test_after_the_first_time_the_subject_counts_and_not_the_address(both: Both, browser: httpx2.Client) -> None:
    both.sign_in(browser, "a1")
    # Anna's address changed at the provider, and somebody else has it now.
    both.accounts({
        "a1": {"email": "visser@kanarie.example", "email_verified": True},
        "z9": {"email": ANNA, "email_verified": True},
    })  # fmt: skip
    with both.server.client() as annas, both.server.client() as another:
        assert both.sign_in(annas, "a1").headers["location"] == "/"
        assert ANNA in annas.get("/me").text
        assert both.sign_in(another, "z9").status_code == 403


def test_somebody_who_left_is_refused(both: Both, browser: httpx2.Client) -> None:
    both.sign_in(browser, "a1")
    with both.server.transaction() as conn:
        person = people.find_by_email(conn, console(), ANNA)
        assert person is not None
        people.leave(conn, console(), person_id=person.id, now=datetime.now(UTC))
    assert browser.get("/").headers["location"] == "/sign-in"
    assert both.sign_in(browser, "a1").status_code == 403


def test_refusing_there_leads_back_to_the_sign_in_page(both: Both, browser: httpx2.Client) -> None:
    departure = browser.get("/sign-in/provider")
    answer = browser.get(both.provider.journey(departure.headers["location"], "a1", answer="refuse"))
    assert answer.status_code == 400
    assert "was not completed" in answer.text


def test_the_way_back_counts_only_in_the_browser_that_left_and_only_once(both: Both, browser: httpx2.Client) -> None:
    departure = browser.get("/sign-in/provider")
    back = both.provider.journey(departure.headers["location"], "a1")
    with both.server.client() as thief:
        assert thief.get(back).status_code == 400
        thief.get("/sign-in/provider")
        assert thief.get(back).status_code == 400
    assert browser.get(back).headers["location"] == "/"
    assert browser.get(back).status_code == 400


def test_what_is_sent_there_has_pkce_a_nonce_and_our_own_way_back(both: Both, browser: httpx2.Client) -> None:
    sent = parse_qs(urlsplit(browser.get("/sign-in/provider").headers["location"]).query)
    assert sent["code_challenge_method"] == ["S256"]
    assert len(sent["code_challenge"][0]) == 43
    assert {"state", "nonce"} <= set(sent)
    assert sent["redirect_uri"] == [f"{both.server.url}/sign-in/provider/callback"]
    again = parse_qs(urlsplit(browser.get("/sign-in/provider").headers["location"]).query)
    assert all(sent[name] != again[name] for name in ("state", "nonce", "code_challenge"))


def test_a_sign_in_leads_to_no_other_site(both: Both, browser: httpx2.Client) -> None:
    assert both.sign_in(browser, "a1", "https://elsewhere.example/").headers["location"] == "/"


@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519"])
def test_other_signatures_are_taken_too(both: Both, browser: httpx2.Client, algorithm: str) -> None:
    both.accounts({"a1": {"email": ANNA, "email_verified": True}}, algorithm=algorithm)
    assert both.sign_in(browser, "a1").headers["location"] == "/"


def test_the_address_is_asked_for_apart_where_the_token_has_none(both: Both, browser: httpx2.Client) -> None:
    both.accounts({"a1": {"email": ANNA, "email_verified": True}}, claims_at_userinfo=True)
    assert both.sign_in(browser, "a1").headers["location"] == "/"


def test_without_the_setting_the_second_factor_is_asked_for_here(
    start_both: Callable[..., AbstractContextManager[Both]],
) -> None:
    with start_both() as both, both.server.client() as browser:
        both.invite(ANNA)
        both.accounts({"a1": {"email": ANNA, "email_verified": True}})
        assert both.sign_in(browser, "a1", "/people").headers["location"] == "/sign-in/code?next=/people"
        assert browser.get("/people").headers["location"] == "/sign-in/code"
        assert browser.get("/sign-in/code").headers["location"] == "/sign-in/set-up"
        assert browser.get("/sign-in/set-up").status_code == 200


def test_a_client_without_a_secret_signs_in_by_pkce_alone(start_both: Callable[..., AbstractContextManager[Both]]) -> None:
    with start_both(oidc_client_secret=None, oidc_proves_second_factor=True) as both, both.server.client() as browser:
        both.invite(ANNA)
        both.accounts({"a1": {"email": ANNA, "email_verified": True}}, client={"client_secret": None})
        assert both.sign_in(browser, "a1").headers["location"] == "/"


def test_a_provider_that_does_not_answer_is_told_and_the_other_ways_remain(start_server: StartServer) -> None:
    settings = {"oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": CLIENT_ID}
    with start_server(**settings) as server, server.client() as browser:
        assert browser.get("/sign-in/provider").status_code == 502
        assert browser.get("/sign-in").status_code == 200


def test_without_a_provider_there_is_no_such_way(server: RunningServer, anonymous: httpx2.Client) -> None:
    assert "/sign-in/provider" not in anonymous.get("/sign-in").text
    assert anonymous.get("/sign-in/provider").status_code == 404
    assert anonymous.get("/sign-in/provider/callback").status_code == 404
