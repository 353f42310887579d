"""The form of the public page: what somebody filled in, as a report, or what they have to mend. Pure.

Only addresses are asked for, never files. What is optional and empty stays empty; whoever is anonymous has no contact kept.
"""

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from vangnet.errors import InvalidInput
from vangnet.reports.formats.reading import Problems, Values
from vangnet.reports.model.drafts import Incident, ItemDraft, ItemKind, ReportDraft, Reporter, ReporterKind, Source

LINKS_MAX = 100
NOTE_MAX = 5000
LINE_MAX = 300
#: What somebody can say that it is.
KINDS = (Incident.MATERIAL, Incident.ENTICEMENT, Incident.EXTORTION, Incident.LIVE_STREAM, Incident.OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicForm:
    """What somebody filled in, as it came."""

    links: str = field(default="", repr=False)
    kind: str = ""
    place: str = field(default="", repr=False)
    seen_at: str = field(default="", repr=False)
    note: str = field(default="", repr=False)
    anonymous: bool = True
    contact: str = field(default="", repr=False)


def read_form(form: PublicForm, *, language: str, zone: ZoneInfo, now: datetime) -> ReportDraft | list[InvalidInput]:
    """The report, or everything that is to be mended. Times are those of `zone`."""
    wrong: list[InvalidInput] = []
    problems = Problems()
    values = Values(problems, now=now)
    addresses = _addresses(form.links, values=Values(Problems(), now=now), wrong=wrong)
    seen_at = _moment(form.seen_at, zone=zone, now=now, wrong=wrong)
    if form.kind and form.kind not in KINDS:
        wrong.append(InvalidInput(field="kind", problem="must be one of those that can be chosen"))
    if len(form.note) > NOTE_MAX:
        wrong.append(InvalidInput(field="note", problem=f"must have at most {NOTE_MAX} characters"))
    for name, text in (("place", form.place), ("contact", form.contact)):
        if len(text) > LINE_MAX:
            wrong.append(InvalidInput(field=name, problem=f"must have at most {LINE_MAX} characters"))
    contact = values.line(form.contact)
    if contact is not None and form.anonymous:
        wrong.append(InvalidInput(
            field="contact",
            problem="You filled in how to reach you, and chose to stay anonymous: empty it, or choose that we may reach you.",  # noqa: E501
        ))  # fmt: skip
    if contact is None and not form.anonymous:
        wrong.append(InvalidInput(field="contact", problem="Fill in how we can reach you, or choose to stay anonymous."))
    if wrong:
        return wrong
    place = values.line(form.place)
    words = [values.text(form.note), f"place: {place}" if place else ""]
    return ReportDraft(
        source=Source.PUBLIC,
        reporter=Reporter(kind=ReporterKind.ANONYMOUS if contact is None else ReporterKind.CITIZEN, contact=contact),
        incident=Incident(form.kind) if form.kind else Incident.OTHER,
        incident_at=seen_at,
        items=tuple(ItemDraft(kind=ItemKind.ADDRESS, address=address) for address in addresses),
        text="\n".join(filter(None, words)),
        language=language,
        problems=problems.told(),
    )


def _addresses(written: str, *, values: Values, wrong: list[InvalidInput]) -> list[str]:
    lines = [(number, line.strip()) for number, line in enumerate(written.splitlines(), 1) if line.strip()]
    if not lines:
        wrong.append(InvalidInput(field="links", problem="Enter the link. No link? See below."))
    if len(lines) > LINKS_MAX:
        wrong.append(InvalidInput(field="links", problem=f"must be at most {LINKS_MAX}: send the others in another report"))
        return []
    found: dict[str, None] = {}
    unread = []
    for number, line in lines:
        address = values.web_address(line)
        if address is None:
            unread.append(str(number))
        else:
            found[address] = None
    if unread:
        wrong.append(InvalidInput(
            field="links",
            problem=f"This is no link: line {', '.join(unread)}. Copy it from the address bar; put words into the note.",
        ))  # fmt: skip
    return list(found)


def _moment(written: str, *, zone: ZoneInfo, now: datetime, wrong: list[InvalidInput]) -> datetime | None:
    if not written.strip():
        return None
    problems = Problems()
    try:
        at = datetime.fromisoformat(written.strip())
        moment = Values(problems, now=now).moment(at if at.tzinfo is not None else at.replace(tzinfo=zone))
    except ValueError:
        moment = None
    if moment is None:
        wrong.append(InvalidInput(
            field="seen_at",
            problem="This is no time that can be: write it like 2026-11-22 14:00, or leave it empty.",
        ))  # fmt: skip
    return moment
