"""Made-up CyberTips with their files: valid XML in the form's order, example domains, documentation addresses.

The same seed gives the same bytes. The pictures are coloured noise; nothing in them is of anybody, and no text says more
than which element it stands in.
"""

import hashlib
import io
import random
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from html import escape
from pathlib import Path

from PIL import Image

INCIDENT_TYPES = (
    "Child Pornography (possession, manufacture, and distribution)",
    "Online Enticement of Children for Sexual Acts",
    "Unsolicited Obscene Material Sent to a Child",
    "Child Sex Trafficking",
    "Child Sex Tourism",
    "Child Sexual Molestation",
    "Misleading Domain Name",
    "Misleading Words or Digital Images on the Internet",
)
#: Most reports are of the first kind (NCMEC's yearly reports); how much so is an assumption.
_TYPE_WEIGHTS = (90, 4, 1, 1, 1, 1, 1, 1)
_PLATFORMS = ("photos.example", "chat.example", "mail.example", "games.example", "drive.example")
_CLASSES = ("A1", "A2", "B1", "B2")
_REPORT_MARKS = ("sextortion", "csamSolicitation", "minorToMinorInteraction", "spam", "sadisticOnlineExploitation")
_FILE_MARKS = ("animeDrawingVirtualHentai", "potentialMeme", "viral", "possibleSelfProduction", "liveStreaming", "infant")
_EVENTS = ("Login", "Registration", "Upload", "Other")
_PICTURE_SIDE = 64
#: The share of files that are one of those that circulate, where there are such.
_CIRCULATING = 1 / 3
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFile:
    """A file of a made-up report."""

    file_id: str
    original_name: str
    #: As it is called in the bundle; None where it does not come along.
    stored_name: str | None
    content: bytes = field(repr=False)
    viewed: bool | None
    classification: str | None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeTip:
    """A made-up report with its files."""

    report_id: str
    report: str = field(repr=False)
    details: tuple[str, ...] = field(repr=False)
    files: tuple[MadeFile, ...]

    def members(self, *, one_document: bool = False) -> Mapping[str, bytes]:
        """What lies in its bundle, by name; details of files in documents of their own, or all in one."""
        if one_document:
            found = {"report.xml": document(f"<delivery>{self.report}{''.join(self.details)}</delivery>")}
        else:
            found = {"report.xml": document(self.report)}
            found |= {
                f"details/{file.file_id}.xml": document(text) for file, text in zip(self.files, self.details, strict=True)
            }
        found |= {f"files/{file.stored_name}": file.content for file in self.files if file.stored_name is not None}
        return found


def make_tip(
    seed: int,
    *,
    now: datetime,
    files: int | None = None,
    haste: bool | None = None,
    with_content: bool = True,
    circulating: Sequence[bytes] = (),
    contents: Sequence[bytes] = (),
    person: int | None = None,
) -> MadeTip:
    """A report. Without `files`, as many as it happens: mostly few, seldom very many. `with_content` draws pictures.

    `circulating`: pictures that turn up again and again; a third of the files are one of these. `contents`: what its files
    are, instead of drawn ones. `person`: the number of whom it is about, where several reports are to be about the same.
    """
    drawn = random.Random(seed)  # noqa: S311 (made-up reports are no secret)
    report_id = str(100_000_000 + seed % 900_000_000)
    count = min(int(drawn.paretovariate(1.1)), 500) if files is None else files
    made = tuple(_file(drawn, report_id, number, with_content=with_content) for number in range(count))
    if circulating:
        made = tuple(
            replace(file, content=drawn.choice(circulating)) if drawn.random() < _CIRCULATING else file for file in made
        )
    if contents:
        made = tuple(
            replace(_file(drawn, report_id, number, with_content=True), content=content)
            for number, content in enumerate(contents)
        )
    at = now - timedelta(seconds=drawn.randrange(3600, 60 * 24 * 3600))
    service = drawn.choice(_PLATFORMS)
    return MadeTip(
        report_id=report_id,
        report=_report(
            drawn, report_id, service, at, haste=drawn.random() < 0.01 if haste is None else haste, person=person
        ),
        details=tuple(file_details(drawn, report_id, service, at, file) for file in made),
        files=made,
    )


def document(body: str) -> bytes:
    """A whole XML document."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def write_zip(tip: MadeTip, path: Path, *, one_document: bool = False) -> None:
    """The report as a zip archive; the same tip gives the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in tip.members(one_document=one_document).items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=zipfile.ZIP_DEFLATED)


def write_folder(tip: MadeTip, folder: Path) -> None:
    """The report as a folder, which is made."""
    for name, content in tip.members().items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def make_tips(seed: int, count: int, *, now: datetime, with_content: bool = True) -> Iterator[MadeTip]:
    """So many reports, one after the other."""
    for number in range(count):
        yield make_tip(seed * 1_000_003 + number, now=now, with_content=with_content)


def small_picture(drawn: random.Random) -> bytes:
    """A PNG of coloured noise, soft enough to have a hash of its own; made in a fraction of a millisecond."""
    noise = Image.frombytes("RGB", (6, 6), drawn.randbytes(108))
    file = io.BytesIO()
    noise.resize((_PICTURE_SIDE, _PICTURE_SIDE), Image.Resampling.BICUBIC).save(file, "PNG", compress_level=1)
    return file.getvalue()


def many_details(count: int, *, report_id: str, now: datetime, seed: int) -> Iterator[bytes]:
    """One document with a report and the details of so many files, piece by piece."""
    drawn = random.Random(seed)  # noqa: S311 (made-up reports are no secret)
    at = now - timedelta(days=3)
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n<delivery>'
    yield _report(drawn, report_id, _PLATFORMS[0], at, haste=False).encode()
    for number in range(count):
        file = _file(drawn, report_id, number, with_content=False)
        yield file_details(drawn, report_id, _PLATFORMS[0], at, file).encode()
    yield b"</delivery>\n"


# --- elements, in the form's order ---


def _report(
    drawn: random.Random, report_id: str, service: str, at: datetime, *, haste: bool, person: int | None = None
) -> str:
    kind = drawn.choices(INCIDENT_TYPES, _TYPE_WEIGHTS)[0]
    marks = [mark for mark in _REPORT_MARKS if drawn.random() < 0.02]
    summary = _tag("incidentType", kind) + _tag("platform", service)
    summary += _tag("escalateToHighPriority", "asked for haste") if haste else ""
    summary += _inside("reportAnnotations", "".join(_tag(mark, "true") for mark in marks)) if marks else ""
    summary += _tag("incidentDateTime", at.strftime(_TIME))
    parts = [_inside("incidentSummary", summary)]
    if drawn.random() < 0.5:
        address = _tag("url", f"https://{service}/p/{drawn.randrange(10**9)}")
        parts.append(
            _inside("internetDetails", f'<webPageIncident thirdPartyHostedContent="false">{address}</webPageIncident>')
        )
    parts.append(_inside("reporter", _inside("reportingPerson", _tag("firstName", "Trust") + _tag("lastName", "Safety")
                 + _tag("email", f"trust@{service}"))))  # fmt: skip
    parts.append(_inside("personOrUserReported", _person(drawn, service, at, person)))
    if drawn.random() < 0.05:
        parts.append(_inside("victim", _tag("espIdentifier", str(drawn.randrange(10**10))) + _tag("espService", service)))
    parts.append(_tag("additionalInfo", f"made-up report {report_id}"))
    return f"<report>{''.join(parts)}</report>"


def _person(drawn: random.Random, service: str, at: datetime, person: int | None) -> str:
    number = drawn.randrange(10**6)
    if person is not None:
        number = person
    own = _tag("phone", f"+3161234{number % 10_000:04d}") if drawn.random() < 0.4 else ""
    own += f'<email verified="{_bool(drawn.random() < 0.7)}">person{number}@mail.example</email>'
    text = (
        _inside("personOrUserReportedPerson", own)
        + _tag("espIdentifier", str(10**9 + number))
        + _tag("espService", service)
    )
    text += _tag("screenName", f"name{number}") + _tag("displayName", f"Name {number}")
    text += _tag("profileUrl", f"https://{service}/u/{number}")
    text += "".join(_seen(drawn, at, event) for event in drawn.sample(_EVENTS, drawn.randrange(1, 4)))
    if drawn.random() < 0.3:
        text += _inside("deviceId", _tag("idType", "IMEI") + _tag("idValue", f"{number:015d}"))
    return text + _inside(
        "estimatedLocation", _tag("city", "Voorbeeldstad") + _tag("region", "XX") + _tag("countryCode", "NL")
    )


def file_details(drawn: random.Random, report_id: str, service: str, at: datetime, file: MadeFile) -> str:
    """The details of a file."""
    digests = (
        ("MD5", hashlib.md5(file.content, usedforsecurity=False)),
        ("SHA1", hashlib.sha1(file.content, usedforsecurity=False)),
    )
    text = _tag("reportId", report_id) + _tag("fileId", file.file_id) + _tag("originalFileName", file.original_name)
    text += _tag("uploadedToEspTimestamp", at.strftime(_TIME)) + _tag(
        "locationOfFile", f"https://{service}/f/{file.file_id}"
    )
    text += _tag("fileViewedByEsp", _bool(file.viewed)) if file.viewed is not None else ""
    text += _tag("publiclyAvailable", _bool(drawn.random() < 0.3)) + _tag("fileRelevance", "Reported")
    text += _inside("fileAnnotations", "".join(_tag(mark, "true") for mark in file.marks)) if file.marks else ""
    text += _tag("industryClassification", file.classification) if file.classification is not None else ""
    text += "".join(f'<originalFileHash hashType="{name}">{made.hexdigest()}</originalFileHash>' for name, made in digests)
    text += _seen(drawn, at, "Upload")
    return _inside("fileDetails", text)


def _seen(drawn: random.Random, at: datetime, event: str) -> str:
    seen = _tag("ipAddress", _network_address(drawn)) + _tag("eventName", event)
    seen += _tag("dateTime", (at - timedelta(minutes=drawn.randrange(600))).strftime(_TIME))
    if drawn.random() < 0.1:
        seen += _tag("possibleProxy", "true")
    return _inside("ipCaptureEvent", seen + _tag("port", str(drawn.randrange(1024, 65536))))


def _network_address(drawn: random.Random) -> str:
    """One of the ranges that are nobody's: for documentation (RFC 3849), and for measurements (RFC 2544).

    IPv4 has only 762 addresses for documentation. With so few, thousands of reports would seem to share them.
    """
    if drawn.random() < 0.3:
        return f"2001:db8:{drawn.randrange(65536):x}::{drawn.randrange(1, 65536):x}"
    return f"198.{drawn.randrange(18, 20)}.{drawn.randrange(256)}.{drawn.randrange(1, 255)}"


def _file(drawn: random.Random, report_id: str, number: int, *, with_content: bool) -> MadeFile:
    file_id = f"{report_id}-{number:05d}"
    return MadeFile(
        file_id=file_id,
        original_name=f"picture{number}.png",
        stored_name=f"{file_id}.png" if with_content else None,
        content=small_picture(drawn) if with_content else drawn.randbytes(16),
        viewed=drawn.choices((True, False, None), (50, 40, 10))[0],
        classification=drawn.choice(_CLASSES) if drawn.random() < 0.6 else None,
        marks=tuple(mark for mark in _FILE_MARKS if drawn.random() < 0.03),
    )


def shuffled(report: str, drawn: random.Random) -> str:
    """The same report with its sections in another order, as some programs write it."""
    sections = _sections(report.removeprefix("<report>").removesuffix("</report>"))
    drawn.shuffle(sections)
    return f"<report>{''.join(sections)}</report>"


def _sections(text: str) -> list[str]:
    found: list[str] = []
    while text:
        name = text[1 : text.index(">")].partition(" ")[0]
        end = text.index(f"</{name}>") + len(name) + 3
        found.append(text[:end])
        text = text[end:]
    return found


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text, quote=False)}</{name}>"


def _inside(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>"


def _bool(value: bool) -> str:
    return "true" if value else "false"
