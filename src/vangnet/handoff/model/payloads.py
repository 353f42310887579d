"""What each kind of hand-off carries, and the checks when one is written or read. Pure."""

import ipaddress
import unicodedata
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from vangnet.errors import Conflict, HandoffRefused, InvalidInput
from vangnet.handoff.model.canonical import Json
from vangnet.handoff.model.handoffs import Refusal
from vangnet.identity.model import InstallationKind
from vangnet.identity.model.text import checked_base_url, checked_line

TEST_MESSAGE_MAX_CHARACTERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """Who an installation says it is. Nothing of it is believed until a person compared the fingerprint of its key."""

    name: str
    kind: InstallationKind
    base_url: str

    def payload(self) -> dict[str, Json]:
        """As it is sent."""
        return {"base_url": self.base_url, "kind": self.kind.value, "name": self.name}

    @classmethod
    def read(cls, payload: dict[str, Json]) -> "Introduction":
        """From a received payload. Raises HandoffRefused."""
        texts = _texts(payload, "base_url", "kind", "name")
        if texts["kind"] not in set(InstallationKind):
            raise HandoffRefused(reason=Refusal.BAD_PAYLOAD, problem="its kind of installation is not known here")
        try:
            return cls(
                name=checked_line(texts["name"], field="name"),
                kind=InstallationKind(texts["kind"]),
                base_url=checked_base_url(texts["base_url"]),
            )
        except InvalidInput as error:
            raise HandoffRefused(reason=Refusal.BAD_PAYLOAD, problem=f"{error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestMessage:
    """A few words from a person here to the people there."""

    #: pytest takes every class that begins with Test for a set of tests, unless it says otherwise.
    __test__ = False

    text: str = field(repr=False)

    def payload(self) -> dict[str, Json]:
        """As it is sent. Raises InvalidInput."""
        return {"text": checked_message(self.text)}

    @classmethod
    def read(cls, payload: dict[str, Json]) -> "TestMessage":
        """From a received payload. Raises HandoffRefused."""
        try:
            return cls(text=checked_message(_texts(payload, "text")["text"]))
        except InvalidInput as error:
            raise HandoffRefused(reason=Refusal.BAD_PAYLOAD, problem=f"{error}") from None


def require_reachable(base_url: str, *, by: str | None) -> None:
    """Raises InvalidInput, Conflict where an installation at the address `by` cannot reach us at `base_url`."""
    local = _is_on_this_machine(checked_base_url(base_url))
    if local and by is not None and not _is_on_this_machine(by):
        raise Conflict(problem="our own address is for this machine only: set VANGNET_BASE_URL to one that others reach")


def checked_message(text: str) -> str:
    """A short text, of lines. Raises InvalidInput."""
    tidy = unicodedata.normalize("NFC", text.replace("\r\n", "\n").strip())
    if not tidy:
        raise InvalidInput(field="text", problem="must not be empty")
    if len(tidy) > TEST_MESSAGE_MAX_CHARACTERS:
        raise InvalidInput(field="text", problem=f"must have at most {TEST_MESSAGE_MAX_CHARACTERS} characters")
    if not tidy.replace("\n", "").isprintable():
        raise InvalidInput(field="text", problem="must hold letters, digits, signs and line ends only")
    return tidy


def _is_on_this_machine(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _texts(payload: dict[str, Json], *names: str) -> dict[str, str]:
    found = {name: value for name, value in payload.items() if isinstance(value, str)}
    if set(payload) != set(names) or set(found) != set(names):
        raise HandoffRefused(reason=Refusal.BAD_PAYLOAD, problem=f"it must have exactly the texts {', '.join(names)}")
    return found
