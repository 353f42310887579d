"""XARF, version 4, `content/csam`: a report of an address, as JSON. https://xarf.org

What is wrong with a field spoils that field only, and a required one that is missing is told: what another tool would
refuse is still a report of an address. Evidence is never kept: the form says that no media are attached, and what is
attached all the same is passed over piece by piece, unread.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from vangnet.registry.formats.json_items import Broken, JsonDocument, TooLong
from vangnet.reports.formats.reading import (
    CHUNK_BYTES,
    Found,
    Problems,
    Readable,
    Unreadable,
    UnreadableReason,
    Values,
)
from vangnet.reports.model.drafts import (
    Classified,
    Identifier,
    IdentifierKind,
    Incident,
    ItemDraft,
    ItemKind,
    NamedPerson,
    PersonRole,
    ReportDraft,
    Reporter,
    ReporterKind,
    Sign,
    Source,
    Trace,
)

#: More in one document than this are delivered in parts.
REPORTS_MAX = 10_000
CLASSES = frozenset({"baseline", "A1", "A2", "B1", "B2"})
METHODS = frozenset({"hash_match", "ai_detection", "manual_review", "user_report", "automated_scan"})
_MEDIA_TYPES = frozenset({"image", "video", "audio", "text", "mixed"})
_REQUIRED = (
    "report_id", "timestamp", "reporter", "sender", "source_identifier", "url", "classification", "detection_method",
)  # fmt: skip
#: The second is its sister for what is not material; its classes are others, and are left out.
_KINDS = (("content", "csam"), ("content", "csem"))
#: Kept as words, behind the form's own name.
_TOLD = (
    "description", "detection_method", "media_type", "ncmec_report_id", "content_removed", "account_suspended",
    "hosting_provider", "asn", "registrar", "verification_method", "evidence_source", "confidence", "victim_age_range",
)  # fmt: skip


def read(stream: Readable, *, now: datetime, where: str = "") -> Iterator[Found]:
    """The reports of a document: one object, or an array of them."""
    document = JsonDocument(_chunks(stream))
    taken = 0
    try:
        match document.enter():
            case "{":
                taken = 1
                yield _one(document, now=now, where=where)
            case "[":
                for _ in document.elements():
                    if taken == REPORTS_MAX:
                        yield Unreadable(
                            reason=UnreadableReason.TOO_LARGE,
                            where=where,
                            problem=f"it has more than {REPORTS_MAX} reports: split it; so many were read",
                        )
                        return
                    taken += 1
                    if document.enter() == "{":
                        yield _one(document, now=now, where=f"{where} {taken}".strip())
                    else:
                        document.skip()
                        yield _other(f"{where} {taken}".strip(), "it is no JSON object")
            case _:
                yield _other(where, "it is no JSON object, nor an array of them")
                return
        if not document.ended():
            yield Unreadable(
                reason=UnreadableReason.BROKEN, where=where, problem="something follows the end of the document"
            )
    except (Broken, TooLong) as error:
        problem = str(error) or "it has a name that is too long"
        yield Unreadable(reason=UnreadableReason.BROKEN, where=where, problem=f"it cannot be read further: {problem}")


def _chunks(stream: Readable) -> Iterator[bytes]:
    first = True
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk.removeprefix(b"\xef\xbb\xbf") if first else chunk
        first = False


def _other(where: str, problem: str) -> Unreadable:
    return Unreadable(reason=UnreadableReason.NOT_THIS_FORM, where=where, problem=problem)


def _one(document: JsonDocument, *, now: datetime, where: str) -> Found:
    """An object that was entered. Where it breaks off, what was read before is the report."""
    problems = Problems()
    found: dict[str, Any] = {}
    evidence = 0
    broken = False
    try:
        for name in document.members():
            if name == "evidence":
                evidence += _passed(document)
            elif name in found:
                document.skip()
                problems.note("a field stands twice; the first was read")
            else:
                found[name] = _value(document, problems)
    except (Broken, TooLong):
        broken = True
        problems.note("the report breaks off; what stood before that was read")
    kind = (found.get("category", found.get("class")), found.get("type"))
    if not str(found.get("xarf_version", "")).startswith("4.") and not broken:
        return _other(where, "it is no XARF of version 4")
    if kind not in _KINDS and not (broken and "url" in found):
        return _other(where, "it is XARF about something else than content/csam")
    problems.note("evidence that came along was passed over: media are never taken in this form", evidence)
    return _Read(found, problems, now=now).draft(broken=broken)


def _value(document: JsonDocument, problems: Problems) -> Any:
    try:
        return document.value()
    except TooLong:
        problems.note("a field is too long, and was left out")
    except ValueError:
        problems.note("a field is no JSON, and was left out")
    return None


def _passed(document: JsonDocument) -> int:
    """Passes over evidence, however large, and answers how many pieces it had."""
    if document.enter() != "[":
        document.skip()
        return 1
    count = 0
    for _ in document.elements():
        count += 1
        document.skip()
    return count


class _Read:
    """The fields of a report."""

    def __init__(self, found: dict[str, Any], problems: Problems, *, now: datetime) -> None:
        self._found = found
        self._problems = problems
        self._now = now
        self._values = Values(problems, now=now)

    def draft(self, *, broken: bool) -> ReportDraft:
        """The report."""
        values = self._values
        if not broken:
            for name in _REQUIRED:
                if self._found.get(name) in (None, "", {}):
                    self._problems.note(f"the field {name} is missing")
        at = values.time(self._text("timestamp"))
        items, source = [], values.web_address(self._text("url"))
        item = self._item(source, at)
        if item is not None:
            items.append(item)
        else:
            self._problems.note("it names no address of material and no hash of it")
        traces, people = self._source(at)
        words = [f"{name}: {text}" for name in _TOLD if (text := values.text(self._text(name)))]
        return ReportDraft(
            source=Source.XARF,
            reporter=self._reporter(),
            incident=Incident.MATERIAL,
            reference=values.reference(self._text("report_id")),
            reported_at=at,
            incident_at=None,
            signs=frozenset({Sign.MADE_UP}) if self._found.get("ai_generated") is True else frozenset(),
            people=people,
            traces=traces,
            items=tuple(items),
            text="\n".join(words),
            problems=self._problems.told(),
        )

    def _text(self, name: str, inside: dict[str, Any] | None = None) -> str | None:
        """A field as text; numbers and truth are written out, anything else is left out and told."""
        value = (self._found if inside is None else inside).get(name)
        match value:
            case None:
                return None
            case str():
                return value
            case bool():
                return str(value).lower()
            case int() | float():
                return str(value)[:100]
            case _:
                self._problems.note("a field is of another type than the form's, and was left out")
                return None

    def _inside(self, name: str) -> dict[str, Any]:
        value = self._found.get(name)
        if value is not None and not isinstance(value, dict):
            self._problems.note("a field is of another type than the form's, and was left out")
        return value if isinstance(value, dict) else {}

    def _reporter(self) -> Reporter:
        said = self._inside("reporter") or self._inside("sender")
        values = self._values
        name = values.line(self._text("org", said)) or values.line(self._text("domain", said))
        return Reporter(kind=ReporterKind.COMPANY, name=name, contact=values.line(self._text("contact", said)))

    def _item(self, address: str | None, at: datetime | None) -> ItemDraft | None:
        values = self._values
        said = self._inside("hash_values")
        hashes = tuple(
            one for name in said if isinstance(name, str) and (one := values.hash(name, self._text(name, said))) is not None
        )
        if address is None and not hashes:
            return None
        kind = self._text("media_type")
        if kind is not None and kind not in _MEDIA_TYPES:
            self._problems.note(f"the field media_type must be one of {', '.join(sorted(_MEDIA_TYPES))}")
        method = self._text("detection_method")
        if method is not None and method not in METHODS:
            self._problems.note(f"the field detection_method must be one of {', '.join(sorted(METHODS))}")
        return ItemDraft(
            kind=ItemKind.ADDRESS if address is not None else ItemKind.HASH,
            address=address,
            hashes=hashes,
            media_type=f"{kind}/*" if kind in {"image", "video", "audio"} else None,
            # That a person judged it is said by one of the methods only, and of the others nothing is known.
            viewed=True if method == "manual_review" else None,
            classified=self._classified(),
            at=values.time(self._text("verified_at")) or at,
        )

    def _classified(self) -> Classified | None:
        code = self._text("classification")
        if code is None:
            return None
        if code not in CLASSES:
            self._problems.note(f"the field classification must be one of {', '.join(sorted(CLASSES))}; it was left out")
            return None
        return Classified(scheme="xarf", code=code)

    def _source(self, at: datetime | None) -> tuple[tuple[Trace, ...], tuple[NamedPerson, ...]]:
        """Where it came from: an address on the network, or else an account or a host, which stays in words."""
        written = self._text("source_identifier")
        if not written:
            return (), ()
        address = Values(Problems(), now=self._now).network_address(written)
        if address is not None:
            port = self._values.port(self._text("source_port")) or address[1]
            return (Trace(address=address[0], at=at, port=port),), ()
        if "@" in written and (email := self._values.line(written)) is not None:
            identifier = Identifier(kind=IdentifierKind.EMAIL, value=email)
            return (), (NamedPerson(role=PersonRole.REPORTED, identifiers=(identifier,)),)
        if (host := self._values.line(written)) is not None:
            self._found["description"] = "\n".join(filter(None, (self._text("description"), f"source_identifier: {host}")))
        return (), ()
