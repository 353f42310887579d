"""What a report says, as text that nobody follows by mistake: no address can be clicked, nothing is drawn or hidden."""

import io
import re
import zipfile
import zlib

_ADDRESS = re.compile(r"\b(?P<scheme>https?|ftps?)://(?P<host>[^\s/?#\"'<>]*)", re.IGNORECASE)
#: What turns the direction of reading, has no width or moves the cursor: what one sees would not be what is there.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
#: So much of what came is shown.
SHOWN_MAX = 100_000
_LINE_MAX = 600
_MEMBERS_MAX = 20
_TEXT_MEMBERS = (".xml", ".json", ".txt", ".csv", ".eml")


def defanged(text: str) -> str:
    """The same with addresses that lead nowhere: `hxxps://pictures[.]example/1`."""
    return _ADDRESS.sub(_without_fangs, text)


def as_text(content: bytes) -> str:
    """Bytes as they came, as text to be read: never the bytes of a picture. Of an archive, its names and its texts."""
    if content.startswith(b"PK\x03\x04"):
        return _archive(content)
    if _is_text(content):
        return _tidy(content[:SHOWN_MAX].decode("utf-8", "replace"))
    return "\u2013"


def _without_fangs(found: re.Match[str]) -> str:
    scheme = found["scheme"].lower().replace("http", "hxxp").replace("ftp", "fxp")
    return f"{scheme}://{found['host'].replace('.', '[.]')}"


def _is_text(content: bytes) -> bool:
    head = content[:4096]
    strange = sum(byte < 9 or 13 < byte < 32 for byte in head)
    return strange <= max(3, len(head) // 50)


def _tidy(text: str) -> str:
    lines = [
        line if len(line) <= _LINE_MAX else f"{line[:_LINE_MAX]} […]" for line in _UNSEEN.sub("\ufffd", text).splitlines()
    ]
    return defanged("\n".join(lines))


def _archive(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()[:_MEMBERS_MAX]
            return "\n\n".join(_member(archive, member) for member in members)
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, ValueError):
        return "\u2013"


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    name = _tidy(member.filename)
    if not name.lower().endswith(_TEXT_MEMBERS):
        return f"--- {name} ({member.file_size})"
    with archive.open(member) as opened:
        text = opened.read(SHOWN_MAX // _MEMBERS_MAX).decode("utf-8", "replace")
    return f"--- {name} ({member.file_size})\n{_tidy(text)}"
