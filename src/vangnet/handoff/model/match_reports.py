"""What a provider tells when listed material was met at its gate: which entry, which upload, and no picture. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from vangnet.errors import HandoffRefused
from vangnet.handoff.model import fields
from vangnet.handoff.model.canonical import INTEGER_MAX, Json
from vangnet.handoff.model.handoffs import Refusal
from vangnet.identity.model.text import is_given_name

#: Bytes of each digest that may be told.
_DIGESTS = {"md5": 16, "sha1": 20, "sha256": 32}
_DECISIONS = frozenset({"allow", "hold", "block"})
_MATCHES_MAX = 500
_TEXT_MAX = 200
_FIELDS = frozenset({"at", "check_id", "decision", "digests", "matches", "object_id"})
_MATCH_FIELDS = frozenset({"algorithm", "classification", "distance", "entry_id", "list", "view"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMatch:
    """One entry that was met."""

    list_name: str
    #: Its number at whoever keeps the list, where the sender follows it there; else the sender's own.
    entry_id: int
    classification: str
    algorithm: str
    distance: int
    view: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchReport:
    """One decision at the sender's gate."""

    check_id: UUID
    at: datetime
    decision: str
    #: The provider's own name for the upload, by which it finds it again.
    object_id: str | None = field(repr=False)
    #: By algorithm, as hexadecimal digits.
    digests: Mapping[str, str] = field(repr=False)
    matches: tuple[ReportedMatch, ...]

    def payload(self) -> dict[str, Json]:
        """As it is sent."""
        return {
            "at": fields.written(self.at),
            "check_id": str(self.check_id),
            "decision": self.decision,
            "digests": dict(self.digests),
            "matches": [
                {
                    "algorithm": match.algorithm,
                    "classification": match.classification,
                    "distance": match.distance,
                    "entry_id": match.entry_id,
                    "list": match.list_name,
                    "view": match.view,
                }
                for match in self.matches[:_MATCHES_MAX]
            ],
            "object_id": self.object_id,
        }

    @classmethod
    def read(cls, payload: dict[str, Json]) -> "MatchReport":
        """From a received payload. Raises HandoffRefused."""
        try:
            found = fields.exactly(payload, _FIELDS)
            if found["decision"] not in _DECISIONS:
                raise ValueError("its decision is not known here")
            return cls(
                check_id=fields.uuid_(found["check_id"]),
                at=fields.instant(found["at"]),
                decision=fields.text(found["decision"]),
                object_id=None if found["object_id"] is None else _short(found["object_id"]),
                digests=_read_digests(found["digests"]),
                matches=_read_matches(found["matches"]),
            )
        except ValueError as error:
            raise HandoffRefused(reason=Refusal.BAD_PAYLOAD, problem=f"{error}") from None


def _read_digests(value: Json) -> dict[str, str]:
    if not isinstance(value, dict) or not set(value) <= set(_DIGESTS):
        raise ValueError(f"its digests must be among {', '.join(_DIGESTS)}")
    return {name: fields.hex_bytes(text, _DIGESTS[name]).hex() for name, text in value.items()}


def _read_matches(value: Json) -> tuple[ReportedMatch, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MATCHES_MAX:
        raise ValueError(f"it must have 1 to {_MATCHES_MAX} matches")
    matches = []
    for one in value:
        found = fields.exactly(one, _MATCH_FIELDS)
        matches.append(
            ReportedMatch(
                list_name=_short(found["list"]),
                entry_id=_number(found["entry_id"], INTEGER_MAX),
                classification=_short(found["classification"]),
                algorithm=_short(found["algorithm"]),
                distance=_number(found["distance"], 256),
                view=_short(found["view"]),
            )
        )
    return tuple(matches)


def _short(value: Json) -> str:
    text = fields.text(value)
    if not is_given_name(text) or not 1 <= len(text) <= _TEXT_MAX:
        raise ValueError(f"a text of 1 to {_TEXT_MAX} letters, digits and signs was expected")
    return text


def _number(value: Json, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"a whole number from 0 to {most} was expected")
    return value
