"""What people type: names, e-mail addresses, addresses of installations. Each is taken in one form, or refused."""

import ipaddress
import re
import unicodedata
from enum import StrEnum
from urllib.parse import urlsplit

from vangnet.errors import InvalidInput

#: The longest address that mail can be sent to (RFC 5321, section 4.5.3.1.3, less the angle brackets).
_LONGEST_EMAIL = 254
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)*")
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")

#: What nobody can see or read in a text: control characters but for white space, marks that turn the direction of reading
#: or join letters without a trace, and what is no character. As the inside of a regular expression's brackets.
_UNSEEN = (
    r"\u0000-\u0008\u000e-\u001b\u007f-\u0084\u0086-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\ufeff\ufff0-\ufffb\ufffe\uffff"
)
#: White space as `str.split` knows it.
_SPACE = r"\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
#: What `checked_line` takes, for descriptions of an interface (JSON Schema, `pattern`).
LINE_PATTERN = rf"^[^{_UNSEEN}]*[^{_SPACE}{_UNSEEN}][^{_UNSEEN}]*$"
#: What it takes, and white space alone, too.
TEXT_PATTERN = rf"^[^{_UNSEEN}]*$"
#: The same without any white space but the space itself: for names that are kept as they come.
NAME_PATTERN = rf"^[^\u0000-\u001f\u0085\u2028\u2029{_UNSEEN}]*$"
_GIVEN_NAME = re.compile(NAME_PATTERN.replace("^[^", r"[^\ud800-\udfff", 1).removesuffix("$"))
_UNREADABLE = re.compile(rf"[{_UNSEEN}\ud800-\udfff]")


class Language(StrEnum):
    NL = "nl"  #: Dutch.
    EN = "en"  #: English.


def checked_line(text: str, *, field: str, longest: int = 120) -> str:
    """A text on one line, its white space tidied. Raises InvalidInput."""
    tidy = unicodedata.normalize("NFC", " ".join(text.split()))
    if not tidy:
        raise InvalidInput(field=field, problem="must not be empty")
    if len(tidy) > longest:
        raise InvalidInput(field=field, problem=f"must have at most {longest} characters")
    if not is_readable(tidy):
        raise InvalidInput(field=field, problem="must be on one line, of letters, digits and signs")
    return tidy


def is_readable(text: str) -> bool:
    """Whether a text holds nothing that cannot be seen: what looks the same is the same."""
    return _UNREADABLE.search(text) is None


def is_given_name(text: str) -> bool:
    """Whether a text can be somebody's own name for something, kept as it comes."""
    return _GIVEN_NAME.fullmatch(text) is not None


def checked_email(text: str, *, field: str = "email") -> str:
    """An e-mail address in the one form in which it is kept and compared: in small letters. Raises InvalidInput.

    Whether mail arrives there is not checked: an address is how somebody is known here, and no mail is sent yet.
    """
    email = unicodedata.normalize("NFC", text.strip()).lower()
    if len(email) > _LONGEST_EMAIL or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise InvalidInput(field=field, problem="must be an e-mail address, like name@example.org")
    return email


def checked_base_url(text: str, *, field: str = "base_url") -> str:
    """The address of another installation: scheme, host and port. Raises InvalidInput.

    Without encryption only on this machine: what is handed off is signed, but a reader on the way would see it.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    plain = parts.path in {"", "/"} and not (parts.query or parts.fragment or "@" in parts.netloc or "\\" in text)
    if parts.scheme not in {"http", "https"} or not plain or not _is_host(host):
        raise InvalidInput(field=field, problem="must be like https://vangnet.example.org, without a path")
    if parts.scheme == "http" and not _is_this_machine(host):
        raise InvalidInput(field=field, problem="must start with https:// unless it is on this machine")
    shown_host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown_host}" + (f":{port}" if port is not None else "")


def _is_host(host: str) -> bool:
    if _HOST.fullmatch(host):
        return len(host) <= 253
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
