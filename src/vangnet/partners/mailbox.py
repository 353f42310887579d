"""The mailbox in which reports arrive: IMAP (RFC 3501), over TLS only.

A message is looked at without being marked (BODY.PEEK), and marked by whoever took it in: what happens in between is seen
again the next time. Nothing of a message is kept here, and nothing of what the server says goes into a log.
"""

import contextlib
import imaplib
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vangnet.errors import PartnerRefused, PartnerUnreachable

PARTNER = "mailbox"
_TIMEOUT_S = 60.0
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
#: What is taken of a message that is too large, so that somebody can see what it is.
_BEGINNING_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxAddress:
    """Where a mailbox is, and how one signs in."""

    host: str
    port: int
    user: str = field(repr=False)
    password: str = field(repr=False)
    folder: str
    #: Where a message goes that was taken in; None: it stays, marked as read.
    taken_folder: str | None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that nobody took in yet."""

    uid: str
    #: Its beginning only, where it is larger than is taken.
    content: bytes = field(repr=False)
    is_whole: bool


class Mailbox:
    """An open mailbox. Not to be shared between threads."""

    def __init__(self, imap: imaplib.IMAP4_SSL, address: MailboxAddress) -> None:
        self._imap = imap
        self._address = address

    def unseen(self, *, bytes_max: int, limit: int) -> Iterator[Message]:
        """Messages neither marked as read nor flagged, the oldest first. Raises PartnerRefused, PartnerUnreachable."""
        with _translated():
            found = self._ask("SEARCH", "UNSEEN", "UNFLAGGED", "UNDELETED")
        for uid in (found[0] or b"").split()[:limit]:
            with _translated():
                message = self._fetch(uid.decode("ascii"), bytes_max)
            if message is not None:
                yield message

    def mark_taken(self, message: Message) -> None:
        """Marks a message as read, and moves it where that is wanted. Raises PartnerRefused, PartnerUnreachable."""
        with _translated():
            self._ask("STORE", message.uid, "+FLAGS.SILENT", r"(\Seen)")
            if self._address.taken_folder is not None:
                self._move(message.uid, _quoted(self._address.taken_folder))

    def flag(self, message: Message) -> None:
        """Leaves a message unread for somebody to look at it. Raises PartnerRefused, PartnerUnreachable."""
        with _translated():
            self._ask("STORE", message.uid, "+FLAGS.SILENT", r"(\Flagged)")

    def _move(self, uid: str, folder: str) -> None:
        if "MOVE" in self._imap.capabilities:
            self._ask("MOVE", uid, folder)
            return
        self._ask("COPY", uid, folder)
        self._ask("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)")
        # Only this one: whoever else deletes something in this folder has not asked us to finish it.
        if "UIDPLUS" in self._imap.capabilities:
            self._ask("EXPUNGE", uid)

    def _fetch(self, uid: str, bytes_max: int) -> Message | None:
        told = self._ask("FETCH", uid, "(RFC822.SIZE)")
        sizes = [_SIZE.search(one) for one in told if isinstance(one, bytes)]
        size = next((int(one[1]) for one in sizes if one is not None), None)
        if size is None:
            return None  # Somebody removed it meanwhile.
        is_whole = size <= bytes_max
        answer = self._ask("FETCH", uid, "(BODY.PEEK[])" if is_whole else f"(BODY.PEEK[]<0.{_BEGINNING_BYTES}>)")
        content = next((one[1] for one in answer if isinstance(one, tuple)), None)
        return None if content is None else Message(uid=uid, content=content, is_whole=is_whole)

    def _ask(self, command: str, *args: str) -> list[Any]:
        kind, answer = self._imap.uid(command, *args)
        if kind != "OK":
            raise PartnerRefused(partner=PARTNER, problem=f"it refuses {command}")
        return answer


@contextlib.contextmanager
def open_mailbox(address: MailboxAddress) -> Iterator[Mailbox]:
    """Signs in and opens the folder. Raises PartnerRefused, PartnerUnreachable."""
    context = ssl.create_default_context()
    if address.ca_file is not None:
        context.load_verify_locations(address.ca_file)
    with _translated():
        imap = imaplib.IMAP4_SSL(address.host, address.port, ssl_context=context, timeout=_TIMEOUT_S)
    try:
        with _translated():
            _sign_in(imap, address)
            kind, _ = imap.select(_quoted(address.folder))
            if kind != "OK":
                raise PartnerRefused(partner=PARTNER, problem="it has no folder of that name")
        yield Mailbox(imap, address)
    finally:
        # What it says on leaving changes nothing any more.
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            imap.logout()
        with contextlib.suppress(OSError):
            imap.shutdown()


def _sign_in(imap: imaplib.IMAP4_SSL, address: MailboxAddress) -> None:
    try:
        imap.login(address.user, address.password)
    except imaplib.IMAP4.error:
        # Not `from error`: its words are the server's, and may hold the name.
        raise PartnerRefused(partner=PARTNER, problem="it refuses the name and password") from None


def _quoted(folder: str) -> str:
    """A folder's name as IMAP has it. Names that are not ASCII are written in the settings as the server lists them."""
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """The library's errors as ours, without the words of the server."""
    try:
        yield
    except imaplib.IMAP4.abort as error:
        raise PartnerUnreachable(partner=PARTNER, problem="the connection broke off") from error
    except imaplib.IMAP4.error:
        raise PartnerRefused(partner=PARTNER, problem="it refuses what was asked") from None
    except ssl.SSLCertVerificationError as error:
        raise PartnerRefused(partner=PARTNER, problem="its certificate is not one that is trusted here") from error
    except (OSError, EOFError) as error:
        raise PartnerUnreachable(partner=PARTNER, problem=type(error).__name__) from error
