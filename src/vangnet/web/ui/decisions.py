"""What the gate decided on matches: looked up by upload, entry or state, and one decision with its reasons."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from vangnet.gate.model import Decision, Door, Outcome
from vangnet.gate.service import decisions
from vangnet.hashing.model import Reason, View
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties
from vangnet.registry.model.classification import Classification
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.visit import Visit

router = APIRouter()

DECISION_NAMES = {
    Decision.ALLOW: marked("allowed"),
    Decision.HOLD: marked("held"),
    Decision.BLOCK: marked("blocked"),
}
OUTCOME_NAMES = {
    Outcome.MATCH: marked("listed"),
    Outcome.NO_MATCH: marked("not listed"),
    Outcome.UNHASHABLE: marked("could not be examined"),
    Outcome.UNAVAILABLE: marked("the gate could not check"),
}
DOOR_NAMES = {
    Door.API: marked("API"),
    Door.HASHES: marked("API, hashes"),
    Door.CLAMD: marked("clamd"),
    Door.ICAP: marked("ICAP"),
    Door.DUTCH: marked("Dutch hash check"),
    Door.HMA: marked("HMA"),
    Door.SCAN: marked("console"),
}
REASON_NAMES = {
    Reason.NOT_MEDIA: marked("no picture or video"),
    Reason.UNSUPPORTED: marked("a picture format that is not decoded"),
    Reason.VIDEO: marked("a video"),
    Reason.ARCHIVE: marked("an archive"),
    Reason.DAMAGED: marked("damaged"),
    Reason.TOO_LARGE: marked("too large"),
    Reason.TOO_SMALL: marked("too small"),
    Reason.TIMED_OUT: marked("decoding took too long"),
    Reason.CRASHED: marked("the decoder died on it"),
    Reason.LOW_QUALITY: marked("too little to see"),
    Reason.NOT_ISOLATED: marked("no isolated process could be had"),
}
VIEW_NAMES = {
    View.ORIGINAL: marked("as it is"),
    View.ROTATE90: marked("a quarter turn to the left"),
    View.ROTATE180: marked("half a turn"),
    View.ROTATE270: marked("a quarter turn to the right"),
    View.FLIP_X: marked("upside down as in a mirror"),
    View.FLIP_Y: marked("mirrored"),
    View.TRANSPOSE: marked("mirrored at a diagonal"),
    View.ANTI_TRANSPOSE: marked("mirrored at the other diagonal"),
}
CLASSIFICATION_NAMES = {
    Classification.BASELINE: marked("baseline"),
    Classification.NATIONAL: marked("national"),
    Classification.INVESTIGATIVE: marked("investigative"),
    Classification.OTHER: marked("other"),
}

_WORDS: dict[str, Any] = {
    "decision_names": DECISION_NAMES,
    "outcome_names": OUTCOME_NAMES,
    "door_names": DOOR_NAMES,
    "reason_names": REASON_NAMES,
    "view_names": VIEW_NAMES,
    "classification_names": CLASSIFICATION_NAMES,
}
_PAGE = 50
_LATELY = timedelta(days=1)


@router.get("/decisions", dependencies=[needs(Permission.GATE_READ)])
def list_decisions(
    visit: Visit,
    *,
    upload: Annotated[str, Query(max_length=200)] = "",
    entry: Annotated[str, Query(max_length=20)] = "",
    decision: Annotated[Decision | None, Query()] = None,
    revised: bool = False,
    before: Annotated[UUID | None, Query()] = None,
) -> Response:
    """Matches, the newest first, and what the last day's checks came to."""
    entry_id = int(entry) if entry.isdecimal() else None
    upload = upload if upload.isprintable() else ""
    with visit.transaction() as conn:
        place = None
        if before is not None:
            place = (decisions.get_decision(conn, visit.actor, decision_id=before).decision.at, before)
        found = decisions.list_decisions(
            conn,
            visit.actor,
            object_id=upload.strip(),
            entry_id=entry_id,
            decision=decision,
            revised=revised,
            before=place,
            limit=_PAGE + 1,
        )
        sums = decisions.sum_counts(conn, visit.actor, since=visit.now - _LATELY)
    return visit.page(
        "gate/decisions.html",
        found=found[:_PAGE],
        older=found[_PAGE - 1].answer.check_id if len(found) > _PAGE else None,
        asked={"upload": upload, "entry": entry, "revised": revised},
        sums=sums,
        checks=sum(number for *_, number in sums),
        **_WORDS,
    )


@router.get("/decisions/{check_id}", dependencies=[needs(Permission.GATE_READ)])
def show_decision(visit: Visit, check_id: UUID) -> Response:
    """One decision: what was found, by what, what followed, and who heard of it."""
    with visit.transaction() as conn:
        shown = decisions.get_decision(conn, visit.actor, decision_id=check_id)
        reports = [(parties.party(conn, party_id), handoff_id) for party_id, handoff_id in shown.reports]
    return visit.page("gate/decision.html", one=shown.decision, reports=reports, **_WORDS)
