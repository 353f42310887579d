"""Which reports of the queue somebody wants to see, and how near a clock is. Types and pure rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from vangnet.errors import InvalidInput
from vangnet.reports.model.drafts import Incident, Source

_Member = TypeVar("_Member", bound=StrEnum)

_SOON = timedelta(days=3)
_VERY_SOON = timedelta(days=1)


class Pressing(StrEnum):
    """How near the end of a clock is."""

    GONE = "gone"  #: It is over.
    VERY_SOON = "very_soon"  #: Within a day.
    SOON = "soon"  #: Within three days.
    LATER = "later"  #: Later than that.


def pressing(at: datetime, now: datetime) -> Pressing:
    """How near a time is."""
    if at <= now:
        return Pressing.GONE
    if at <= now + _VERY_SOON:
        return Pressing.VERY_SOON
    return Pressing.SOON if at <= now + _SOON else Pressing.LATER


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which reports somebody wants to see; what is left open is wanted in any way."""

    source: Source | None = None
    #: Two letters (ISO 639-1), or three.
    language: str | None = None
    incident: Incident | None = None
    #: Only those with files that no list knows.
    unseen: bool = False
    #: Only those whose evidence or deadline ends within three days, or did.
    clock: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Wanted()

    def given(self) -> dict[str, str]:
        """As it stands in an address: codes alone."""
        texts = {
            "source": self.source,
            "language": self.language,
            "incident": self.incident,
            "unseen": "true" if self.unseen else None,
            "clock": "true" if self.clock else None,
        }
        return {name: str(text) for name, text in texts.items() if text is not None}

    def presses_until(self, now: datetime) -> datetime | None:
        """By when a clock ends of a report that is wanted; None where no clock is asked for."""
        return now + _SOON if self.clock else None


def read_wanted(given: Mapping[str, str]) -> Wanted:
    """What somebody wants, as it stands in an address. Raises InvalidInput for what is no code."""
    language = given.get("language", "").strip().lower() or None
    if language is not None and not (language.isascii() and language.isalpha() and 2 <= len(language) <= 3):
        raise InvalidInput(field="language", problem="must be a code of two or three letters, such as nl")
    return Wanted(
        source=_member(Source, given, "source"),
        language=language,
        incident=_member(Incident, given, "incident"),
        unseen=given.get("unseen") == "true",
        clock=given.get("clock") == "true",
    )


def _member(kind: type[_Member], given: Mapping[str, str], name: str) -> _Member | None:
    text = given.get(name, "")
    if not text:
        return None
    if text not in set(kind):
        raise InvalidInput(field=name, problem="must be one of those that are offered")
    return kind(text)
