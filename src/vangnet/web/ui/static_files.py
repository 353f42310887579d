"""The static files' address."""

from fastapi import APIRouter
from starlette.responses import Response

from vangnet.web.access import PUBLIC, needs
from vangnet.web.visit import Visit

router = APIRouter()


@router.get("/static/{version}/{name:path}", dependencies=[needs(PUBLIC)])
def static_file(visit: Visit, version: str, name: str) -> Response:
    """One of our own style sheets, scripts or pictures."""
    return visit.site.static.answer(version, name)
