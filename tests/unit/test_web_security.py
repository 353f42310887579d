"""Rules of the web edge that need no server: paths of ours, names of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.web.security import allowed_hosts, local_path


@pytest.mark.parametrize("path", ["/", "/people", "/jobs?state=parked&before=7", "/a//b", "/people/5f2b#top", "/é"])
def test_a_path_of_ours_is_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "people",
        "//attacker.example",
        "/\\attacker.example",
        "\\/attacker.example",
        "/a\\..\\b",
        "https://attacker.example",
        "javascript:alert(1)",
        "/\t/attacker.example",
        "/\n/attacker.example",
        "\x00/",
        " /",
    ],
)
def test_anything_else_leads_to_the_start_page(path: str | None) -> None:
    assert local_path(path) == "/"


@given(st.text(alphabet="/\\ab:.?#@\t\n \x00", max_size=12))
def test_no_text_leads_to_another_site(text: str) -> None:
    path = local_path(text)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert "\\" not in path
    assert path.isprintable()


@pytest.mark.parametrize(
    ("base_url", "hosts"),
    [
        ("https://vangnet.example", {"vangnet.example"}),
        ("https://Vangnet.example:8443", {"vangnet.example:8443"}),
        ("http://127.0.0.1:8800", {"127.0.0.1:8800", "localhost:8800", "[::1]:8800"}),
        ("http://localhost", {"127.0.0.1", "localhost", "[::1]"}),
        ("http://[::1]:8800", {"127.0.0.1:8800", "localhost:8800", "[::1]:8800"}),
        ("http://192.0.2.7:8800", {"192.0.2.7:8800"}),
    ],
)
def test_only_our_own_names_are_ours(base_url: str, hosts: set[str]) -> None:
    assert allowed_hosts(base_url) == hosts
