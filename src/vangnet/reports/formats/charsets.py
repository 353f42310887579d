"""Bytes to letters, by what their sender calls their encoding."""

import codecs

from vangnet.reports.formats.reading import REPLACED, Problems

#: Those that mail and forms are written in. Python knows more by name, some of which take the square of a text's length.
KNOWN = frozenset({
    "utf-8", "utf-16", "utf-16-le", "utf-16-be", "iso8859-1", "iso8859-2", "iso8859-3", "iso8859-4", "iso8859-5",
    "iso8859-6", "iso8859-7", "iso8859-8", "iso8859-9", "iso8859-10", "iso8859-13", "iso8859-14", "iso8859-15",
    "iso8859-16", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "koi8-r",
    "koi8-u", "gb2312", "gbk", "gb18030", "big5", "shift_jis", "euc_jp", "iso2022_jp", "euc_kr", "mac-roman", "tis-620",
})  # fmt: skip


def decoded(content: bytes, named: str | None, problems: Problems) -> str:
    """The text of `content`; what is not of its encoding is replaced and told."""
    encoding = _known(named)
    if encoding is None:
        if named:
            problems.note("a text is in an encoding that is not read here; it was read as UTF-8")
        encoding = "utf-8"
    text = content.decode(encoding, errors="replace")
    if REPLACED in text:
        problems.note("characters that are not of their text's encoding were replaced")
    return text


def _known(named: str | None) -> str | None:
    if not named or not named.isascii() or len(named) > 40:
        return None
    try:
        name = codecs.lookup(named).name
    except (LookupError, ValueError):
        return None
    if name == "ascii":
        return "utf-8"
    return name if name in KNOWN else None
