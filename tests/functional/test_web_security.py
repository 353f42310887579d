"""What every request must pass and every answer carries: names, sites, headers, cookies."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx2
import pytest
from running.server import RunningServer

from vangnet.identity.permissions import Permission, Role
from vangnet.web.access import rules_of
from vangnet.web.security import MAX_BODY_BYTES

StartServer = Callable[..., AbstractContextManager[RunningServer]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
ON_EVERYTHING = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
}


def assert_carries_the_headers(answer: httpx2.Response) -> None:
    """Everything that every answer carries."""
    place = f"{answer.request.method} {answer.request.url.path}"
    for name, value in ON_EVERYTHING.items():
        assert answer.headers.get(name) == value, f"{place}: {name}"
    assert "camera=()" in answer.headers["permissions-policy"], place
    assert "server" not in answer.headers, place
    kept = answer.headers["cache-control"]
    assert kept == "no-store" or (answer.request.url.path.startswith("/static/") and answer.status_code == 200), place


def test_every_route_answers_with_the_headers(server: RunningServer, anonymous: httpx2.Client) -> None:
    with server.signed_in(Role.ADMINISTRATOR) as administrator:
        for route in rules_of(server.app):
            for client in (anonymous, administrator):
                assert_carries_the_headers(client.request(route.method, route.path))


def test_refusals_and_faults_carry_them_too(anonymous: httpx2.Client) -> None:
    assert_carries_the_headers(anonymous.get("/nothing"))
    assert_carries_the_headers(anonymous.delete("/jobs"))
    assert_carries_the_headers(anonymous.get("/", headers={"Host": "attacker.example"}))
    assert_carries_the_headers(anonymous.post("/preferences", headers={"Sec-Fetch-Site": "cross-site"}))
    assert_carries_the_headers(anonymous.post("/preferences", content=b"x" * (MAX_BODY_BYTES + 1)))


def test_no_page_has_a_script_or_a_style_inside(server: RunningServer) -> None:
    """The policy would stop them; a page that needs one would be broken without anybody noticing."""
    with server.signed_in(Role.ADMINISTRATOR) as client:
        for route in rules_of(server.app):
            if route.unsafe or "{" in route.path:
                continue
            answer = client.get(route.path)
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert " style=" not in answer.text, route.path
                assert "<style" not in answer.text, route.path
                assert " onclick=" not in answer.text, route.path
                assert answer.text.count("<script") == answer.text.count('<script type="module" src="/static/'), route.path


@pytest.mark.parametrize(
    ("headers", "let_through"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": ""}, False),
        ({"Origin": "OWN"}, True),
        ({"Origin": "https://attacker.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "OWN.attacker.example"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "OWN"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://attacker.example"}, True),
        ({}, True),
    ],
)
def test_a_form_posted_from_another_site_is_refused(
    server: RunningServer, anonymous: httpx2.Client, headers: dict[str, str], let_through: bool
) -> None:
    headers = {name: value.replace("OWN", server.url) for name, value in headers.items()}
    answer = anonymous.post("/preferences", data={"theme": "dark"}, headers=headers)
    assert answer.status_code == (303 if let_through else 403)
    assert ("set-cookie" in answer.headers) is let_through


def test_a_link_from_another_site_may_be_followed(anonymous: httpx2.Client) -> None:
    assert anonymous.get("/api/docs", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1", "127.0.0.1:1", "localhost", "127.0.0.1.nip.example", ""])
def test_another_name_is_refused(anonymous: httpx2.Client, host: str) -> None:
    answer = anonymous.get("/api/docs", headers={"Host": host})
    assert answer.status_code in {400, 421}
    assert anonymous.get("/healthz", headers={"Host": host or "x"}).status_code == 200


def test_the_other_names_of_the_machine_itself_are_taken(server: RunningServer, anonymous: httpx2.Client) -> None:
    port = server.settings.port
    for host in (f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
        assert anonymous.get("/api/docs", headers={"Host": host}).status_code == 200


def test_behind_https_the_cookie_is_bound_to_this_host(start_server: StartServer) -> None:
    with start_server(base_url="https://vangnet.example") as server, server.client() as client:
        answer = client.post("/preferences", data={"theme": "dark"}, headers={"Host": "vangnet.example"})
        assert answer.headers["strict-transport-security"] == "max-age=63072000"
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-vangnet-theme=dark;")
        assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(cookie.split("; "))
        assert client.get("/api/docs", headers={"Host": f"localhost:{server.settings.port}"}).status_code == 421


def test_without_https_the_cookie_is_bound_to_the_port(server: RunningServer, anonymous: httpx2.Client) -> None:
    answer = anonymous.post("/preferences", data={"theme": "dark"})
    assert answer.headers["set-cookie"].startswith(f"vangnet-{server.settings.port}-theme=dark;")
    assert "Secure" not in answer.headers["set-cookie"]
    assert "strict-transport-security" not in answer.headers


def test_a_form_may_lead_on_to_the_identity_provider(start_server: StartServer) -> None:
    settings = {"oidc_issuer": "https://login.example/realms/police", "oidc_client_id": "vangnet"}
    with start_server(**settings) as server, server.client() as client:
        policy = client.get("/api/docs").headers["content-security-policy"]
    assert "form-action 'self' https://login.example;" in policy


def test_two_installations_on_one_machine_keep_their_sessions_apart(
    server: RunningServer, new_server: RunningServer
) -> None:
    with server.signed_in(Role.STAFF) as client:
        cookie = client.cookies.get(server.session_cookie)
        answer = client.get(f"{new_server.url}/", headers={"Cookie": f"{server.session_cookie}={cookie}"})
    assert answer.headers["location"] == "/sign-in"


def test_metrics_need_a_key_also_on_the_machine_itself(
    anonymous: httpx2.Client, program: Callable[..., httpx2.Client]
) -> None:
    assert anonymous.get("/metrics").status_code == 401
    assert program(Permission.JOB_READ).get("/metrics").status_code == 403
    assert program(Permission.HEALTH_READ).get("/metrics").status_code == 200
