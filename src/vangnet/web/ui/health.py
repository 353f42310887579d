"""The page that says how the installation is doing."""

from fastapi import APIRouter
from starlette.responses import Response

from vangnet.identity.permissions import Permission
from vangnet.web.access import needs
from vangnet.web.health import Check
from vangnet.web.languages import marked
from vangnet.web.visit import Visit

router = APIRouter()

CHECK_NAMES = {
    Check.DATABASE: marked("Database"),
    Check.SCHEMA: marked("Schema of the database"),
    Check.SEALER: marked("Sealer of the audit trail"),
    Check.DISK: marked("Disk"),
    Check.KEYS: marked("Keys"),
    Check.ISOLATION: marked("Isolation of decoders"),
    Check.INDEX: marked("Index of listed hashes"),
    Check.FEEDS: marked("Lists of other installations"),
    Check.HELP: marked("Public page"),
    Check.JOBS: marked("Jobs"),
}


@router.get("/health", dependencies=[needs(Permission.HEALTH_READ)])
def show_health(visit: Visit) -> Response:
    """Every check, since when it is so, and what to do."""
    findings = visit.site.health.findings(visit.now)
    return visit.page("health/health.html", findings=findings, names=CHECK_NAMES)
