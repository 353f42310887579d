"""Pages: Jinja templates in `ui/templates`, with our languages, our times and our static files.

Everything a template gets is escaped; a name that it uses and nobody gave it is an error, not an empty place.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from vangnet.errors import AppError, InvalidInput, NotFound
from vangnet.identity.model import Language
from vangnet.web import navigation
from vangnet.web.languages import marked, wordings
from vangnet.web.static_files import StaticFiles

if TYPE_CHECKING:
    from vangnet.web.visit import OneVisit

TEMPLATES = Path(__file__).parent / "ui" / "templates"
#: Where the people of this chain work. Kept in UTC, shown in their time, always with the zone.
TIME_ZONE = ZoneInfo("Europe/Amsterdam")
_BACKTICKS = re.compile(r"`([^`]+)`")
_NOT_FOUND = marked("It does not exist, or it is not for you to see.")


class Pages:
    """Renders templates and sentences."""

    def __init__(self, static: StaticFiles, done: Mapping[str, str]) -> None:
        self._done = done
        self._wordings = wordings()
        self._environments = {language: self._environment(language, static) for language in Language}

    def render(self, visit: "OneVisit", template: str, *, status: int, context: Mapping[str, Any]) -> Response:
        """The template as a page in the visit's language."""
        shell = navigation.shell_of(visit)
        language = visit.language
        done = self._done.get(visit.request.query_params.get("done", ""))
        text = (
            self._environments[language]
            .get_template(template)
            .render(
                visit=visit,
                shell=shell,
                language=language,
                done=self.translated(done, language) if done is not None else None,
                **context,
            )
        )
        return HTMLResponse(text, status_code=status)

    def translated(self, text: str, language: Language) -> str:
        """An English text of ours in that language."""
        return self._wordings[language].of(text)

    def sentence_of(self, error: AppError, language: Language) -> str:
        """What went wrong, in that language: a capital, a full stop. The words of a field's problem are translated too."""
        values = {
            name: self.translated(value, language) if name in {"problem", "remedy"} and isinstance(value, str) else value
            for name, value in vars(error).items()
        }
        if isinstance(error, InvalidInput):
            return as_sentence(values["problem"])
        if isinstance(error, NotFound):
            # Which kind of record it was tells a person nothing that the page they came from did not.
            return self.translated(_NOT_FOUND, language)
        return as_sentence(self.translated(error.message, language).format_map(values))

    def advice_of(self, error: AppError, language: Language) -> str | None:
        """What to do about it, in that language."""
        if error.hint is None:
            return None
        return as_sentence(self.translated(error.hint, language).format_map(vars(error)))

    def _environment(self, language: Language, static: StaticFiles) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        environment.install_gettext_translations(self._wordings[language].catalogue, newstyle=True)  # type: ignore[attr-defined]
        environment.globals["static"] = static.address
        environment.filters["code"] = with_code
        # For words that were put together from parts and kept, such as why a row was skipped.
        environment.filters["wording"] = self._wordings[language].of
        environment.filters["time"] = lambda at: shown_time(at, language)
        environment.filters["day"] = lambda at: shown_time(at, language, pattern="d MMM y")
        return environment


def shown_time(at: datetime | None, language: Language, *, pattern: str = "d MMM y HH:mm") -> Markup:
    """`<time>` with the moment for people, in Amsterdam's time, and for programs, in UTC; a dash where there is none."""
    if at is None:
        return Markup("&ndash;")
    text = format_datetime(at, pattern, tzinfo=TIME_ZONE, locale=str(language))
    if "HH" in pattern:
        text += f" {at.astimezone(TIME_ZONE).tzname()}"
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), text)


def with_code(text: str) -> Markup:
    """`text` with what stands between backticks set as code; the rest is escaped unless it was already."""
    return Markup(_BACKTICKS.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 (escaped just here)


def as_sentence(text: str) -> str:
    """A message as people read it on a page: errors are written without capital and full stop, for the command line."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else text + "."
