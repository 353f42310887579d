"""The door for proxies and storage gateways: ICAP (RFC 3507), REQMOD for uploads and RESPMOD for what is given out.

What passes is answered 204 where the client allows it, else given back unchanged. What does not pass is answered with an
HTTP message of our own: 403 for what is refused, 503 for what is held or could not be checked, so that the two look the
same to the uploader, and the header `X-Infection-Found`, by which upload forms tell "not clean" from "clean".
docs/reference/doors.md has the whole table.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from vangnet.config import DoorsNames
from vangnet.gate.model import CheckAnswer, Decision, Outcome
from vangnet.gate.uploads import UnreadableUpload, decoded_body, files_in
from vangnet.hashing.model import Digests
from vangnet.web.protocols.icap_messages import (
    Headers,
    HttpHead,
    Refused,
    Request,
    answer_head,
    chunked,
    read_body,
    read_request,
)
from vangnet.web.protocols.names import name_of
from vangnet.web.protocols.server import Inspector
from vangnet.web.protocols.wire import Body, Malformed, NoRoom, Oversized, Wire

_RETRY_AFTER_S = 30
_PREVIEW_BYTES = 4096
#: How strict a decision is; of several files in one message the strictest counts.
_STRICTNESS = {Decision.ALLOW: 0, Decision.HOLD: 1, Decision.BLOCK: 2}
_TEXT_REFUSED = "This file was not accepted.\nDit bestand is niet aangenomen.\n"
_TEXT_LATER = (
    "This file cannot be taken now. Try again later.\nDit bestand kan nu niet worden aangenomen. Probeer het later.\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IcapDoor:
    """What all conversations of the door share."""

    inspector: Inspector
    naming: DoorsNames
    #: The program's version.
    version: str
    #: How far the index follows the lists: caches ask again for what they had checked when it changes.
    index_version: Callable[[], int]

    def __call__(self, wire: Wire) -> "IcapConversation":
        return IcapConversation(self, wire)


def strictest(answers: list[CheckAnswer]) -> CheckAnswer | None:
    """The answer that decides about a message with several files; None where it has none."""
    return max(answers, key=lambda answer: _STRICTNESS[effective(answer)], default=None)


def effective(answer: CheckAnswer) -> Decision:
    """What an answer comes to at this door: what could not be checked never passes, whatever it says beside that."""
    if answer.outcome is Outcome.UNAVAILABLE and answer.decision is Decision.ALLOW:
        return Decision.HOLD
    return answer.decision


def _methods(service: str) -> tuple[str, ...]:
    """What a service does: one that is named for its method has that one, as the RFC wants it; clients that ask for another
    name (`avscan`, `srv_clamav` …) get both."""
    return {"reqmod": ("REQMOD",), "respmod": ("RESPMOD",)}.get(service.lower(), ("REQMOD", "RESPMOD"))


class IcapConversation:
    """One connection, on which a client asks one thing after the other."""

    name: ClassVar[str] = "icap"

    def __init__(self, door: IcapDoor, wire: Wire) -> None:
        self._door = door
        self._wire = wire

    def run(self) -> None:
        """Serves requests until the client ends. Raises Ended."""
        try:
            while self._wire.wait():
                request = read_request(self._wire)
                if request.method == "OPTIONS":
                    self._tell_options(request)
                elif request.method not in _methods(request.service):
                    raise Refused(405)
                else:
                    self._inspect(request)
                if not request.stays or self._wire.closing:
                    return
        except Malformed:
            self._fail(400)
        except Refused as refusal:
            self._fail(refusal.status)
        except Oversized:
            self._fail(413)
        except NoRoom:
            self._fail(503)

    def refuse(self) -> None:
        """The answer at overload. Raises Ended."""
        self._fail(503)

    def lose_patience(self) -> None:
        """The answer to a request that does not come to its end. Raises Ended."""
        self._fail(408)

    def apologise(self, incident: str) -> None:
        """The answer after a fault of ours. Raises Ended."""
        self._fail(500, incident=incident)

    def _tell_options(self, request: Request) -> None:
        self._wire.send(
            answer_head(
                200,
                {
                    "Methods": ", ".join(_methods(request.service)),
                    "Service": f"Vangnet {self._door.version}",
                    **self._usual(request),
                    "Encapsulated": "null-body=0",
                    "Max-Connections": str(self._door.inspector.limits.connections),
                    "Options-TTL": "60",
                    "Allow": "204",
                    # Digests need the whole file, so no beginning decides anything. But a file that fits into a preview
                    # need not be given back, even to clients that do not allow 204 otherwise.
                    "Preview": str(_PREVIEW_BYTES),
                    "Transfer-Preview": "*",
                },
            )
        )

    def _inspect(self, request: Request) -> None:
        head = HttpHead.parse(request.heads[request.subject]) if request.subject in request.heads else None
        with self._door.inspector.receive() as body:
            in_preview = request.has_body and read_body(self._wire, body, request)
            deciding = strictest(list(self._answers(request, head, body))) if request.has_body else None
            decision = Decision.ALLOW if deciding is None else effective(deciding)
            if deciding is None or decision is Decision.ALLOW:
                self._let_pass(request, body, unchanged=request.allows_204 or in_preview)
                return
        self._stop(request, deciding, decision)

    def _answers(self, request: Request, head: HttpHead | None, body: Body) -> Iterator[CheckAnswer]:
        """One answer for each file in the message."""
        inspector = self._door.inspector
        headers = Headers(()) if head is None else head.headers
        data = body.data()
        if data is None:
            yield inspector.check_body(body)
            return
        with inspector.receive() as opened:
            try:
                coding = ",".join(headers.all("content-encoding"))
                plain = decoded_body(coding, data, most_bytes=inspector.limits.keep_bytes)
                if plain is not data:
                    opened.add(plain)
                # A form comes up; what goes down is one file, whatever it calls itself.
                files = files_in(headers.one("content-type") if request.method == "REQMOD" else None, plain)
            except UnreadableUpload as unread:
                yield inspector.check_unread(unread.reason, Digests.of(data))
                return
            for file in files:
                yield inspector.check(file.data)

    def _let_pass(self, request: Request, body: Body, *, unchanged: bool) -> None:
        if unchanged:
            self._wire.send(answer_head(204, {**self._usual(request), "Encapsulated": "null-body=0"}))
            return
        data = body.data()
        if data is None:
            # It was too large to be kept, and the client did not keep it either.
            raise Oversized
        head = request.heads.get(request.subject, b"")
        sections = [f"{request.subject}=0"] if head else []
        sections.append(f"{request.body}={len(head)}")
        fields = {**self._usual(request), "Encapsulated": ", ".join(sections)}
        self._wire.send(answer_head(200, fields) + head)
        if request.has_body:
            self._wire.send(*chunked(data))

    def _stop(self, request: Request, answer: CheckAnswer, decision: Decision) -> None:
        refused = decision is Decision.BLOCK
        text = (_TEXT_REFUSED if refused else _TEXT_LATER).encode()
        lines = [
            "HTTP/1.1 403 Forbidden" if refused else "HTTP/1.1 503 Service Unavailable",
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Length: {len(text)}",
            "Cache-Control: no-store",
            *([] if refused else [f"Retry-After: {_RETRY_AFTER_S}"]),
        ]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        # As virus scanners write it: type 0 is something known, 2 a breach of policy; resolution 2: it does not pass.
        kind = 0 if refused and answer.outcome is Outcome.MATCH else 2
        fields = {
            **self._usual(request),
            "X-Infection-Found": f"Type={kind}; Resolution=2; Threat={name_of(answer, self._door.naming)};",
            "Encapsulated": f"res-hdr=0, res-body={len(head)}",
        }
        self._wire.send(answer_head(200, fields) + head, *chunked(text))

    def _usual(self, request: Request) -> dict[str, str]:
        stays = request.stays and not self._wire.closing
        return {"ISTag": self._tag(), "Connection": "keep-alive" if stays else "close"}

    def _fail(self, status: int, *, incident: str | None = None) -> None:
        fields = {"ISTag": self._tag(), "Connection": "close", "Encapsulated": "null-body=0"}
        if incident is not None:
            fields["X-Vangnet-Incident"] = incident
        self._wire.send(answer_head(status, fields))

    def _tag(self) -> str:
        return f'"vangnet-{self._door.index_version()}"'
