"""When two values are the same: mail addresses, numbers, hosts and network addresses, each brought to one form. Pure.

Each function gives the form by which a value is compared, or None where the text says nothing by which anything could be
known again. Forms are for comparing only: what was reported is kept, and shown, as it was written.
"""

import functools
import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import urlsplit

NetworkAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
#: The first and the last address of networks, as numbers.
Spans: TypeAlias = tuple[tuple[int, int], ...]


def spans(*networks: str) -> Spans:
    """Networks in the form in which it takes least to ask whether an address lies in them."""
    return tuple((int(one[0]), int(one[-1])) for one in map(ipaddress.ip_network, networks))


def lies_in(address: NetworkAddress, networks: Mapping[int, Spans]) -> bool:
    """Whether it lies in one of the networks of its version."""
    number = int(address)
    return any(first <= number <= last for first, last in networks[address.version])


#: Behind these a carrier's customers share addresses (RFC 6598).
CARRIER_NETWORK = ipaddress.ip_network("100.64.0.0/10")
#: Of an IPv6 address, the part that is one customer's; the rest changes by itself every day (RFC 8981).
CUSTOMER_BITS = 64

#: What people and programs write where nothing is known.
_NOTHING = frozenset(
    {"anonymous", "deleted", "n/a", "na", "nil", "none", "not provided", "null", "onbekend", "test", "undefined", "unknown"}
)
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
#: Addresses that are the same in many places, or nowhere (IANA's registries of special-purpose addresses). Those for
#: documentation are left: examples live there.
_NOWHERE: Mapping[int, Spans] = MappingProxyType(
    {
        4: spans(
            "0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4",
            "240.0.0.0/4",
        ),
        6: spans("::/127", "fc00::/7", "fe80::/10", "ff00::/8"),
    }
)  # fmt: skip
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
#: What most hosts look like, so that nothing more need be tried: no number, no other script, no label too long.
_PLAIN_HOST = re.compile(r"([a-z0-9_-]{1,63}\.)+[a-z]{2,63}")
_DEFANGED = re.compile(r"\[\.\]|\(\.\)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
#: What needs no host (`mailto:`, `data:`), and a mail address by itself. A port is digits.
_NOT_WEB = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!//|[0-9])|[^/]*@")
#: At these the dots of a mail address mean nothing, by the provider's own word.
_WITHOUT_DOTS: Mapping[str, str] = MappingProxyType({"gmail.com": "gmail.com", "googlemail.com": "gmail.com"})

#: By country: what is dialled to it from abroad, and what a number there begins with at home only (ITU-T E.164 and the
#: national plans). Where a country is missing, its numbers are complete only if they are written with a plus.
_CALLING: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "AT": ("43", "0"), "AU": ("61", "0"), "AW": ("297", ""), "BE": ("32", "0"), "BG": ("359", "0"), "BR": ("55", "0"),
        "CA": ("1", "1"), "CH": ("41", "0"), "CW": ("599", ""), "CZ": ("420", ""), "DE": ("49", "0"), "DK": ("45", ""),
        "EE": ("372", ""), "ES": ("34", ""), "FI": ("358", "0"), "FR": ("33", "0"), "GB": ("44", "0"), "GR": ("30", ""),
        "HR": ("385", "0"), "HU": ("36", "06"), "ID": ("62", "0"), "IE": ("353", "0"), "IN": ("91", "0"), "IT": ("39", ""),
        "KE": ("254", "0"), "LU": ("352", ""), "LV": ("371", ""), "MA": ("212", "0"), "NL": ("31", "0"), "NO": ("47", ""),
        "NZ": ("64", "0"), "PH": ("63", "0"), "PL": ("48", ""), "PT": ("351", ""), "RO": ("40", "0"), "SE": ("46", "0"),
        "SI": ("386", "0"), "SK": ("421", "0"), "SR": ("597", ""), "TH": ("66", "0"), "TR": ("90", "0"), "UA": ("380", "0"),
        "US": ("1", "1"), "ZA": ("27", "0"),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a number."""

    text: str = field(repr=False)
    #: Whether it means the same everywhere. If not, only together with a country or a service.
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAddress:
    """The form of an address on the web."""

    host: str = field(repr=False)
    #: Host, path and query; None for a front page, which says no more than the host.
    page: str | None = field(repr=False)


def text_form(text: str) -> str | None:
    """A text without what cannot be seen; None for what stands for nothing, or is one character again and again."""
    seen = unicodedata.normalize("NFKC", text)
    if not seen.isprintable():
        seen = "".join(one for one in seen if unicodedata.category(one) not in _UNSEEN)
    seen = seen.strip()
    return None if len(set(seen)) < 2 or seen.casefold() in _NOTHING else seen


def mail_form(text: str) -> str | None:
    """A mail address: in small letters, without what is added after a plus (RFC 5233)."""
    local, _, domain = (text_form(text) or "").removeprefix("mailto:").rpartition("@")
    host = host_form(domain)
    local = local.casefold()
    # Whoever begins an address with a plus has nothing before it.
    local = local.partition("+")[0] or local
    if host is None or not local or any(one.isspace() for one in local):
        return None
    if host in _WITHOUT_DOTS:
        host, local = _WITHOUT_DOTS[host], local.replace(".", "")
    return f"{local}@{host}"


def phone_form(text: str, country: str | None) -> Form | None:
    """A telephone number by E.164; with the digits alone where no country is known.

    `country` is the one whose numbers people write without saying so.
    """
    seen = (text_form(text) or "").removeprefix("tel:").replace("(0)", "")
    digits = "".join(one for one in seen if one in "0123456789")
    calling, trunk = _CALLING.get(country or "", (None, ""))
    if seen.lstrip("( ").startswith("+"):
        number = digits
    elif digits.startswith("00"):
        number = digits[2:]
    elif calling is not None:
        number = calling + digits.removeprefix(trunk)
    else:
        return Form(digits, complete=False) if 6 <= len(digits) <= 15 and len(set(digits)) > 1 else None
    return Form(f"+{number}", complete=True) if 8 <= len(number) <= 15 and len(set(number)) > 1 else None


def payment_form(text: str) -> Form | None:
    """An account or wallet: those that say by themselves whose they are, and numbers of some service."""
    seen = text_form(text)
    if seen is None:
        return None
    if "@" in seen and (mail := mail_form(seen)) is not None:
        return Form(mail, complete=True)
    together = "".join(seen.split())
    if _is_iban(together.upper()):
        return Form(together.upper(), complete=True)
    small = together.lower()
    if re.fullmatch(r"0x[0-9a-f]{40}|(bc|tb)1[a-z0-9]{11,87}", small):
        return Form(small, complete=True)
    # Wallets in base 58 tell large letters from small ones.
    if re.fullmatch(r"[1-9A-HJ-NP-Za-km-z]{26,35}", together) and not together.isdigit():
        return Form(together, complete=True)
    return Form(together.replace("-", "").casefold(), complete=False)


def host_form(text: str) -> str | None:
    """A host: in small letters, by its name on the wire (IDNA), without `www.`."""
    host = text.strip().strip("[]").rstrip(".").casefold()
    if _PLAIN_HOST.fullmatch(host):
        return _without_www(host)
    try:
        return ipaddress.ip_address(host).compressed
    except ValueError:
        pass
    try:
        host = host.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return _without_www(host) if _HOST.fullmatch(host) else None


def web_form(text: str) -> WebAddress | None:
    """An address on the web: http and https alike, without log-in, usual port, or place within the page."""
    seen = text_form(text)
    if seen is None:
        return None
    plain = _DEFANGED.sub(".", seen)
    if not _SCHEME.match(plain):
        if _NOT_WEB.match(plain):
            return None
        plain = f"http://{plain}"
    try:
        parts = urlsplit(plain)
        host, port = host_form(parts.hostname or ""), parts.port
    except ValueError:
        return None
    if host is None:
        return None
    where = host if port in {None, 80, 443} else f"{host}:{port}"
    path = parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")
    return WebAddress(host=host, page=f"{where}{path}" if path else None)


# The same address is asked for as evidence and as a value, and many files of a report were sent from one.
@functools.lru_cache(maxsize=1024)
def network_form(text: str) -> NetworkAddress | None:
    """An address on the network; None for one that is the same in many places, such as 192.168.0.1."""
    try:
        address = ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return None if lies_in(address, _NOWHERE) else address


def customer_network(address: NetworkAddress) -> bytes | None:
    """The part of an IPv6 address that is one customer's; None for IPv4, where that is the whole."""
    return address.packed[: CUSTOMER_BITS // 8] if address.version == 6 else None


def _without_www(host: str) -> str:
    # `www.example` is somebody's domain.
    return host.removeprefix("www.") if host.count(".") > 1 else host


def _is_iban(text: str) -> bool:
    """Whether it is an account number by ISO 13616, its check digits right."""
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", text):
        return False
    return int("".join(str(int(one, 36)) for one in text[4:] + text[:4])) % 97 == 1
