"""Lists as JSON of the Video Image Classification Standard (VICS, of Project VIC), 1.x and 2.0.

A file is one object; `odata.metadata` (1.x) or `@odata.context` (2.0) says what its `value` holds: media, or cases with
media in them. Of a medium only what makes an entry is read: hashes, category, kind and id. What examiners wrote about
victims, offenders and places stays in the file.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from vangnet.errors import InvalidInput
from vangnet.hashing.model import Convention
from vangnet.registry.formats import reading
from vangnet.registry.formats.json_items import Broken, JsonDocument, TooLong
from vangnet.registry.formats.reading import FILE, Readable, Refused, Row, Skipped, Taken
from vangnet.registry.formats.writing import Writable, hash_text
from vangnet.registry.model.entries import Category, EntryDraft, HashAlgorithm, ListedHash, MediaKind

_CONTEXTS = ("odata.metadata", "@odata.context")
_CASES = "#cases"
#: In the context's address: …/DataModels/2.0.xml/US/$metadata#Media
_COUNTRY = re.compile(r"\.xml/([A-Za-z]{2})/")
_HASHES = {"MD5": HashAlgorithm.MD5, "SHA1": HashAlgorithm.SHA1, "PhotoDNA": HashAlgorithm.PHOTODNA}
#: What `HashName` is called by various tools; anything else is kept as `other`, with its name.
_HASH_NAMES = {
    "md5": HashAlgorithm.MD5,
    "sha1": HashAlgorithm.SHA1,
    "sha256": HashAlgorithm.SHA256,
    "pdq": HashAlgorithm.PDQ,
    "photodna": HashAlgorithm.PHOTODNA,
    "tmkpdqf": HashAlgorithm.TMK_PDQF,
    "netclean": HashAlgorithm.NETCLEAN,
    "videntifier": HashAlgorithm.VIDENTIFIER,
    "ssvhpdna": HashAlgorithm.SSVH_PDNA,
    "ssvhsaferhash": HashAlgorithm.SSVH_SAFER_HASH,
}
_NOT_CATEGORISED = "0"
_CATEGORY_MAX = 99
_CONTEXT = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/{country}/$metadata#Media"


def read(stream: Readable, *, after: int = 0, country: str | None = None) -> Iterator[Row]:
    """The media behind `after`, counted over the whole file.

    What a category means depends on the country: its scheme is `vics:nl`, say, by the file's context or by `country`,
    else plain `vics`. Raises InvalidInput where the file is no VICS.
    """
    for _, row in read_cases(stream, after=after, country=country):
        yield row


def read_cases(stream: Readable, *, after: int = 0, country: str | None = None) -> Iterator[tuple[int, Row]]:
    """The same, each with the number of the case that it stands in, counted from 1; 0 in a file without cases."""
    media = _Media(country)
    position = 0
    try:
        for found in media.of(JsonDocument(reading.chunks(stream)), after=after):
            position += 1
            if position > after:
                yield media.case, _row(position, found, media.scheme)
    except Broken as error:
        if not media.begun:
            raise InvalidInput(field=FILE, problem=f"is no VICS file: {error}") from None
        yield media.case, Skipped(position=position + 1, field=FILE, problem=f"cannot be read further: {error}")


class _Media:
    """Finds the media of a document, wherever its version keeps them."""

    def __init__(self, country: str | None) -> None:
        self._country = country
        self._cases = False
        self.case = 0
        self.begun = False
        self.scheme = _scheme(country)

    def of(self, document: JsonDocument, *, after: int) -> Iterator[Any]:
        """Each medium as JSON has it, or what is wrong with it; nothing is decoded of the first `after`."""
        if document.enter() != "{":
            raise InvalidInput(field=FILE, problem="is no VICS file: it must be a JSON object with `value`")
        self._behind = after
        for key in document.members():
            if key in _CONTEXTS:
                self._learn(document)
            elif key == "value" and document.enter() == "[":
                self.begun = True
                yield from self._values(document)
            else:
                document.skip()
        if not self.begun:
            raise InvalidInput(field=FILE, problem="is no VICS file: it has no array `value`")
        if not document.ended():
            raise Broken("something follows the end of the document")

    def _learn(self, document: JsonDocument) -> None:
        try:
            context = document.value()
        except (ValueError, TooLong):
            return
        if isinstance(context, str):
            self._cases = context.lower().endswith(_CASES)
            found = _COUNTRY.search(context)
            if self._country is None and found is not None:
                self.scheme = _scheme(found[1])

    def _values(self, document: JsonDocument) -> Iterator[Any]:
        for _ in document.elements():
            if not self._cases or document.enter() != "{":
                yield self._one(document)
                continue
            self.case += 1
            for key in document.members():
                if key == "Media" and document.enter() == "[":
                    for _ in document.elements():
                        yield self._one(document)
                else:
                    document.skip()

    def _one(self, document: JsonDocument) -> Any:
        if self._behind > 0:
            self._behind -= 1
            document.skip()
            return None
        try:
            return document.value()
        except TooLong:
            return Refused("item", problem="is too long")
        except ValueError:
            return Refused("item", problem="is not JSON")


def _scheme(country: str | None) -> str:
    return f"vics:{country.lower()}" if country else "vics"


def _row(position: int, found: Any, scheme: str) -> Row:
    try:
        return Taken(position=position, draft=_draft(found, scheme))
    except Refused as problem:
        return Skipped(position=position, field=problem.field, problem=problem.problem)


def _draft(found: Any, scheme: str) -> EntryDraft:
    if isinstance(found, Refused):
        raise found
    if not isinstance(found, dict):
        raise Refused("item", problem="is no object")
    hashes = [
        reading.listed(algorithm, _text(found, name), field=name) for name, algorithm in _HASHES.items() if found.get(name)
    ]
    hashes += _alternatives(found.get("AlternativeHashes"))
    return EntryDraft(
        media_kind=_kind(found),
        hashes=reading.required(hashes),
        category=Category(scheme=scheme, name=_category(found.get("Category"))),
        reference=_reference(found.get("MediaID")),
        note=None,
    )


def _text(found: dict[str, Any], name: str) -> str:
    value = found[name]
    if not isinstance(value, str):
        raise Refused(name, problem="must be a text")
    return value.strip()


def _alternatives(listed: Any) -> list[ListedHash]:
    if not listed:
        return []
    if not isinstance(listed, list):
        raise Refused("AlternativeHashes", problem="must be an array")
    return [_alternative(each) for each in listed]


def _alternative(each: Any) -> ListedHash:
    if (
        not isinstance(each, dict)
        or not isinstance(each.get("HashName"), str)
        or not isinstance(each.get("HashValue"), str)
    ):
        raise Refused("AlternativeHashes", problem="must hold objects with the texts `HashName` and `HashValue`")
    # `PDQ floor512` is ours: a hash made otherwise than other tools make it must not pass for one of theirs.
    name, _, convention = each["HashName"].strip().partition(" ")
    value = each["HashValue"].strip()
    algorithm = _HASH_NAMES.get(re.sub("[-_]", "", name).lower())
    if algorithm is HashAlgorithm.PDQ:
        return reading.pdq(value, convention=convention, quality="", field="AlternativeHashes")
    if algorithm is None or convention:
        return reading.other(each["HashName"], value, field="AlternativeHashes")
    return reading.listed(algorithm, value, field="AlternativeHashes")


def _kind(found: dict[str, Any]) -> MediaKind:
    media_type = found.get("MimeType") or "image/"
    if not isinstance(media_type, str):
        raise Refused("MimeType", problem="must be a text")
    match media_type.strip().lower().partition("/")[0]:
        case "image":
            return MediaKind.IMAGE
        case "video":
            return MediaKind.VIDEO
        case _:
            raise Refused("MimeType", problem="is neither an image nor a video")


def _category(value: Any) -> str:
    if value is None or value == "":
        return _NOT_CATEGORISED
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 8:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _CATEGORY_MAX:
        raise Refused("Category", problem=f"must be a whole number from 0 to {_CATEGORY_MAX}")
    return str(value)


def _reference(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Refused("MediaID", problem="must be a number or a text")
    return reading.line(str(value).strip(), field="MediaID")


# --- writing ---


def category_number(entry: EntryDraft) -> int:
    """The category that an entry has by VICS already; 0, not categorised, for one of another scheme."""
    scheme, name = entry.category.scheme, entry.category.name
    return int(name) if scheme.startswith("vics") and name.isascii() and name.isdigit() else 0


def write(
    entries: Iterable[EntryDraft],
    target: Writable,
    *,
    country: str = "Default",
    category_of: Callable[[EntryDraft], int] = category_number,
) -> int:
    """Writes VICS 2.0 and answers how many media there are. Errors of `target` come out as they are.

    `category_of` says the number that the country's scheme has for an entry. Notes are not written, nor the quality of a
    PDQ hash, for which VICS has no place.
    """
    context = json.dumps(_CONTEXT.format(country=country))
    target.write(f'{{"@odata.context":{context},"value":['.encode())
    count = 0
    block: list[str] = []
    for entry in entries:
        block.append(("," if count else "") + "\n" + json.dumps(_medium(entry, count + 1, category_of(entry))))
        count += 1
        if len(block) == 500:
            target.write("".join(block).encode())
            block.clear()
    target.write(("".join(block) + "\n]}\n").encode())
    return count


def _medium(entry: EntryDraft, number: int, category: int) -> dict[str, object]:
    medium: dict[str, object] = {"MediaID": entry.reference or number, "Category": category}
    names = {algorithm: name for name, algorithm in _HASHES.items()}
    alternatives = []
    for listed in entry.hashes:
        if listed.algorithm in names:
            medium[names[listed.algorithm]] = hash_text(listed)
        else:
            name, value = _named(listed)
            alternatives.append({"HashName": name, "HashValue": value})
    medium["MimeType"] = "video/*" if entry.media_kind is MediaKind.VIDEO else "image/*"
    if alternatives:
        medium["AlternativeHashes"] = alternatives
    return medium


def _named(listed: ListedHash) -> tuple[str, str]:
    match listed.algorithm:
        case HashAlgorithm.PDQ:
            convention = listed.convention or Convention.FULL
            return "PDQ" if convention is Convention.FULL else f"PDQ {convention.value}", hash_text(listed)
        case HashAlgorithm.OTHER:
            return reading.other_parts(listed)
        case _:
            return listed.algorithm.value.upper(), hash_text(listed)
