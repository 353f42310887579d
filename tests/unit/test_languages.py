"""Every text on a page has a Dutch translation, and every translation is a text on a page."""

import ast
import functools
import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

import vangnet
from vangnet.hashing.view_words import WORDS as VIEW_WORDS
from vangnet.identity.model import Language
from vangnet.web.languages import LOCALE, preferred, wordings
from vangnet.web.pages import TEMPLATES

SOURCE = Path(vangnet.__file__).parent
#: What pages say about an error: what these keyword arguments and class attributes hold.
_ERROR_WORDS = {"problem", "remedy", "message", "hint"}
#: Packages whose errors no page shows; their words stay in English.
_NOT_ON_PAGES = {"cli", "db", "hashing", "simulation", "partners", "config", "keys.py", "worker.py"}


def _template_texts() -> Iterator[str]:
    for path in TEMPLATES.rglob("*.html"):
        with path.open("rb") as file:
            for _, message, _, _ in extract("jinja2.ext:babel_extract", file, options={"trimmed": "false"}):
                yield message if isinstance(message, str) else message[0]


@functools.cache
def _trees() -> Sequence[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in SOURCE.rglob("*.py")]


def _marked_texts() -> Iterator[str]:
    for _, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "marked" and node.args:
                yield from _constant(node.args[0])


def _error_texts() -> Iterator[str]:
    """The words of errors, with names in braces where values are set in."""
    for path, tree in _trees():
        if path.relative_to(SOURCE).parts[0] in _NOT_ON_PAGES:
            continue
        in_errors = path.name == "errors.py"
        for node in ast.walk(tree):
            match node:
                case ast.keyword(arg=str(name), value=value) if name in _ERROR_WORDS:
                    yield from _constant(value)
                case ast.Assign(targets=[target], value=value) if in_errors and ast.unparse(target) in _ERROR_WORDS:
                    yield from _constant(value)


def _constant(node: ast.expr) -> Iterator[str]:
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        names: Counter[str] = Counter()
        text = "".join(_part(part, names) for part in node.values)
    # What is only a placeholder has no words.
    if re.sub(r"\{\w+\}", "", text).strip(" :"):
        yield text


def _part(part: ast.expr, names: Counter[str]) -> str:
    """A part of an f-string: its text, or the last name of what is set in there, in braces; used again, with a number."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    name = str(re.findall(r"[a-z_]+", ast.unparse(part.value).lower())[-1])
    names[name] += 1
    return "{" + name + (f"_{names[name]}" if names[name] > 1 else "") + "}"


def _translations() -> dict[str, str | tuple[str, ...]]:
    with (LOCALE / "nl.po").open("rb") as file:
        messages = [message for message in read_po(file, abort_invalid=True) if message.id]
    return {
        message.id if isinstance(message.id, str) else message.id[0]: message.string
        if isinstance(message.string, str)
        else tuple(message.string or ())
        for message in messages
    }


@pytest.fixture(scope="module")
def used() -> list[str]:
    """Every text that may be shown."""
    # How a picture was seen is told in letters too, so those words lie where nothing is marked for pages.
    return sorted({*_template_texts(), *_marked_texts(), *_error_texts(), *VIEW_WORDS.values()})


def test_every_text_has_a_dutch_translation(used: list[str]) -> None:
    translations = _translations()
    missing = [text for text in used if not translations.get(text) or translations[text] == ("", "")]
    assert not missing, "nl.po lacks:\n" + "\n".join(missing)


def test_every_translation_is_of_a_text_that_is_used(used: list[str]) -> None:
    unused = sorted(set(_translations()) - set(used))
    assert not unused, "nl.po has, but nothing uses:\n" + "\n".join(unused)


def test_no_text_is_translated_twice() -> None:
    lines = (LOCALE / "nl.po").read_text(encoding="utf-8").splitlines()
    twice = [line for line, count in Counter(line for line in lines if line.startswith("msgid ")).items() if count > 1]
    assert not twice


def test_a_translation_has_the_places_of_its_text() -> None:
    for text, translation in _translations().items():
        for form in [translation] if isinstance(translation, str) else translation:
            assert _places(form) == _places(text), text


def _places(text: str) -> list[str]:
    braces = [name for _, name, _, _ in string.Formatter().parse(text.replace("%(", "%%(")) if name]
    return sorted(braces + [part.split(")")[0] for part in text.split("%(")[1:]])


@pytest.mark.parametrize(
    ("person", "cookie", "header", "expected"),
    [
        ("nl", "en", "en", Language.NL),
        (None, "nl", "en", Language.NL),
        (None, "fr", "nl", Language.NL),
        (None, None, "nl-BE,en;q=0.8", Language.NL),
        (None, None, "fr,en;q=0.5,nl;q=0.9", Language.NL),
        (None, None, "nl;q=0,en", Language.EN),
        (None, None, "nl;q=x,de", Language.EN),
        (None, None, "*", Language.EN),
        (None, None, "", Language.EN),
        (None, None, None, Language.EN),
    ],
)
def test_the_first_choice_that_we_have_is_taken(
    person: str | None, cookie: str | None, header: str | None, expected: Language
) -> None:
    assert preferred(person, cookie, header) is expected


def test_a_dutch_plural_follows_the_number() -> None:
    text = ("%(num)s check fails: requests may not be served.", "%(num)s checks fail: requests may not be served.")
    dutch = wordings()[Language.NL].catalogue
    assert dutch.ngettext(*text, 1) != dutch.ngettext(*text, 2)


def test_words_with_a_value_set_in_are_translated_around_it() -> None:
    dutch = wordings()[Language.NL]
    assert dutch.of("must have at most 120 characters") == "mag hoogstens 120 tekens hebben"
    assert dutch.of("must be something that nobody translated") == "must be something that nobody translated"
