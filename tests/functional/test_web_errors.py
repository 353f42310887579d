"""Errors as answers: one shape for programs, a page for people, an incident id for what nobody foresaw, and no leaks."""

import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import APIRouter, FastAPI
from running.server import CANARY, CANARY_NAME, CANARY_PASSWORD, RunningServer, own_database, running
from running.states import wait_until

import vangnet.errors
from vangnet.db.embedded import EmbeddedServer
from vangnet.errors import AppError, DatabaseUnavailable
from vangnet.identity.permissions import Permission, Role
from vangnet.web.access import PUBLIC, needs
from vangnet.web.errors import status_of
from vangnet.web.security import MAX_BODY_BYTES

StartServer = Callable[..., AbstractContextManager[RunningServer]]


def error_classes(base: type[AppError] = AppError) -> Iterator[type[AppError]]:
    """Every deliberate error."""
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == vangnet.errors.__name__:
            yield from error_classes(kind)


def made(kind: type[AppError]) -> AppError:
    """An error of that kind, with canaries in none of its fields: they are ids and states by definition."""
    annotations = {name: hint for base in kind.__mro__ for name, hint in vars(base).get("__annotations__", {}).items()}
    values: dict[str, Any] = {
        name: 7 if hint in {int, "int"} else "text"
        for name, hint in annotations.items()
        if name not in {"code", "message", "hint", "status"}
    }
    return kind(**values)


def failing_routes(app: FastAPI) -> None:
    """Routes that fail in every way, for programs and for people."""
    router = APIRouter()
    for kind in error_classes():
        for path in (f"/api/v1/fail/{kind.__name__}", f"/fail/{kind.__name__}"):
            router.add_api_route(path, raising(kind), dependencies=[needs(PUBLIC)])
    router.add_api_route("/api/v1/crash", crash, dependencies=[needs(PUBLIC)])
    router.add_api_route("/crash", crash, dependencies=[needs(PUBLIC)])
    router.add_api_route("/crash-in-database", crash_in_database, dependencies=[needs(PUBLIC)])
    app.include_router(router)
    app.state.crashing = True


def raising(kind: type[AppError]) -> Callable[[], None]:
    """A handler that raises it."""

    def handler() -> None:
        raise made(kind)

    return handler


def crash() -> None:
    """A fault that nobody foresaw, with secrets in its words and its variables."""
    password = CANARY_PASSWORD
    try:
        raise ValueError(f"{CANARY}@kanarie.example used {password}")
    except ValueError as error:
        raise KeyError(f"https://{CANARY}.example/path?token={password}") from error


def crash_in_database() -> None:
    """A driver's error, which quotes the row."""
    raise psycopg.errors.UniqueViolation(f"Key (email)=({CANARY}@kanarie.example) already exists.")


@pytest.fixture
def failing_server(start_server: StartServer) -> Iterator[RunningServer]:
    """An installation with routes that fail."""
    with start_server(extend=failing_routes) as server:
        yield server


def assert_problem(answer: httpx2.Response, *, status: int, code: str) -> dict[str, Any]:
    """The one shape of an error for programs."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert list(document) == ["code", "message", "hint", "incident"]
    assert document["code"] == code
    assert document["message"]
    return document


def test_every_error_has_one_shape_for_programs_and_a_page_for_people(failing_server: RunningServer) -> None:
    with failing_server.client(headers={"Accept-Language": "nl"}) as client:
        for kind in error_classes():
            error = made(kind)
            answer = client.get(f"/api/v1/fail/{kind.__name__}")
            document = assert_problem(answer, status=status_of(error), code=kind.code)
            assert document["message"] == str(error)
            assert (document["incident"] is not None) == (answer.status_code >= 500)
            page = client.get(f"/fail/{kind.__name__}")
            if kind is vangnet.errors.NotSignedIn:
                assert page.headers["location"] == "/sign-in?next=/fail/NotSignedIn"
                continue
            assert page.status_code == answer.status_code
            assert '<html lang="nl"' in page.text
            assert page.text.count("<h1") == 1


def test_a_fault_shows_its_incident_id_and_nothing_else(failing_server: RunningServer) -> None:
    with failing_server.client() as client:
        document = assert_problem(client.get("/api/v1/crash"), status=500, code="failure")
        page = client.get("/crash")
        database = client.get("/crash-in-database")
    for shown in (json.dumps(document), page.text, database.text):
        assert CANARY not in shown.lower()
        assert "Traceback" not in shown
    assert document["incident"] in failing_server.logged()
    assert page.status_code == database.status_code == 500


def test_a_fault_is_logged_with_its_place_and_without_its_words(failing_server: RunningServer) -> None:
    with failing_server.client() as client:
        incident = client.get("/api/v1/crash").json()["incident"]
        client.get("/crash-in-database")
    logged = failing_server.logged()
    line = next(json.loads(line) for line in logged.splitlines() if incident in line)
    assert line["route"] == "/api/v1/crash"
    told = "\n".join(line["exception"])
    assert "in crash" in told
    assert "ValueError" in told
    assert "KeyError" in told
    assert "UniqueViolation: SQLSTATE 23505" in logged
    assert CANARY not in logged.lower()


def test_what_people_type_and_follow_is_not_logged(server: RunningServer, anonymous: httpx2.Client) -> None:
    """Requests with canaries wherever one can put them; the search of the log is at the end of the run and here."""
    anonymous.get(f"/nothing/{CANARY}?q={CANARY}", headers={"User-Agent": CANARY, "Referer": f"https://{CANARY}.example/"})
    anonymous.get(f"/invitation/{CANARY}-token")
    anonymous.get(f"/sign-in/link/{CANARY}-token")
    anonymous.post("/sign-in", data={"email": f"{CANARY}@kanarie.example", "password": CANARY_PASSWORD})
    anonymous.get("/api/v1/jobs", headers={"Authorization": f"Bearer {CANARY}", "Cookie": f"a={CANARY}"})
    with server.signed_in(Role.ADMINISTRATOR) as client:
        answer = client.get("/", headers={"X-Forwarded-For": CANARY})
        assert CANARY_NAME in answer.text
    assert CANARY not in server.logged().lower()
    assert '"route": "/sign-in"' in server.logged()


def test_a_client_address_is_not_logged(server: RunningServer, anonymous: httpx2.Client) -> None:
    def requests() -> list[str]:
        return [line for line in server.logged().splitlines() if '"event": "request"' in line]

    before = len(requests())
    anonymous.get("/nothing/of/this/test")
    wait_until(lambda: len(requests()) > before)  # It is logged when it is over, which is after its answer.
    lines = requests()
    assert not any("127.0.0.1" in line for line in lines)


@pytest.mark.parametrize(
    ("path", "code", "status"), [("/api/v1/nothing", "not_found", 404), ("/api/v1/jobs/0", "invalid_input", 422)]
)
def test_programs_are_told_what_is_wrong(program: Callable[..., httpx2.Client], path: str, code: str, status: int) -> None:
    assert_problem(program(Permission.JOB_READ).get(path), status=status, code=code)


def test_an_unfit_method_is_refused_with_the_fit_ones(anonymous: httpx2.Client) -> None:
    answer = anonymous.delete("/api/v1/installation")
    assert_problem(answer, status=405, code="request_refused")
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", ["/api/v1/hand-offs", "/preferences", "/nothing"])
def test_a_body_over_the_limit_is_refused(anonymous: httpx2.Client, path: str, chunked: bool) -> None:
    body = b"language=" + b"x" * MAX_BODY_BYTES
    content = iter([body[:500_000], body[500_000:]]) if chunked else body
    answer = anonymous.post(path, content=content, headers={"Content-Type": "application/x-www-form-urlencoded"})
    # Nobody reads the body of what does not exist, so that only its announced size counts there.
    assert answer.status_code == (404 if chunked and path == "/nothing" else 413)


def test_a_body_at_the_limit_is_taken(anonymous: httpx2.Client) -> None:
    body = b"back=/&x=".ljust(MAX_BODY_BYTES, b"x")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert anonymous.post("/preferences", content=body, headers=headers).status_code == 303


@pytest.mark.parametrize(
    "form",
    [
        b"back=%ff%fe&language=%00",
        b"=&&&===",
        b"language=nl&language=en",
        b"back=" + b"%" * 1000,
        "back=//ergens.example&theme=донкер".encode(),
    ],
)
def test_an_odd_form_is_answered(anonymous: httpx2.Client, form: bytes) -> None:
    answer = anonymous.post("/preferences", content=form, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 303
    assert answer.headers["location"] in {"/", "/%" * 1000} or answer.headers["location"].startswith("/")


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=x", "application/json", "text/plain", "\xff"],
)
def test_a_body_of_another_kind_than_it_says_is_answered(anonymous: httpx2.Client, content_type: str) -> None:
    headers = {"Content-Type": content_type.encode("latin-1")}
    answer = anonymous.post("/preferences", content=b"--y\r\nnot what it says", headers=headers)  # type: ignore[arg-type]
    assert answer.status_code in {303, 400, 422}


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost",
        b"POST /preferences HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 1000\r\n\r\nback=/",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX: " + b"y" * 200_000,
    ],
)
def test_a_connection_that_is_cut_or_is_not_http_harms_nobody(
    server: RunningServer, anonymous: httpx2.Client, raw: bytes
) -> None:
    port = server.settings.port
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(raw % port if b"%d" in raw else raw)
    assert anonymous.get("/healthz").status_code == 200


def test_while_the_database_is_away_the_answer_says_so_and_afterwards_it_works_again(
    postgres: EmbeddedServer, tmp_path: Path, logfile: Path
) -> None:
    with (
        own_database(postgres, "away_for_a_while", patience_s=1) as database,
        running(database, tmp_path, logfile) as server,
        server.signed_in(Role.ADMINISTRATOR) as client,
    ):
        client.headers["Accept-Language"] = "nl"  # Who it is, and what they chose, is in the database too.
        assert client.get("/").status_code == 200
        name = psycopg.conninfo.conninfo_to_dict(server.database.conninfo)["dbname"]
        with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as superuser:
            superuser.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
            superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            with ThreadPoolExecutor() as together:  # Each waits for the database for a while before it gives up.
                page, problem = together.map(client.get, ["/", "/api/v1/installation"])
            wait_until(lambda: client.get("/readyz").status_code == 503)
            ready = client.get("/readyz")
            superuser.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        document = assert_problem(problem, status=503, code=DatabaseUnavailable.code)
        assert page.status_code == 503
        assert page.headers["retry-after"] == "5"
        assert "Nu niet beschikbaar" in page.text
        assert document["incident"]
        assert ready.json()["checks"]["database"] == "failing"
        assert client.get("/healthz").status_code == 200
        wait_until(lambda: client.get("/").status_code == 200)
        wait_until(lambda: client.get("/readyz").status_code == 200)
