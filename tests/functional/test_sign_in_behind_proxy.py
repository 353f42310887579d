"""Who asks, behind a reverse proxy: limits on guessing must tell people apart, and must not be talked around."""

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx2
from running.server import RunningServer

StartServer = Callable[..., AbstractContextManager[RunningServer]]
_numbers = itertools.count(1)


def taken(client: httpx2.Client, *forwarded: str) -> int:
    """How many wrong passwords for one account were taken, sent with these headers one after the other."""
    email = f"kanarievogel.{next(_numbers)}@proxy.example"
    answers = [
        client.post(
            "/sign-in",
            data={"email": email, "password": "not the password"},
            headers={"X-Forwarded-For": shown} if shown else {},
        )
        for shown in forwarded
    ]
    return sum(answer.status_code == 422 for answer in answers)


def test_the_proxys_last_word_says_who_asks(server: RunningServer) -> None:
    with server.client() as client:
        assert taken(client, *["192.0.2.7"] * 6, *["192.0.2.8"] * 3) == 5 + 3


def test_what_a_client_claims_before_the_proxys_word_changes_nothing(server: RunningServer) -> None:
    with server.client() as client:
        assert taken(client, *(f"198.51.100.{number}, 192.0.2.9" for number in range(8))) == 5


def test_without_a_word_of_the_proxy_it_is_the_proxy_who_asks(server: RunningServer) -> None:
    with server.client() as client:
        assert taken(client, "", ",", ",,", "", ",", ",,") == 5


def test_several_trusted_proxies_in_a_row_are_passed_over(start_server: StartServer) -> None:
    with start_server(trusted_proxies="127.0.0.1, 10.0.0.1") as server, server.client() as client:
        assert taken(client, *(f"192.0.2.{number}, 10.0.0.1" for number in range(7))) == 7


def test_a_proxy_that_is_not_trusted_is_not_believed(start_server: StartServer) -> None:
    with start_server(trusted_proxies="10.0.0.1") as server, server.client() as client:
        assert taken(client, *(f"192.0.2.{number}" for number in range(7))) == 5
