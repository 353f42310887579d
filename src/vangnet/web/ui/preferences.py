"""The language, the look and the single keys that somebody chooses, from any page, signed in or not."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from vangnet.identity.model import Language, Theme
from vangnet.identity.service import account
from vangnet.web.access import PUBLIC, needs
from vangnet.web.security import local_path
from vangnet.web.visit import Visit

router = APIRouter()


@router.post("/preferences", dependencies=[needs(PUBLIC)])
def choose(
    visit: Visit,
    back: Annotated[str, Form()] = "/",
    language: Annotated[str, Form()] = "",
    theme: Annotated[str, Form()] = "",
    keys: Annotated[str, Form()] = "",
) -> Response:
    """Remembers what was chosen: with the person who is signed in, and in the browser for when nobody is."""
    response = visit.redirect(local_path(back))
    cookies = visit.site.cookies
    chosen_language = Language(language) if language in set(Language) else None
    chosen_theme = Theme(theme) if theme in set(Theme) else None
    if visit.person is not None and (chosen_language or chosen_theme):
        with visit.transaction() as conn:
            account.choose(
                conn,
                visit.actor,
                language=chosen_language or visit.person.language,
                theme=chosen_theme or visit.person.theme,
                now=visit.now,
            )
    for name, value in (("language", chosen_language), ("theme", chosen_theme)):
        if value is not None:
            cookies.set_choice(response, name, value)
    if keys in {"on", "off"}:
        cookies.set_choice(response, "keys", keys)
    return response
