"""What machines ask: is the process alive, may it get requests, how is it doing.

The first two are for load balancers, which have no key; they tell names of checks and nothing about them. The measures need
the permission `health:read` also on the machine itself, where any program could ask: give your Prometheus an API key.
"""

from fastapi import APIRouter
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

from vangnet.identity.permissions import Permission
from vangnet.web.access import PUBLIC, needs
from vangnet.web.health import Check
from vangnet.web.visit import Visit

router = APIRouter()

#: What a process that only checks needs of its own. What all gates share would turn away uploads at all of them at once,
#: though they can be checked for a while without.
_OF_A_GATE = frozenset({Check.DISK, Check.INDEX, Check.ISOLATION, Check.KEYS})


@router.get("/healthz", dependencies=[needs(PUBLIC)])
def process_is_alive() -> Response:
    """Whether the process answers at all. Restart it when this fails."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz", dependencies=[needs(PUBLIC)])
def ready_for_requests(visit: Visit) -> Response:
    """Whether requests can be served. Send them elsewhere while this answers 503."""
    findings = visit.site.health.findings(visit.now)
    counted = _OF_A_GATE if visit.site.programs_only else frozenset(Check)
    ready = not any(finding.failing for finding in findings if finding.check in counted)
    document = {
        "status": "ok" if ready else "failing",
        "checks": {finding.check: finding.condition for finding in findings},
    }
    return JSONResponse(document, status_code=200 if ready else 503)


@router.get("/metrics", dependencies=[needs(Permission.HEALTH_READ)])
def measures(visit: Visit) -> Response:
    """Requests, the audit trail, jobs and connections, for Prometheus."""
    return Response(visit.site.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
