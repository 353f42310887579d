"""The number under which two installations speak about the same case."""

import re

from vangnet.errors import InvalidInput

#: Digits and letters that nobody confuses on paper or over the telephone: no 0 and O, no 1, I and L.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CHARACTERS = 8
#: How many case numbers a year has.
CASE_NUMBERS = len(_ALPHABET) ** _CHARACTERS

_PATTERN = re.compile(rf"VN-\d{{4}}-[{_ALPHABET}]{{4}}-[{_ALPHABET}]{{4}}", re.ASCII)


def case_number(year: int, number: int) -> str:
    """A case number such as `VN-2026-7K3F-9QXM`; `number` is 0 … CASE_NUMBERS - 1, drawn at random."""
    letters = []
    for _ in range(_CHARACTERS):
        number, remainder = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[remainder])
    text = "".join(letters)
    return f"VN-{year:04}-{text[:4]}-{text[4:]}"


def is_case_number(text: str) -> bool:
    """Whether `text` is written like one."""
    return _PATTERN.fullmatch(text) is not None


def checked_case_number(text: str) -> str:
    """`text`, where it is a case number. Raises InvalidInput."""
    if not is_case_number(text):
        raise InvalidInput(field="case_number", problem="must be like `VN-2026-7K3F-9QXM`")
    return text
