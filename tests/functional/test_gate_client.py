"""The provider's client, its middleware, and the recipe for nginx, with a running installation behind them."""

import asyncio
import hashlib
import io
import json
import threading
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from pictures import encoded, photo, reference
from running.gate_lists import list_files
from running.programs import answers, free_port, open_folder, program, run
from running.programs import running as running_program
from running.server import RunningServer, own_database, running

from vangnet.client import GateClient, StartResponse, UploadCheck, WsgiUploadCheck
from vangnet.errors import Conflict, InvalidInput, NotSignedIn, PermissionDenied
from vangnet.gate.model import BATCH_MAX, Decision, GivenHash, HashCheck, Outcome
from vangnet.identity.model import InstallationKind
from vangnet.identity.permissions import Permission

PICTURE = photo(81, 900, 700)
LISTED = encoded(PICTURE, "JPEG", quality=90)
COPY = encoded(PICTURE, "JPEG", quality=60)
UNLISTED = encoded(photo(82, 900, 700), "JPEG", quality=90)


@pytest.fixture(scope="module")
def server(postgres: Any, logfile: Any, tmp_path_factory: Any) -> Iterator[RunningServer]:
    """A provider with a list of one generated picture."""
    with (
        own_database(postgres, "functional_client") as database,
        running(database, tmp_path_factory.mktemp("client"), logfile, kind=InstallationKind.PROVIDER) as server,
    ):
        list_files(server, [LISTED], name="generated")
        yield server


@pytest.fixture(scope="module")
def gate(server: RunningServer) -> Iterator[GateClient]:
    with GateClient(server.url, server.key(Permission.GATE_CHECK)) as client:
        yield client


def test_the_client_gives_the_answer_whole(gate: GateClient) -> None:
    answer = gate.check(LISTED)
    assert (answer.outcome, answer.decision) == (Outcome.MATCH, Decision.BLOCK)
    assert [match.list_name for match in answer.matches] == ["generated"]
    assert answer.checked == ("md5", "sha1", "sha256", "pdq")
    assert gate.check(UNLISTED).decision is Decision.ALLOW
    assert gate.check(COPY).decision is Decision.HOLD
    assert gate.check(b"").outcome is Outcome.UNHASHABLE


def test_the_same_upload_sent_again_is_one_check(gate: GateClient) -> None:
    first, again = gate.check(LISTED, object_id="upload 1"), gate.check(LISTED, object_id="upload 1")
    assert first.check_id == again.check_id
    with pytest.raises(Conflict):
        gate.check(UNLISTED, object_id="upload 1")
    with pytest.raises(InvalidInput):
        gate.check(UNLISTED, object_id="x" * 1000)


def test_a_bad_key_is_told_and_not_taken_for_unavailable(server: RunningServer) -> None:
    with GateClient(server.url, "vangnet_wrong") as client, pytest.raises(NotSignedIn):
        client.check(UNLISTED)
    with GateClient(server.url, server.key(Permission.JOB_READ)) as client, pytest.raises(PermissionDenied):
        client.check(UNLISTED)


def test_no_answer_is_unavailable_and_never_allowed() -> None:
    waited: list[float] = []
    with GateClient(f"http://127.0.0.1:{free_port()}", "key", patience_s=1, pause=waited.append) as client:
        answer = client.check(UNLISTED)
    assert (answer.outcome, answer.decision) == (Outcome.UNAVAILABLE, Decision.HOLD)
    assert waited == [0.5, 0.5], "it was asked again, as long as there was patience"
    with pytest.raises(InvalidInput):
        GateClient("http://127.0.0.1:1", "key", when_unavailable=Decision.ALLOW)


def test_hashes_are_checked_in_their_order(gate: GateClient) -> None:
    def by_digest(data: bytes, *names: str) -> HashCheck:
        given = (GivenHash(algorithm=name, value=hashlib.new(name, data).digest()) for name in names)
        return HashCheck(hashes=tuple(given), object_id="upload é")

    near = GivenHash(algorithm="pdq", value=reference(PICTURE)[0], quality=100)
    checks = [
        by_digest(LISTED, "sha256", "md5"),
        by_digest(UNLISTED, "sha1"),
        HashCheck(hashes=(near,)),
        by_digest(LISTED, "md5"),
    ]
    answers = gate.check_hashes(checks)
    assert [answer.decision.value for answer in answers] == ["block", "allow", "hold", "hold"]
    assert answers[1].checked == ("sha1",)
    assert gate.check_hashes([]) == []
    for wrong in (HashCheck(hashes=()), HashCheck(hashes=(GivenHash(algorithm="md5", value=b"short"),))):
        with pytest.raises(InvalidInput, match="checks"):
            gate.check_hashes([wrong])


@contextmanager
def saying(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[str]]]:
    """A gate that gives these answers, one after the other, and the paths that it was asked."""
    asked: list[str] = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.path)
            status, headers, body = left.pop(0)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


ALLOWED = json.dumps(
    {
        "check_id": "00000000-0000-4000-8000-000000000000", "outcome": "no_match", "decision": "allow", "matches": [],
        "checked": ["sha256"], "index_version": 1, "reason": None, "withheld": False,
    }
).encode()  # fmt: skip
LATER = (503, {"Retry-After": "2"}, ALLOWED.replace(b"no_match", b"unavailable"))


def test_a_gate_that_says_later_is_asked_again_after_as_long_as_it_says() -> None:
    waited: list[float] = []
    later = (LATER, (503, {}, b"a proxy's own page"), (200, {}, ALLOWED))
    with saying(*later) as (url, asked), GateClient(url, "key", pause=waited.append) as client:
        assert client.check(UNLISTED).decision is Decision.ALLOW
    assert (len(asked), waited) == (3, [2.0, 0.5])


@pytest.mark.parametrize(
    "answer",
    [
        LATER,
        (503, {"Retry-After": "99999"}, b""),
        (503, {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}, b""),
        (200, {}, b"not JSON"),
        (200, {}, b"[]"),
        (200, {}, ALLOWED.replace(b'"allow"', b'"whatever"')),
        (200, {}, ALLOWED.replace(b'"decision": "allow", ', b"")),
        (302, {"Location": "http://127.0.0.1:9/"}, b""),
        (404, {}, ALLOWED),
        (429, {}, b""),
        (500, {}, ALLOWED),
        (200, {"Content-Length": "10000"}, ALLOWED),
    ],
)
def test_whatever_is_no_answer_is_unavailable(answer: tuple[int, dict[str, str], bytes]) -> None:
    check = HashCheck(hashes=(GivenHash(algorithm="md5", value=bytes(16)),))
    with saying(answer, answer) as (url, _), GateClient(url, "key", patience_s=0, timeout_s=5) as client:
        for found in (client.check(UNLISTED), *client.check_hashes([check])):
            assert (found.outcome, found.decision) == (Outcome.UNAVAILABLE, Decision.HOLD)


def test_more_hashes_than_one_request_takes_are_asked_in_several() -> None:
    check = HashCheck(hashes=(GivenHash(algorithm="md5", value=bytes(16)),))
    batches = [b'{"results": [' + b",".join([ALLOWED] * count) + b"]}" for count in (BATCH_MAX, 1)]
    with saying(*((200, {}, batch) for batch in batches)) as (url, asked), GateClient(url, "key") as client:
        answers = client.check_hashes([check] * (BATCH_MAX + 1))
    assert (len(asked), len(answers)) == (2, BATCH_MAX + 1)


# --- middleware ---------------------------------------------------------------------------------------------------


def form(*files: bytes) -> tuple[str, bytes]:
    parts = [
        b'--limit\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' + data
        for data in files
    ]
    return "multipart/form-data; boundary=limit", b"\r\n".join([*parts, b"--limit--\r\n"])


def through_asgi(gate: GateClient, body: bytes, content_type: str = "image/jpeg", **scope: Any) -> tuple[int, list[bytes]]:
    """The status, and the bodies that reached the application, for a request that comes in pieces."""
    seen: list[bytes] = []
    sent: list[MutableMapping[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        whole, more = b"", True
        while more:
            message = await receive()
            whole, more = whole + message["body"], message["more_body"]
        seen.append(whole)
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"taken"})

    pieces = [body[at : at + 10_000] for at in range(0, len(body), 10_000)] or [b""]
    messages = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces) - 1}
        for number, piece in enumerate(pieces)
    ]

    async def receive() -> MutableMapping[str, Any]:
        return messages.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"content-type", content_type.encode())]
    request = {"type": "http", "method": "POST", "path": "/", "headers": headers} | scope
    guarded = UploadCheck(app, checks=gate, most_bytes=1_000_000)
    # In a thread of its own: where browser tests ran before, this one has a running event loop already.
    thread = threading.Thread(target=lambda: asyncio.run(guarded(request, receive, send)))
    thread.start()
    thread.join()
    return sent[0]["status"], seen


def through_wsgi(
    gate: GateClient, body: bytes, content_type: str = "image/jpeg", **environ: str
) -> tuple[int, list[bytes]]:
    """The same through WSGI, with the standard library's validator on both sides."""
    seen: list[bytes] = []
    statuses: list[str] = []

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        seen.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        start_response("201 Created", [("Content-Type", "text/plain")])
        return [b"taken"]

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Any:
        statuses.append(status)
        return seen.append

    request: dict[str, Any] = {}
    setup_testing_defaults(request)
    request |= {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "QUERY_STRING": "",
    }
    request |= environ
    request["wsgi.input"] = io.BytesIO(body)
    answer = validator(WsgiUploadCheck(validator(app), checks=gate, most_bytes=1_000_000))(request, start_response)
    list(answer)
    answer.close()  # type: ignore[attr-defined]
    return int(statuses[0].split(" ")[0]), seen


@pytest.mark.parametrize("through", [through_asgi, through_wsgi])
def test_nothing_reaches_the_application_that_is_not_allowed(gate: GateClient, through: Any) -> None:
    assert through(gate, UNLISTED) == (201, [UNLISTED])
    assert through(gate, LISTED) == (403, [])
    assert through(gate, COPY) == (503, [])
    content_type, body = form(UNLISTED, UNLISTED)
    assert through(gate, body, content_type) == (201, [body])
    content_type, body = form(UNLISTED, LISTED, UNLISTED)
    assert through(gate, body, content_type) == (403, [])
    assert through(gate, body[:-20], content_type) == (400, [])
    assert through(gate, bytes(1_000_001)) == (413, [])
    assert through(gate, b"", "text/plain") == (201, [b""])


@pytest.mark.parametrize("through", [through_asgi, through_wsgi])
def test_without_a_gate_no_upload_is_taken(through: Any) -> None:
    with GateClient(f"http://127.0.0.1:{free_port()}", "key", patience_s=0) as nobody:
        assert through(nobody, UNLISTED) == (503, [])


def test_what_is_no_upload_is_not_read(gate: GateClient) -> None:
    assert through_asgi(gate, LISTED, method="GET") == (201, [LISTED])


def test_a_length_that_lies_is_refused(gate: GateClient) -> None:
    assert through_wsgi(gate, UNLISTED, CONTENT_LENGTH=str(len(UNLISTED) + 5)) == (400, [])


# --- nginx --------------------------------------------------------------------------------------------------------


def recipe(root: Path) -> str:
    """The configuration that docs/howto/front-doors.md shows."""
    text = (root / "docs/howto/front-doors.md").read_text(encoding="utf-8")
    return text.partition("```nginx\n")[2].partition("```")[0]


@contextmanager
def nginx(gate: str, key: str) -> Iterator[tuple[str, Path]]:
    """nginx with the recipe of the documentation: its address, and the folder with what it serves."""
    root, port = Path(__file__).parents[2], free_port()
    with open_folder() as folder:
        store = folder / "store"
        store.mkdir(mode=0o755)
        for data in (LISTED, UNLISTED):
            (store / hashlib.sha256(data).hexdigest()).write_bytes(data)
        key_file, log = folder / "key.conf", folder / "error.log"
        key_file.write_text(f'proxy_set_header Authorization "Bearer {key}";\n')
        changes = {
            "/etc/nginx/vangnet-key.conf": str(key_file),
            "127.0.0.1:8800": gate.removeprefix("http://"),
            "listen 80;": f"listen 127.0.0.1:{port};",
            "/srv/store": str(store),
        }
        site = recipe(root)
        for shown, used in changes.items():
            assert shown in site
            site = site.replace(shown, used)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        config = folder / "nginx.conf"
        config.write_text(
            f"daemon off; pid {folder}/nginx.pid; error_log {log};\nevents {{}}\n"
            f"http {{ access_log off; {temporary}\n{site}\n}}\n"
        )
        command = [program("nginx", "nginx-light"), "-c", str(config), "-e", str(log)]
        with running_program(command, ready=lambda: answers(port), log=folder / "words.log"):
            yield f"http://127.0.0.1:{port}", store


def fetch(url: str) -> int:
    """The HTTP status that curl gets."""
    curl = program("curl", "curl")
    ended = run([curl, "--silent", "--noproxy", "*", "--output", "/dev/null", "--write-out", "%{http_code}", url])
    return int(ended.stdout)


def test_nginx_gives_out_no_listed_file(server: RunningServer) -> None:
    with nginx(server.url, server.key(Permission.GATE_CHECK)) as (url, _):
        digest = hashlib.sha256(UNLISTED).hexdigest()
        assert fetch(f"{url}/files/{digest}") == 200
        assert fetch(f"{url}/files/{hashlib.sha256(LISTED).hexdigest()}") == 403
        assert fetch(f"{url}/files/{digest.upper()}") == 404
        assert fetch(f"{url}/files/{'0' * 64}") == 404
        assert fetch(f"{url}/vangnet") == 404, "nobody asks the gate from outside"


def test_nginx_gives_out_nothing_that_could_not_be_checked(server: RunningServer) -> None:
    digest = hashlib.sha256(UNLISTED).hexdigest()
    with nginx(f"http://127.0.0.1:{free_port()}", "key") as (url, _):
        assert fetch(f"{url}/files/{digest}") == 500
    with nginx(server.url, "vangnet_wrong") as (url, _):
        assert fetch(f"{url}/files/{digest}") == 401
