"""Why a provider contests a listing: a few reasons, said in words that whoever keeps the list understands. Pure."""

from enum import StrEnum

from vangnet.errors import InvalidInput

NOTE_MAX = 800


class ContestReason(StrEnum):
    OTHER_PICTURE = "other_picture"  #: It only looks like the listed picture.
    HARMLESS = "harmless"  #: A logo, a default picture, a screenshot: nothing that belongs on a list.
    WRONG_CLASS = "wrong_class"  #: It belongs on a list, as something else.
    OTHER = "other"  #: Something else; the note says what.


_TEXTS = {
    ContestReason.OTHER_PICTURE: "another picture that only looks alike",
    ContestReason.HARMLESS: "harmless material, such as a logo or a default picture",
    ContestReason.WRONG_CLASS: "wrongly classified",
}


def as_text(reason: ContestReason, note: str) -> str:
    """What is sent. Raises InvalidInput where the note is missing though it is all there would be, or is too long."""
    tidy = " ".join(note.split())
    if len(tidy) > NOTE_MAX:
        raise InvalidInput(field="note", problem=f"must have at most {NOTE_MAX} characters")
    if reason is ContestReason.OTHER and not tidy:
        raise InvalidInput(field="note", problem="must say why, where no other reason fits")
    return ": ".join(filter(None, [_TEXTS.get(reason), tidy]))
