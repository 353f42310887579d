"""The small client that a provider's own program imports: check a file, or its hashes, before it is stored.

    gate = GateClient("https://vangnet.example.org", key)
    answer = gate.check(data, object_id="upload 4711")
    if answer.decision is not Decision.ALLOW: ...

It never raises for what a file is, and never takes a failure for "allowed": where no answer comes, the outcome is
`unavailable`, with the decision that the program chose for that (by default `hold`). A gate that says "later" is asked
again for as long as the program has patience. `UploadCheck` and `WsgiUploadCheck`
put the check before a web application: nothing reaches it that is not allowed.
"""

import asyncio
import io
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, cast
from uuid import UUID

import httpx2

from vangnet.errors import AppError, Conflict, InvalidInput, NotSignedIn, PermissionDenied
from vangnet.gate.model import BATCH_MAX, OBJECT_ID_MAX, CheckAnswer, CheckMatch, Decision, HashCheck, Outcome
from vangnet.gate.uploads import UnreadableUpload, decoded_body, files_in
from vangnet.hashing.model import Reason

_TIMEOUT_S = 30.0
_PATIENCE_S = 5.0
#: Between two tries where the gate does not say how long to wait.
_PAUSE_S = 0.5
_STRICTNESS = {Decision.ALLOW: 0, Decision.HOLD: 1, Decision.BLOCK: 2}
#: Methods whose body may be a file (RFC 9110, section 9.3).
_UPLOADS = frozenset({"POST", "PUT", "PATCH"})

#: ASGI's own types, as its specification has them.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class GateClient:
    """Asks one installation's gate. Any number of threads may share it."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        when_unavailable: Decision = Decision.HOLD,
        timeout_s: float = _TIMEOUT_S,
        patience_s: float = _PATIENCE_S,
        pause: Callable[[float], None] = time.sleep,
        ca_file: str | None = None,
    ) -> None:
        """`when_unavailable` is HOLD or BLOCK; ALLOW raises InvalidInput.

        `timeout_s` is for one step of a request (connecting, a piece of the answer); `patience_s` for all pauses of one
        call together, after which a gate is asked again that said "later" or took no connection. 0: it is asked once.
        `pause` waits so many seconds. `ca_file`: authorities instead of the system's.
        """
        if when_unavailable is Decision.ALLOW:
            raise InvalidInput(field="when_unavailable", problem="must be `hold` or `block`: a failure allows nothing")
        self._when_unavailable = when_unavailable
        self._patience_s = patience_s
        self._pause = pause
        self._http = httpx2.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=timeout_s,
            verify=True if ca_file is None else ca_file,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends its connections."""
        self._http.close()

    def check(self, data: bytes, *, object_id: str | None = None) -> CheckAnswer:
        """The answer for a file. With your own name for the upload, the same file sent again counts once.

        Raises NotSignedIn or PermissionDenied where the key is no good, Conflict where `object_id` was another file's,
        InvalidInput where `object_id` cannot be one. Raises nothing for what the file is, or where no answer comes.
        """
        headers = {"Content-Type": "application/octet-stream"}
        if object_id is not None:
            if not (1 <= len(object_id) <= OBJECT_ID_MAX and object_id.isascii() and object_id.isprintable()):
                raise InvalidInput(field="object_id", problem=f"must have 1 to {OBJECT_ID_MAX} signs of ASCII")
            headers["Idempotency-Key"] = object_id
        document = self._ask("/api/v1/check", data, headers)
        return self._read(document)

    def check_hashes(self, checks: Sequence[HashCheck]) -> list[CheckAnswer]:
        """The answers for many files by hashes that you made yourself, in the same order.

        Digests alone prove little, and a picture that was changed has others: `answer.checked` says by what it was looked
        up. Raises NotSignedIn, PermissionDenied; InvalidInput where something is no hash.
        """
        answers: list[CheckAnswer] = []
        for at in range(0, len(checks), BATCH_MAX):
            asked = checks[at : at + BATCH_MAX]
            body = json.dumps({"checks": [_written(check) for check in asked]}).encode()
            document = self._ask("/api/v1/check/hashes", body, {"Content-Type": "application/json"})
            results = document.get("results") if isinstance(document, dict) else None
            if not isinstance(results, list) or len(results) != len(asked):
                results = [None] * len(asked)
            answers.extend(map(self._read, results))
        return answers

    def _ask(self, path: str, body: bytes, headers: Mapping[str, str]) -> object:
        """What the gate answers, at the latest try; None where that is no answer. Raises NotSignedIn and its like."""
        left_s = self._patience_s
        while True:
            response = None
            try:
                response = self._http.post(path, content=body, headers=dict(headers))
            except httpx2.ConnectError:
                wait_s = _PAUSE_S
            except httpx2.HTTPError:
                return None  # It may be at work on it: asking again would only add to that.
            if response is not None:
                if (refusal := _refusal(response)) is not None:
                    raise refusal
                if response.status_code != 503:
                    return _document(response) if response.status_code == 200 else None
                wait_s = _asked_to_wait(response)
            if wait_s > left_s:
                return None if response is None else _document(response)
            left_s -= wait_s
            self._pause(wait_s)

    def _read(self, document: object) -> CheckAnswer:
        try:
            answer = _answer(cast("Mapping[str, Any]", document))
        except (ValueError, KeyError, TypeError):
            return self._unavailable()
        if answer.outcome is Outcome.UNAVAILABLE and answer.decision is Decision.ALLOW:
            return self._unavailable()
        return answer

    def _unavailable(self) -> CheckAnswer:
        return CheckAnswer(check_id=uuid.uuid4(), outcome=Outcome.UNAVAILABLE, decision=self._when_unavailable)


def _refusal(response: httpx2.Response) -> AppError | None:
    match response.status_code:
        case 401:
            return NotSignedIn()
        case 403:
            return PermissionDenied(permission="gate:check")
        case 409:
            return Conflict(problem="this name of an upload was given to another file before")
        case 422:
            said = _said(response)
            return InvalidInput(field="check", problem=f"is not as the gate takes it: {said}")
        case _:
            return None


def _said(response: httpx2.Response) -> str:
    """The sentence of a problem document; it names a field and never a value."""
    document = _document(response)
    return str(document.get("message", "it does not say why")) if isinstance(document, dict) else "it does not say why"


def _document(response: httpx2.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None


def _asked_to_wait(response: httpx2.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 6 else _PAUSE_S


def _written(check: HashCheck) -> dict[str, object]:
    written: dict[str, object] = {one.algorithm: one.value.hex() for one in check.hashes}
    quality = next((one.quality for one in check.hashes if one.quality is not None), None)
    named = {"quality": quality, "object_id": check.object_id, "uploader": check.uploader}
    return written | {name: value for name, value in named.items() if value is not None}


def _answer(document: Mapping[str, Any]) -> CheckAnswer:
    reason = document["reason"]
    return CheckAnswer(
        check_id=UUID(document["check_id"]),
        outcome=Outcome(document["outcome"]),
        decision=Decision(document["decision"]),
        matches=tuple(
            CheckMatch(
                list_id=UUID(match["list_id"]),
                list_name=match["list"],
                entry_id=match["entry_id"] or 0,
                classification=match["classification"] or "",
                algorithm=match["algorithm"] or "",
                distance=match["distance"] or 0,
                view=match["view"] or "",
                shadow=match["shadow"],
            )
            for match in document["matches"]
        ),
        checked=tuple(document["checked"]),
        index_version=document["index_version"],
        reason=None if reason is None else Reason(reason),
        withheld=document["withheld"],
    )


# --- before a web application -------------------------------------------------------------------------------------


class Checks(Protocol):
    """What the two below ask: a GateClient, or whatever answers like one."""

    def check(self, data: bytes, *, object_id: str | None = None) -> CheckAnswer:
        """The answer for a file."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    status: int
    reason: str
    text: str


#: Held and unavailable look the same: on `hold` an uploader learns nothing.
_LATER = _Refused(status=503, reason="Service Unavailable", text="This file cannot be taken now. Try again later.\n")
_BLOCKED = _Refused(status=403, reason="Forbidden", text="This file was not accepted.\n")
_TOO_LARGE = _Refused(status=413, reason="Content Too Large", text="This upload is too large.\n")
_UNREADABLE = _Refused(status=400, reason="Bad Request", text="This upload cannot be read.\n")


def _judge(checks: Checks, content_type: str | None, encoding: str | None, body: bytes, most: int) -> _Refused | None:
    """Why an upload does not reach the application, or None."""
    try:
        files = files_in(content_type, decoded_body(encoding, body, most_bytes=most))
    except UnreadableUpload as unread:
        return _TOO_LARGE if unread.reason is Reason.TOO_LARGE else _UNREADABLE
    decisions = [checks.check(file.data).decision for file in files]
    match max(decisions, key=_STRICTNESS.__getitem__, default=Decision.ALLOW):
        case Decision.ALLOW:
            return None
        case Decision.HOLD:
            return _LATER
        case Decision.BLOCK:
            return _BLOCKED


class UploadCheck:
    """ASGI middleware: every file in a request is checked before the application sees the request.

    A request is kept in memory until then, up to `most_bytes`; a larger one is refused.
    """

    def __init__(self, app: AsgiApp, *, checks: Checks, most_bytes: int = 100 * 1024 * 1024) -> None:
        self._app = app
        self._checks = checks
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or connection."""
        if scope["type"] != "http" or scope["method"] not in _UPLOADS:
            await self._app(scope, receive, send)
            return
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        body, ended = await self._receive(receive)
        if not ended:
            return  # Whoever sent it is gone.
        refused: _Refused | None = _TOO_LARGE
        if body is not None:
            content_types = [value.decode("latin-1") for name, value in headers if name == b"content-type"]
            encoding = ",".join(value.decode("latin-1") for name, value in headers if name == b"content-encoding")
            refused = _UNREADABLE
            if len(set(content_types)) <= 1:
                refused = await asyncio.to_thread(
                    _judge, self._checks, next(iter(content_types), None), encoding, body, self._most_bytes
                )
        if refused is not None:
            await _refuse(refused, send)
            return
        await self._app(scope, _replaying(cast("bytes", body), receive), send)

    async def _receive(self, receive: Receive) -> tuple[bytes | None, bool]:
        """The body, or None where it is too large; and whether it came to its end."""
        pieces: list[bytes] = []
        length = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None, False
            piece = message.get("body", b"")
            length += len(piece)
            if length > self._most_bytes:
                return None, True
            pieces.append(piece)
            more = message.get("more_body", False)
        return b"".join(pieces), True


def _replaying(body: bytes, receive: Receive) -> Receive:
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


async def _refuse(refused: _Refused, send: Send) -> None:
    body = refused.text.encode()
    headers = [(name.lower().encode(), value.encode()) for name, value in _headers(refused)]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _headers(refused: _Refused) -> list[tuple[str, str]]:
    return [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(refused.text.encode()))),
        ("Cache-Control", "no-store"),
        # After a refusal part of the body may be unread.
        ("Connection", "close"),
    ]


class WsgiUploadCheck:
    """The same as WSGI middleware."""

    def __init__(self, app: WsgiApp, *, checks: Checks, most_bytes: int = 100 * 1024 * 1024) -> None:
        self._app = app
        self._checks = checks
        self._most_bytes = most_bytes

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        if environ["REQUEST_METHOD"] not in _UPLOADS:
            return self._app(environ, start_response)
        received = self._receive(environ)
        refused = received if isinstance(received, _Refused) else self._judge(environ, received)
        if refused is not None:
            # Hop-by-hop headers are the server's own here (PEP 3333).
            headers = [header for header in _headers(refused) if header[0] != "Connection"]
            start_response(f"{refused.status} {refused.reason}", headers)
            return [refused.text.encode()]
        body = cast("bytes", received)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        return self._app(environ, start_response)

    def _judge(self, environ: Mapping[str, Any], body: bytes) -> _Refused | None:
        encoding = environ.get("HTTP_CONTENT_ENCODING")
        return _judge(self._checks, environ.get("CONTENT_TYPE") or None, encoding, body, self._most_bytes)

    def _receive(self, environ: Mapping[str, Any]) -> bytes | _Refused:
        """The body, or why it is not taken."""
        said = environ.get("CONTENT_LENGTH") or ""
        if said and not (said.isascii() and said.isdecimal()):
            return _UNREADABLE
        if not said and not environ.get("wsgi.input_terminated"):
            return b""  # Only a server that says so ends the stream by itself (PEP 3333 has no such word).
        length = int(said) if said else None
        if length is not None and length > self._most_bytes:
            return _TOO_LARGE
        left = self._most_bytes + 1 if length is None else length
        pieces: list[bytes] = []
        while left > 0 and (piece := environ["wsgi.input"].read(min(left, 1024 * 1024))):
            pieces.append(piece)
            left -= len(piece)
        body = b"".join(pieces)
        if length is not None and len(body) < length:
            return _UNREADABLE
        return _TOO_LARGE if len(body) > self._most_bytes else body
