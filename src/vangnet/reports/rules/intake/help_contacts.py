"""Where people find help, as the public page shows it: data that somebody keeps up to date, read from a file. Pure.

There is no public page without it. A number that is not answered any more does harm, so each contact says when somebody
checked it.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from vangnet.errors import InvalidInput

#: After so long somebody is to check a contact again.
CHECKED_LASTS = timedelta(days=90)
_LONGEST = 300
_NEEDED = ("for", "name_nl", "name_en", "hours_nl", "hours_en", "checked_on")
_KNOWN = frozenset({*_NEEDED, "phone", "web", "chat"})
FILE = "help contacts"


class HelpFor(StrEnum):
    """Whom a contact is for."""

    NO_LINK = "no_link"  #: Who saw something, and has no link to it.
    ME = "me"  #: Whom it happens to.
    WORRY = "worry"  #: Who worries about somebody, or about what they look at themselves.
    CARE = "care"  #: Who reported, and cannot let go of what they saw.


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpContact:
    """One place where help is found."""

    whom: frozenset[HelpFor]
    #: By language, `nl` and `en`.
    name: Mapping[str, str]
    hours: Mapping[str, str]
    phone: str | None
    web: str | None
    chat: str | None
    checked_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpContacts:
    """All of them."""

    contacts: Sequence[HelpContact]
    #: Where the link leads by which somebody leaves the page at once.
    leave_to: str = field(default="about:blank")

    def of(self, whom: HelpFor) -> list[HelpContact]:
        """Those for somebody like this, in the order of the file."""
        return [one for one in self.contacts if whom in one.whom]

    def to_be_checked(self, today: date) -> int:
        """How many were not checked for too long."""
        return sum(today - one.checked_on > CHECKED_LASTS for one in self.contacts)


def read_contacts(text: str) -> HelpContacts:
    """The contacts of a TOML file. Raises InvalidInput: half of them would send people nowhere."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(field=FILE, problem="are no TOML") from error
    listed = found.get("contact", [])
    if set(found) - {"contact", "leave_to"} or not isinstance(listed, list):
        raise InvalidInput(field=FILE, problem="have `leave_to` and a list of `[[contact]]`, and nothing else")
    contacts = [_contact(one, number) for number, one in enumerate(listed, 1)]
    missing = [whom.value for whom in HelpFor if not any(whom in one.whom for one in contacts)]
    if missing:
        raise InvalidInput(field=FILE, problem=f"have none for {', '.join(missing)}: each door has to lead somewhere")
    leave_to = found.get("leave_to", "about:blank")
    if leave_to != "about:blank" and not _is_web(leave_to):
        raise InvalidInput(field=FILE, problem="have a `leave_to` that does not begin with https://")
    return HelpContacts(contacts=contacts, leave_to=leave_to)


def _contact(one: Any, number: int) -> HelpContact:
    def refused(problem: str) -> InvalidInput:
        return InvalidInput(field=FILE, problem=f"have a contact {number} that {problem}")

    if not isinstance(one, dict) or set(one) - _KNOWN:
        raise refused(f"has something else than {', '.join(sorted(_KNOWN))}")
    missing = [name for name in _NEEDED if name not in one]
    if missing:
        raise refused(f"has no {', '.join(missing)}")
    if not isinstance(one["for"], list) or not one["for"] or set(one["for"]) - set(HelpFor):
        raise refused(f"is not `for` some of {', '.join(HelpFor)}")
    texts = {name: value for name, value in one.items() if name not in {"for", "checked_on"}}
    if not all(isinstance(text, str) and text.strip() and len(text) <= _LONGEST for text in texts.values()):
        raise refused(f"has a text that is empty, or longer than {_LONGEST} characters")
    if not {"phone", "web", "chat"} & set(texts):
        raise refused("has no phone, web or chat")
    if not all(_is_web(texts[name]) for name in ("web", "chat") if name in texts):
        raise refused("has an address that does not begin with https://")
    if type(one["checked_on"]) is not date:
        raise refused("has a `checked_on` that is no day, like 2026-11-22")
    return HelpContact(
        whom=frozenset(HelpFor(whom) for whom in one["for"]),
        name={"nl": texts["name_nl"], "en": texts["name_en"]},
        hours={"nl": texts["hours_nl"], "en": texts["hours_en"]},
        phone=texts.get("phone"),
        web=texts.get("web"),
        chat=texts.get("chat"),
        checked_on=one["checked_on"],
    )


def _is_web(address: object) -> bool:
    return isinstance(address, str) and address.startswith("https://") and " " not in address
