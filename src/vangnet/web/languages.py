"""The languages of the pages: English, which the code is written in, and Dutch, from `ui/locale/nl.po`.

The catalogue is compiled in memory at the start; there is no second file to forget. A text that has no translation shows in
English, and a test refuses it.
"""

import functools
import gettext
import io
import re
import string
from collections.abc import Iterable, Mapping
from pathlib import Path

from babel.core import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from vangnet.identity.model import Language

_PLACE = re.compile(r"\{\w+\}")
LOCALE = Path(__file__).parent / "ui" / "locale"


def marked(text: str) -> str:
    """Marks an English text for translation where it stands; it is translated where it is shown."""
    return text


@functools.cache
def wordings() -> Mapping[Language, "Wording"]:
    """The texts of every language."""
    with (LOCALE / "nl.po").open("rb") as file:
        catalogue = read_po(file, locale="nl", abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    shapes = [message.id for message in catalogue if isinstance(message.id, str) and _PLACE.search(message.id)]
    return {
        Language.NL: Wording(gettext.GNUTranslations(compiled), shapes),
        Language.EN: Wording(gettext.NullTranslations(), ()),
    }


class Wording:
    """The texts of one language, also those of errors that have values set in, such as `must have at most 120 characters`.

    An error's words are put together where the error is raised, in English. They are translated by the shape that they have
    in the catalogue: `must have at most {longest} characters`.
    """

    def __init__(self, catalogue: gettext.NullTranslations, shapes: Iterable[str]) -> None:
        self.catalogue = catalogue
        # The one with the most words first: `must be one of {names}, or empty` fits `must be one of {names}`, too.
        by_words = sorted(shapes, key=lambda shape: -sum(len(words) for words, *_ in string.Formatter().parse(shape)))
        self._shapes = [(_as_pattern(shape), shape) for shape in by_words]

    def of(self, text: str) -> str:
        """The text in this language; in English where it has no translation."""
        translated = self.catalogue.gettext(text)
        if translated != text:
            return translated
        for pattern, shape in self._shapes:
            if found := pattern.fullmatch(text):
                return self.catalogue.gettext(shape).format(**found.groupdict())
        return text


def _as_pattern(shape: str) -> re.Pattern[str]:
    parts = string.Formatter().parse(shape)
    return re.compile(
        "".join(re.escape(text) + (f"(?P<{name}>.+?)" if name else "") for text, name, _, _ in parts), re.DOTALL
    )


def preferred(person: str | None, cookie: str | None, accept_language: str | None) -> Language:
    """The first of these that names a language we have: the person's, the cookie's, the browser's; else English."""
    for choice in (person, cookie):
        if choice in set(Language):
            return Language(choice)
    found = negotiate_locale(_accepted(accept_language or ""), [str(language) for language in Language], sep="-")
    return Language(found) if found else Language.EN


def _accepted(header: str) -> list[str]:
    """The languages of an Accept-Language header, the most wanted first (RFC 9110, section 12.5.4)."""
    weighed: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if tag and 0 < weight <= 1:
            weighed.append((weight, tag.strip()))
    return [tag for _, tag in sorted(weighed, key=lambda pair: -pair[0])]
