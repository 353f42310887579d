"""Lists as ThreatExchange answers them: an object with `data`, or the array itself; one hash an item.

An item is taken back where `should_delete` is true. What it says of the hash is in its tags (`media_priority_…`) or,
without one, in its `status`; that word is its category, for a curator to map.
"""

from collections.abc import Iterator
from typing import Any

from vangnet.errors import InvalidInput
from vangnet.registry.formats import reading
from vangnet.registry.formats.json_items import Broken, JsonDocument, TooLong
from vangnet.registry.formats.reading import FILE, Readable, Refused, Row, Skipped, Taken, Withdrawn
from vangnet.registry.model.entries import CATEGORY_MAX, Category, EntryDraft, HashAlgorithm, MediaKind

SCHEME = "threatexchange"
_TYPES = {
    "HASH_MD5": (HashAlgorithm.MD5, None),
    "HASH_SHA1": (HashAlgorithm.SHA1, None),
    "HASH_SHA256": (HashAlgorithm.SHA256, None),
    "HASH_PDQ": (HashAlgorithm.PDQ, MediaKind.IMAGE),
    "HASH_PHOTODNA": (HashAlgorithm.PHOTODNA, MediaKind.IMAGE),
    "HASH_TMK": (HashAlgorithm.TMK_PDQF, MediaKind.VIDEO),
    "HASH_VIDEO_MD5": (HashAlgorithm.MD5, MediaKind.VIDEO),
}
_PRIORITY = "media_priority_"
_KIND_TAGS = {"media_type_photo": MediaKind.IMAGE, "media_type_video": MediaKind.VIDEO}
_TRUE, _FALSE = (True, "true", "True", 1, "1"), (None, False, "false", "False", 0, "0", "")


def read(stream: Readable, *, after: int = 0) -> Iterator[Row]:
    """The items behind `after`. Raises InvalidInput where the file is no such list."""
    document = JsonDocument(reading.chunks(stream))
    position, begun = 0, False
    try:
        for _ in _items(document):
            begun = True
            if position < after:
                document.skip()
            else:
                yield _row(position + 1, document)
            position += 1
    except Broken as error:
        if not begun:
            raise InvalidInput(field=FILE, problem=f"is no list of ThreatExchange: {error}") from None
        yield Skipped(position=position + 1, field=FILE, problem=f"cannot be read further: {error}")


def _items(document: JsonDocument) -> Iterator[None]:
    match document.enter():
        case "[":
            yield from document.elements()
        case "{":
            begun = False
            for key in document.members():
                if key == "data" and document.enter() == "[":
                    begun = True
                    yield from document.elements()
                else:
                    document.skip()
            if not begun:
                raise InvalidInput(field=FILE, problem="is no list of ThreatExchange: it has no array `data`")
        case _:
            raise InvalidInput(field=FILE, problem="is no list of ThreatExchange: it must be an object or an array")
    if not document.ended():
        raise Broken("something follows the end of the document")


def _row(position: int, document: JsonDocument) -> Row:
    try:
        found = _item(document)
        reference = _reference(found.get("id"))
        if _is_deleted(found.get("should_delete")):
            if reference is None:
                raise Refused("id", problem="is missing: it says what to withdraw")
            return Withdrawn(position=position, reference=reference)
        return Taken(position=position, draft=_draft(found, reference))
    except Refused as problem:
        return Skipped(position=position, field=problem.field, problem=problem.problem)


def _item(document: JsonDocument) -> dict[str, Any]:
    try:
        found = document.value()
    except TooLong:
        raise Refused("item", problem="is too long") from None
    except ValueError:
        raise Refused("item", problem="is not JSON") from None
    if not isinstance(found, dict):
        raise Refused("item", problem="is no object")
    return found


def _is_deleted(value: Any) -> bool:
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise Refused("should_delete", problem="must be true or false")


def _draft(found: dict[str, Any], reference: str | None) -> EntryDraft:
    kind_of_hash = found.get("type")
    known = _TYPES.get(kind_of_hash.upper()) if isinstance(kind_of_hash, str) else None
    if known is None:
        raise Refused("type", problem=f"must be one of {', '.join(_TYPES)}")
    algorithm, kind = known
    indicator = found.get("indicator")
    if not isinstance(indicator, str) or not indicator:
        raise Refused("indicator", problem="must be a text")
    if algorithm is HashAlgorithm.PDQ:
        listed = reading.pdq(indicator.strip(), convention="", quality="", field="indicator")
    else:
        listed = reading.listed(algorithm, indicator.strip(), field="indicator")
    tags = _tags(found.get("tags"))
    return EntryDraft(
        media_kind=_kind(kind, tags),
        hashes=(listed,),
        category=Category(scheme=SCHEME, name=_category(found.get("status"), tags)),
        reference=reference,
        note=None,
    )


def _tags(value: Any) -> list[str]:
    """Tags come as texts, as objects with `text`, or in an object with `data`."""
    if isinstance(value, dict):
        value = value.get("data")
    if value is None:
        return []
    if not isinstance(value, list):
        raise Refused("tags", problem="must be an array")
    texts = [tag.get("text") if isinstance(tag, dict) else tag for tag in value]
    tags = [text for text in texts if isinstance(text, str)]
    if len(tags) != len(texts):
        raise Refused("tags", problem="must hold texts")
    return tags


def _kind(kind: MediaKind | None, tags: list[str]) -> MediaKind:
    tagged = {_KIND_TAGS[tag] for tag in tags if tag in _KIND_TAGS} | ({kind} if kind else set())
    if len(tagged) > 1:
        raise Refused("tags", problem="contradict each other or the type: a photo and a video")
    return tagged.pop() if tagged else MediaKind.IMAGE


def _category(status: Any, tags: list[str]) -> str:
    priorities = {tag for tag in tags if tag.startswith(_PRIORITY)}
    if len(priorities) > 1:
        raise Refused("tags", problem="contradict each other: more than one says how bad it is")
    if priorities:
        return reading.line(priorities.pop(), field="tags", most=CATEGORY_MAX)
    if status is None or status == "":
        raise Refused("status", problem="is missing, and no tag says the category")
    if not isinstance(status, str):
        raise Refused("status", problem="must be a text")
    return reading.line(status, field="status", most=CATEGORY_MAX)


def _reference(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Refused("id", problem="must be a number or a text")
    return reading.line(str(value), field="id")
