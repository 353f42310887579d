"""NCMEC's hash sharing, version 2, on this machine, as far as it is described; with made-up members and entries."""

import base64
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode
from xml.sax.saxutils import escape, quoteattr

from running.fake_service import FakeService

USERNAME, PASSWORD = "vangnet", "canary-password"
_XMLNS = "https://hashsharing.ncmec.org/hashsharing/v2"
_AUTHORIZED = "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()


@dataclass(slots=True, kw_only=True)
class FakeEntry:
    """An entry of a member. `kind` is image, video, deletedImage or deletedVideo."""

    id: str
    kind: str = "image"
    member: int = 42
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    classification: str | None = "A1"
    fingerprints: dict[str, str] = field(default_factory=dict)

    def xml(self) -> str:
        """As the service writes it."""
        fingerprints = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in self.fingerprints.items())
        classification = f"<classification>{escape(self.classification)}</classification>" if self.classification else ""
        return (
            f'<{self.kind}><member id="{self.member}">Member {self.member}</member>'
            f"<timestamp>{self.at:%Y-%m-%dT%H:%M:%SZ}</timestamp><id>{escape(self.id)}</id>"
            f"{classification}<fingerprints>{fingerprints}</fingerprints></{self.kind}>"
        )


class FakeNcmec(FakeService):
    """Serves `entries` in their order, whatever their times, `size` a page."""

    media_type = "application/xml"

    def __init__(self, *, size: int = 10) -> None:
        super().__init__()
        self.size = size
        self.entries: list[FakeEntry] = []
        self.reasons = {"11111111-1111-1111-1111-111111111111": "Not what it says", "22222222": "Bad hash"}
        self.feedback: list[tuple[str, str, str, str]] = []

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        """One of status, members, entries, reasons, feedback."""
        if headers.get("authorization") != _AUTHORIZED:
            return 401, b""
        path, _, query = target.partition("?")
        if method == "PUT" and (found := re.fullmatch(r"/v2/entries/(\d+)/([^/]+)/([A-Z0-9_]+)/feedback", path)):
            self.feedback.append((found[1], found[2], found[3], body.decode()))
            return 200, b""
        document = self._document(path, query)
        return (404, b"") if document is None else (200, document)

    def _document(self, path: str, query: str) -> bytes | None:
        match path:
            case "/v2/status":
                return _wrapped("status", '<ipAddress>127.0.0.1</ipAddress><member id="7">Vangnet</member>')
            case "/v2/members":
                members = sorted({entry.member for entry in self.entries})
                return _wrapped("members", "".join(f'<member id="{id_}">Member {id_}</member>' for id_ in members))
            case "/v2/entries":
                return self._page(parse_qs(query))
            case _ if re.fullmatch(r"/v2/feedback/[A-Z0-9_]+/reasons", path):
                reasons = "".join(
                    f"<reason guid={quoteattr(id_)} name={quoteattr(name)}/>" for id_, name in self.reasons.items()
                )
                return _wrapped("availableFeedbackReasons", reasons)
            case _:
                return None

    def _page(self, query: dict[str, list[str]]) -> bytes:
        since, until = (datetime.fromisoformat(query[name][0]) for name in ("from", "to"))
        found = [entry for entry in self.entries if since <= entry.at < until]
        start = int(query.get("start", ["1"])[0])
        page = found[start - 1 : start - 1 + self.size]
        groups = ""
        for name in ("images", "videos"):
            inside = [entry.xml() for entry in page if entry.kind.lower().endswith(name[:-1])]
            if inside:
                groups += f'<{name} count="{len(inside)}" maxTimestamp="2026-01-01T00:00:00Z">{"".join(inside)}</{name}>'
        paging = ""
        if start - 1 + self.size < len(found):
            following = {name: query[name][0] for name in ("from", "to")}
            following |= {"start": str(start + self.size), "size": str(self.size), "max": str(len(found))}
            paging = f"<paging><next>/v2/entries?{escape(urlencode(following))}</next></paging>"
        return _wrapped("queryResult", paging + groups)


def _wrapped(tag: str, inside: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{tag} xmlns="{_XMLNS}">{inside}</{tag}>'.encode()
