"""How pages show times, sentences and code."""

from datetime import UTC, datetime

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from vangnet.identity.model import Language
from vangnet.web.pages import TEMPLATES, as_sentence, shown_time, with_code


@pytest.mark.parametrize(
    ("at", "language", "shown"),
    [
        (datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC), Language.EN, "21 Nov 2026 14:02 CET"),
        (datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC), Language.NL, "21 nov 2026 14:02 CET"),
        (datetime(2026, 7, 1, 22, 30, tzinfo=UTC), Language.EN, "2 Jul 2026 00:30 CEST"),
        # The hour that the clocks have twice is told apart by its zone.
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), Language.EN, "25 Oct 2026 02:30 CEST"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), Language.EN, "25 Oct 2026 02:30 CET"),
    ],
)
def test_a_time_is_shown_in_amsterdam_with_its_zone_and_told_in_utc(at: datetime, language: Language, shown: str) -> None:
    assert shown_time(at, language) == f'<time datetime="{at.isoformat()}">{shown}</time>'


def test_a_day_has_no_zone() -> None:
    at = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert shown_time(at, Language.NL, pattern="d MMM y") == f'<time datetime="{at.isoformat()}">2 jul 2026</time>'


def test_no_time_is_a_dash() -> None:
    assert shown_time(None, Language.EN) == "&ndash;"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("must not be empty", "Must not be empty."),
        ("Is it?", "Is it?"),
        ("it works.", "It works."),
    ],
)
def test_a_message_becomes_a_sentence(text: str, sentence: str) -> None:
    assert as_sentence(text) == sentence


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("run `vangnet doctor` now", "run <code>vangnet doctor</code> now"),
        ("`<b>` is `a & b`", "<code>&lt;b&gt;</code> is <code>a &amp; b</code>"),
        ("one ` alone", "one ` alone"),
        ("`` nothing", "`` nothing"),
        (Markup("<b>safe</b> `x`"), "<b>safe</b> <code>x</code>"),
    ],
)
def test_what_stands_between_backticks_is_code_and_the_rest_is_escaped(text: str, html: str) -> None:
    assert with_code(text) == html


@pytest.mark.parametrize(
    ("used", "shown"),
    [
        ('{{ empty("nothing yet") }}', "<p>nothing yet</p></div>"),
        ('{% call empty("nothing yet") %}add one{% endcall %}', "<p>nothing yet</p><p>add one</p></div>"),
    ],
)
def test_an_empty_list_is_told_with_and_without_what_to_do(used: str, shown: str) -> None:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    page = environment.from_string(f'{{% from "forms.html" import empty %}}{used}')
    assert shown in page.render(_=str)
