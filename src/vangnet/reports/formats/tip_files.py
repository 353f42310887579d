"""What a CyberTip says of one file.

A file of which nobody says whether it was viewed stays so: `viewed` is None and never a constant, because whether a person
there saw it decides who may open it (United States v. Wilson, 13 F.4th 961, 9th Cir. 2021).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from vangnet.reports.formats.reading import Problems, Values
from vangnet.reports.formats.tip_people import Children, check_order, first, in_order, read_trace, told
from vangnet.reports.formats.xml import Element, content, grouped
from vangnet.reports.model.drafts import Classified, ItemDraft, ItemKind, Sign

TEXT_MAX = 20_000
ORDER = in_order(
    "reportId", "fileId", "fileName", "originalFileName", "uploadedToEspTimestamp", "locationOfFile", "fileViewedByEsp",
    "exifViewedByEsp", "publiclyAvailable", "fileRelevance", "potentialMeme", "fileAnnotations", "industryClassification",
    "originalFileHash", "ipCaptureEvent", "deviceId", "details", "additionalInfo",
)  # fmt: skip
SIGNS = {
    "animeDrawingVirtualHentai": Sign.MADE_UP,
    "potentialMeme": Sign.SPREAD_WIDELY,
    "viral": Sign.SPREAD_WIDELY,
    "possibleSelfProduction": Sign.SELF_MADE,
    "physicalHarm": Sign.HARM,
    "violenceGore": Sign.HARM,
    "liveStreaming": Sign.LIVE,
    "infant": Sign.INFANT,
    "generativeAi": Sign.MADE_UP,
}
CLASSES = frozenset({"A1", "A2", "B1", "B2"})
_SUPPLEMENTAL = "supplemental reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """What is said of one file."""

    item: ItemDraft
    #: The report that it says it is of.
    report: str | None = field(repr=False)
    #: What the file may be called in a bundle, the surest first.
    names: tuple[str, ...] = field(repr=False)
    problems: Problems = field(repr=False)


def read_file(element: Element, *, now: datetime) -> FileRecord:
    """A `fileDetails`."""
    values = Values(Problems(), now=now)
    found = grouped(element)
    check_order(found, ORDER, values)
    file_id = values.reference(first(found, "fileId", values))
    original = values.line(first(found, "originalFileName", values))
    stored = values.line(first(found, "fileName", values))
    traces = [trace for each in found.get("ipCaptureEvent", ()) if (trace := read_trace(each, values)) is not None]
    item = ItemDraft(
        kind=ItemKind.FILE,
        reference=file_id,
        file_name=original or stored,
        address=values.web_address(first(found, "locationOfFile", values)),
        hashes=_hashes(found, values),
        viewed=values.flag(first(found, "fileViewedByEsp", values)),
        public=values.flag(first(found, "publiclyAvailable", values)),
        supplemental=(first(found, "fileRelevance", values) or "").strip().lower() == _SUPPLEMENTAL,
        classified=_classified(found, values),
        signs=_file_signs(found, values),
        at=values.time(first(found, "uploadedToEspTimestamp", values)),
        traces=tuple(traces),
        text=_file_text(found, values) or None,
    )
    return FileRecord(
        item=item,
        report=values.reference(first(found, "reportId", values)),
        names=tuple(name for name in (stored, file_id, original) if name is not None),
        problems=values.problems,
    )


def _hashes(found: Children, values: Values) -> tuple[tuple[str, bytes], ...]:
    hashes = [values.hash(each.get("hashType"), content(each)) for each in found.get("originalFileHash", ())]
    for kind, name, value in _pairs(found, values):
        if kind == "HASH":
            hashes.append(values.hash(name, value))
    kept = tuple(dict.fromkeys(one for one in hashes if one is not None))
    if len({kind for kind, _ in kept}) < len(kept):
        values.problems.note("a file has two different hashes of one kind")
    return kept


def _pairs(found: Children, values: Values) -> Iterator[tuple[str, str, str]]:
    for details in found.get("details", ()):
        for pair in grouped(details).get("nameValuePair", ()):
            inner = grouped(pair)
            kind = (pair.get("type") or details.get("type") or "").strip().upper()
            yield kind, first(inner, "name", values) or "", first(inner, "value", values) or ""


def _classified(found: Children, values: Values) -> Classified | None:
    code = (first(found, "industryClassification", values) or "").strip().upper()
    if not code:
        return None
    if code in CLASSES:
        return Classified(scheme="ncmec", code=code)
    values.problems.note(f"a classification must be one of {', '.join(sorted(CLASSES))}; another one was left out")
    return None


def _file_signs(found: Children, values: Values) -> frozenset[Sign]:
    marks = [mark for annotations in found.get("fileAnnotations", ()) for mark in grouped(annotations).items()]
    if "potentialMeme" in found:
        marks.append(("potentialMeme", found["potentialMeme"]))
    return frozenset(SIGNS[name] for name, each in marks if name in SIGNS and values.flag(content(each[0])))


def _file_text(found: Children, values: Values) -> str:
    lines = [
        f"fileAnnotations: {name}"
        for annotations in found.get("fileAnnotations", ())
        for name, each in grouped(annotations).items()
        if name not in SIGNS and len(name) < 64 and values.flag(content(each[0]))
    ]
    for name in ("exifViewedByEsp", "deviceId", "additionalInfo"):
        lines += [line for each in found.get(name, ()) if (line := told(name, each, values))]
    lines += [f"{kind} {name}: {value}" for kind, name, value in _pairs(found, values) if kind != "HASH"]
    return values.text("\n".join(lines), longest=TEXT_MAX) if lines else ""
