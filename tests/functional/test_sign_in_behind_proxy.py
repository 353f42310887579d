"""Who asks, behind a reverse proxy: limits on guessing must tell people apart, and must not be talked around."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx2
import pytest
from running.server import RunningServer

StartServer = Callable[..., AbstractContextManager[RunningServer]]


def failures(client: httpx2.Client, times: int, forwarded: Callable[[int], str | None], email: str) -> int:
    """How many wrong passwords were taken before one had to wait."""
    for number in range(times):
        shown = forwarded(number)
        headers = {} if shown is None else {"X-Forwarded-For": shown}
        answer = client.post("/sign-in", data={"email": email, "password": "not the password"}, headers=headers)
        if answer.status_code == 429:
            return number
    return times


def test_the_proxys_last_word_says_who_asks(new_server: RunningServer) -> None:
    email = "kanarievogel@kanarie.example"
    with new_server.client() as client:
        assert failures(client, 10, lambda _: "192.0.2.7", email) == 5
        assert failures(client, 5, lambda _: "192.0.2.8", email) == 5


def test_what_a_client_claims_before_the_proxys_word_changes_nothing(new_server: RunningServer) -> None:
    with new_server.client() as client:
        assert failures(client, 10, lambda n: f"198.51.100.{n}, 192.0.2.7", "kanarievogel@kanarie.example") == 5


def test_several_trusted_proxies_in_a_row_are_passed_over(start_server: StartServer) -> None:
    with start_server(trusted_proxies="127.0.0.1, 10.0.0.1") as server, server.client() as client:
        assert failures(client, 10, lambda n: f"192.0.2.{n}, 10.0.0.1", "kanarievogel@kanarie.example") == 10


@pytest.mark.parametrize("shown", [None, "", ",", ",,"])
def test_without_a_word_of_the_proxy_it_is_the_proxy_who_asks(new_server: RunningServer, shown: str | None) -> None:
    with new_server.client() as client:
        assert failures(client, 10, lambda _: shown, "kanarievogel@kanarie.example") == 5


def test_a_proxy_that_is_not_trusted_is_not_believed(start_server: StartServer) -> None:
    with start_server(trusted_proxies="10.0.0.1") as server, server.client() as client:
        assert failures(client, 10, lambda n: f"192.0.2.{n}", "kanarievogel@kanarie.example") == 5
