"""The gate as it is now and was lately: how many checks, how quick, what they came to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from vangnet.config import Settings
from vangnet.gate.model import Decision, Door
from vangnet.gate.service import picture, probes, reviews
from vangnet.gate.service.picture import Came, Column
from vangnet.identity.permissions import Permission
from vangnet.registry.service import lists
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.site import Site
from vangnet.web.ui.decisions import DECISION_NAMES, DOOR_NAMES, REASON_NAMES
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

CAME_NAMES = {
    Came.ALLOW: marked("allowed"),
    Came.HOLD: marked("held"),
    Came.BLOCK: marked("blocked"),
    Came.UNAVAILABLE: marked("could not check"),
}
_CHART_HEIGHT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the gate of this process stands."""

    #: `ok`, `warn` or `danger`.
    role: str
    told: str
    sequence: int
    hashes: int
    age_s: float | None
    policy_version: int
    spooled: int
    doors: tuple[tuple[Door, str], ...]


@router.get("/gate", dependencies=[needs(Permission.GATE_READ)])
def show_gate(visit: Visit) -> Response:
    """The live picture."""
    return visit.page("gate/now.html", **_seen(visit))


@router.get("/gate/live", dependencies=[needs(Permission.GATE_READ)])
def show_live(visit: Visit) -> Response:
    """The part of it that changes, for its script."""
    return visit.page("gate/live.html", **_seen(visit))


def _seen(visit: OneVisit) -> dict[str, Any]:
    with visit.transaction() as conn:
        seen = picture.look(conn, visit.actor, now=visit.now)
        return {
            "seen": seen,
            "standing": _standing(visit.site, visit.now),
            "checks_chart": _checks_chart(seen.columns),
            "latency_chart": _latency_chart(seen.columns),
            "to_review": reviews.count_waiting(conn, visit.actor, now=visit.now),
            "counted_max": reviews.COUNTED_MAX,
            "limited": probes.count_limited(conn, visit.actor, now=visit.now),
            "list_names": lists.names(conn, visit.actor),
            "came_names": CAME_NAMES,
            "decision_names": DECISION_NAMES,
            "decisions": Decision,
            "reason_names": REASON_NAMES,
            "door_names": DOOR_NAMES,
            "total": sum(seen.came.values()),
        }


def _standing(site: Site, now: datetime) -> Standing | None:
    """None in a process that has no gate."""
    if site.gate is None or site.live is None:
        return None
    status = site.live.status
    role, told = "ok", marked("answering")
    if site.gate.database_away:
        role, told = "warn", marked("answering, and the database is away: matches wait on this disk")
    if not status.loaded:
        role, told = "danger", marked("no list is loaded: every check is unavailable")
    return Standing(
        role=role,
        told=told,
        sequence=status.sequence,
        hashes=status.hashes,
        age_s=None if status.followed_at is None else max(0.0, (now - status.followed_at).total_seconds()),
        policy_version=site.gate.policy_version,
        spooled=site.gate.spooled,
        doors=_doors(site.settings),
    )


def _doors(settings: Settings) -> tuple[tuple[Door, str], ...]:
    named = ((Door.CLAMD, settings.clamd_listen), (Door.ICAP, settings.icap_listen))
    return ((Door.API, settings.base_url), *((door, address) for door, address in named if address is not None))


# --- charts: a viewBox in which a column is ten wide ---


def _checks_chart(columns: tuple[Column, ...]) -> dict[str, Any]:
    """Stacked bars: for each column, from the ground up, what its checks came to."""
    most = max((column.total for column in columns), default=0)
    bars = []
    for number, column in enumerate(columns):
        below = 0.0
        for came, checks in column.checks.items():
            height = _CHART_HEIGHT * checks / most if most else 0.0
            if checks:
                # One in thousands is still to be seen.
                height = max(height, 1.0)
                bars.append({"x": 10 * number, "y": _CHART_HEIGHT - below - height, "height": height, "role": came.value})
            below += height
    gaps = [10 * number for number, column in enumerate(columns) if not column.total]
    return {"most": most, "bars": bars, "gaps": gaps, "width": 10 * len(columns)}


def _latency_chart(columns: tuple[Column, ...]) -> dict[str, Any]:
    """Two lines; where nothing was checked they break."""
    most = max((column.quickness.p99_s or 0.0 for column in columns), default=0.0)
    lines = {"p50": [[]], "p99": [[]]}  # type: dict[str, list[list[str]]]
    for number, column in enumerate(columns):
        for name, value in (("p50", column.quickness.p50_s), ("p99", column.quickness.p99_s)):
            if value is None:
                lines[name].append([])
            elif most:
                height = _CHART_HEIGHT * value / most
                # A point of its own is a short line, or it would not be seen.
                lines[name][-1] += [f"{10 * number + place},{_CHART_HEIGHT - height:.1f}" for place in (1, 8)]
    return {
        "most_s": most,
        "lines": {name: [" ".join(part) for part in parts if part] for name, parts in lines.items()},
        "width": 10 * len(columns),
    }
