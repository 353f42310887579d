"""The file with the contacts of the public page, read again when it changed."""

import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

import structlog

from vangnet.config import Settings
from vangnet.errors import InvalidInput, InvalidSettings
from vangnet.identity.model.parties import legal_day
from vangnet.reports.rules.intake.help_contacts import HelpContacts, read_contacts


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpStatus:
    """How the contacts stand."""

    contacts: int
    to_be_checked: int
    #: What is wrong with the file since it was last changed; the contacts of before are shown meanwhile.
    problem: str | None


class HelpFile:
    """Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """Raises InvalidSettings where it cannot be used at the start."""
        self._path = path
        self._lock = threading.Lock()
        self._problem: str | None = None
        try:
            self._changed_ns = path.stat().st_mtime_ns
            self._contacts = self._read()
        except (OSError, InvalidInput) as error:
            problem = error.problem if isinstance(error, InvalidInput) else f"cannot be read: {error.strerror}"
            raise InvalidSettings(problems=f"VANGNET_HELP_CONTACTS_FILE: the contacts {problem}") from error

    @classmethod
    def named_by(cls, settings: Settings) -> Self | None:
        """The file that the settings name; None where they name none. Raises InvalidSettings."""
        return None if settings.help_contacts_file is None else cls(settings.help_contacts_file)

    def contacts(self) -> HelpContacts:
        """The contacts as the file has them; as it had them, where it cannot be used any more."""
        with self._lock:
            try:
                changed_ns = self._path.stat().st_mtime_ns
                if changed_ns != self._changed_ns:
                    self._changed_ns = changed_ns
                    self._contacts, self._problem = self._read(), None
            except (OSError, InvalidInput) as error:
                self._problem = error.problem if isinstance(error, InvalidInput) else "cannot be read"
                structlog.get_logger(__name__).warning("help_contacts_unusable")
            return self._contacts

    def status(self, now: datetime) -> HelpStatus:
        """How they stand."""
        found = self.contacts()
        return HelpStatus(
            contacts=len(found.contacts), to_be_checked=found.to_be_checked(legal_day(now)), problem=self._problem
        )

    def _read(self) -> HelpContacts:
        try:
            return read_contacts(self._path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise InvalidInput(field="file", problem="are not written in UTF-8") from error
