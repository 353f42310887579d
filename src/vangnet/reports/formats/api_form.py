"""A report as a provider's program sends it to our API: JSON of our own form, described in the API reference.

Read like every other form: what is wrong with a value spoils that value only, and is told; what nobody said stays empty.
Whose report it is says the key that it came with, and nothing in it.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from vangnet.reports.formats.reading import Found, Problems, Unreadable, UnreadableReason, Values
from vangnet.reports.model.drafts import (
    Classified,
    Identifier,
    IdentifierKind,
    Incident,
    ItemDraft,
    ItemKind,
    NamedPerson,
    PersonRole,
    Place,
    ReportDraft,
    Reporter,
    Sign,
    Source,
    Trace,
)

ITEMS_MAX = 100_000
LISTED_MAX = 1000
_SIZE_MAX = 2**50
_Choice = TypeVar("_Choice", bound=StrEnum)


def read(content: bytes, *, reporter: Reporter, now: datetime) -> Found:
    """The report, or why there is none."""
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return Unreadable(reason=UnreadableReason.BROKEN, where="", problem="it is no JSON in UTF-8, or it breaks off")
    if not isinstance(found, dict):
        problem = "it is no JSON object: send one report a request"
        return Unreadable(reason=UnreadableReason.NOT_THIS_FORM, where="", problem=problem)
    problems = Problems()
    draft = _draft(_Fields(found, Values(problems, now=now)), reporter, problems)
    if not (draft.items or draft.people or draft.traces or draft.text):
        problem = "; ".join(("it has no item, person, trace or text that could be read", *draft.problems))
        return Unreadable(reason=UnreadableReason.NO_REPORT, where="", problem=problem)
    return draft


def _draft(fields: "_Fields", reporter: Reporter, problems: Problems) -> ReportDraft:
    values = fields.values
    items = [item for one in fields.each("items", most=ITEMS_MAX) if (item := _item(one)) is not None]
    contact = values.line(fields.text("contact"))
    draft = ReportDraft(
        source=Source.API,
        reporter=Reporter(kind=reporter.kind, name=reporter.name, contact=contact),
        reference=values.reference(fields.text("reference")),
        reported_at=values.time(fields.text("reported_at")),
        incident=fields.choice("incident", Incident) or Incident.OTHER,
        incident_at=values.time(fields.text("incident_at")),
        signs=frozenset(fields.choices("signs", Sign)),
        people=tuple(_people(fields)),
        traces=tuple(_traces(fields)),
        places=tuple(_places(fields)),
        items=tuple(items),
        text=values.text(fields.text("text")),
        language=_language(fields),
    )
    fields.tell_unknown()
    return replace(draft, problems=problems.told())


def _item(fields: "_Fields") -> ItemDraft | None:
    values = fields.values
    address = values.web_address(fields.text("address"))
    hashes = tuple(
        one
        for name, value in fields.pairs("hashes")
        if (one := values.hash(name, value if isinstance(value, str) else None)) is not None
    )
    kind = fields.choice("kind", ItemKind)
    classified = fields.inside("classified")
    item = ItemDraft(
        kind=kind or (ItemKind.ADDRESS if address is not None else ItemKind.HASH),
        reference=values.reference(fields.text("reference")),
        file_name=values.line(fields.text("file_name")),
        address=address,
        hashes=hashes,
        size_bytes=fields.number("size_bytes"),
        media_type=values.line(fields.text("media_type"), longest=100),
        viewed=fields.flag("viewed"),
        public=fields.flag("public"),
        supplemental=fields.flag("supplemental") or False,
        classified=None if classified is None else _classified(classified),
        signs=frozenset(fields.choices("signs", Sign)),
        at=values.time(fields.text("at")),
        traces=tuple(_traces(fields)),
        text=values.text(fields.text("text")) or None,
    )
    fields.tell_unknown()
    if address is None and not hashes and item.file_name is None and item.reference is None:
        values.problems.note("an item has no address, no hash and no name that could be read, and was left out")
        return None
    return item


def _classified(fields: "_Fields") -> Classified | None:
    scheme = fields.values.line(fields.text("scheme"), longest=100)
    code = fields.values.line(fields.text("code"), longest=100)
    fields.tell_unknown()
    if scheme is None or code is None:
        fields.values.problems.note("a classification needs a scheme and a code; one without was left out")
        return None
    return Classified(scheme=scheme, code=code)


def _people(fields: "_Fields") -> Iterator[NamedPerson]:
    for one in fields.each("people"):
        identifiers = tuple(_identifiers(one))
        traces = tuple(_traces(one))
        role = one.choice("role", PersonRole) or PersonRole.OTHER
        one.tell_unknown()
        if identifiers or traces:
            yield NamedPerson(role=role, identifiers=identifiers, traces=traces)


def _identifiers(fields: "_Fields") -> Iterator[Identifier]:
    for one in fields.each("identifiers"):
        kind, value = one.choice("kind", IdentifierKind), one.values.line(one.text("value"))
        service, verified = one.values.line(one.text("service")), one.flag("verified")
        one.tell_unknown()
        if kind is None or value is None:
            one.values.problems.note("a sign of a person needs a kind and a value; one without was left out")
        else:
            yield Identifier(kind=kind, value=value, service=service, verified=verified)


def _traces(fields: "_Fields") -> Iterator[Trace]:
    for one in fields.each("traces"):
        address = one.values.network_address(one.text("address"))
        at, port = one.values.time(one.text("at")), one.values.port(one.text("port"))
        event, proxy = one.values.line(one.text("event"), longest=100), one.flag("proxy")
        one.tell_unknown()
        if address is not None:
            yield Trace(address=address[0], at=at, port=port or address[1], event=event, proxy=proxy)


def _places(fields: "_Fields") -> Iterator[Place]:
    for one in fields.each("places"):
        values = one.values
        place = Place(
            country=values.country(one.text("country")),
            region=values.line(one.text("region")),
            city=values.line(one.text("city")),
        )
        one.tell_unknown()
        if place != Place():
            yield place


def _language(fields: "_Fields") -> str | None:
    written = fields.text("language")
    if written is None or written in {"nl", "en"}:
        return written
    fields.values.problems.note("a language other than nl or en was left out")
    return None


class _Fields:
    """An object of the form, field by field."""

    def __init__(self, found: dict[str, Any], values: Values) -> None:
        self._found = found
        self._asked: set[str] = set()
        self.values = values

    def text(self, name: str) -> str | None:
        """A text; a number is written out."""
        match value := self._get(name):
            case None | str():
                return value
            case int() | float() if not isinstance(value, bool):
                return str(value)
        self._is_other()
        return None

    def flag(self, name: str) -> bool | None:
        """Yes, no, or nothing said."""
        value = self._get(name)
        if value is None or isinstance(value, bool):
            return value
        self._is_other()
        return None

    def number(self, name: str) -> int | None:
        """A whole number that can be a size."""
        value = self._get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _SIZE_MAX):
            return value
        self._is_other()
        return None

    def choice(self, name: str, kind: type[_Choice]) -> _Choice | None:
        """One of a closed set."""
        value = self._get(name)
        return None if value is None else self._chosen(value, kind)

    def choices(self, name: str, kind: type[_Choice]) -> Iterator[_Choice]:
        """Some of a closed set."""
        for value in self._list(name, LISTED_MAX):
            if (chosen := self._chosen(value, kind)) is not None:
                yield chosen

    def inside(self, name: str) -> "_Fields | None":
        """An object inside."""
        value = self._get(name)
        if isinstance(value, dict):
            return _Fields(value, self.values)
        if value is not None:
            self._is_other()
        return None

    def each(self, name: str, *, most: int = LISTED_MAX) -> Iterator["_Fields"]:
        """Objects in a list."""
        for value in self._list(name, most):
            if isinstance(value, dict):
                yield _Fields(value, self.values)
            else:
                self._is_other()

    def pairs(self, name: str) -> list[tuple[str, Any]]:
        """The names and values of an object inside, whatever the names are."""
        value = self._get(name)
        if value is not None and not isinstance(value, dict):
            self._is_other()
        return list(value.items())[:LISTED_MAX] if isinstance(value, dict) else []

    def tell_unknown(self) -> None:
        """Tells how many fields there were that the form does not have."""
        self.values.problems.note(
            "a field that the form does not have was passed over", len(set(self._found) - self._asked)
        )

    def _get(self, name: str) -> Any:
        self._asked.add(name)
        return self._found.get(name)

    def _list(self, name: str, most: int) -> list[Any]:
        value = self._get(name)
        if value is None or isinstance(value, list):
            listed = value or []
            self.values.problems.note(f"a list has more than {most}; the others were left out", max(0, len(listed) - most))
            return listed[:most]
        self._is_other()
        return []

    def _chosen(self, value: object, kind: type[_Choice]) -> _Choice | None:
        if isinstance(value, str) and value in set(kind):
            return kind(value)
        self.values.problems.note(f"a value must be one of {', '.join(kind)}; another one was left out")
        return None

    def _is_other(self) -> None:
        self.values.problems.note("a field is of another type than the form's, and was left out")
