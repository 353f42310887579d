"""Assessing the files of a report, one by one. A page holds no pixel; each look is asked for, and is over soon."""

import base64
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.datastructures import FormData
from starlette.responses import PlainTextResponse, Response

from vangnet.errors import AppError, CallerMistake, Conflict, InvalidInput, Unavailable
from vangnet.identity.permissions import Permission
from vangnet.reports.model.looks import KNOWN_REASONS, LookStep, Size, Wanted
from vangnet.reports.rules.assessment.answers import (
    AssessedClass,
    FileState,
    NotAsked,
    NotListed,
    Stage,
    crossings,
)
from vangnet.reports.rules.assessment.exposure import Fill
from vangnet.reports.service.assessment import assessing, likeness, looking, sheets
from vangnet.reports.service.assessment.looking import Asked, Shown
from vangnet.reports.service.assessment.sheets import ItemState
from vangnet.reports.service.desk import desk, showing
from vangnet.vault.model import OpenReason
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.security import local_path
from vangnet.web.ui.forms import WholeForm
from vangnet.web.ui.report_words import WORDS
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "answer-second": marked("Your answer is kept. It waits for a colleague, who does not see it."),
    "answer-third": marked("Your answer is kept. It differs from the first: a third person decides."),
    "answer-stands": marked("Your answer is kept. It stands."),
    "answer-undone": marked("Your answer is undone."),
    "same-kept": marked("What you found is kept."),
    "passed-on": marked("You passed the report on. It is in the queue again; nobody asks why, and nobody counts it."),
}
STATE_NAMES = {
    ItemState.TO_DO: marked("to do"),
    ItemState.KNOWN: marked("known, not seen"),
    ItemState.ANSWERED: marked("waits for a colleague"),
    ItemState.DONE: marked("decided"),
    ItemState.NO_FILE: marked("no file"),
}
STAGE_NAMES = {
    Stage.FIRST: marked("First answer"),
    Stage.SECOND: marked("Second answer"),
    Stage.THIRD: marked("Third answer, which decides"),
}
NOT_ASKED_NAMES = {
    NotAsked.NO_FILE: marked("It is no file, so that nothing is asked here."),
    NotAsked.STANDS: marked("It is decided."),
    NotAsked.ANSWERED: marked("You have answered. A colleague answers next, and does not see what you said."),
    NotAsked.CLAIM_FIRST: marked("Whoever works on the report answers first. Claim it to do that."),
}
NOT_LISTED_NAMES = {
    NotListed.NO_LIST: marked("It is on no list: no list of our own takes this class. Whoever leads can choose one."),
    NotListed.NO_HASH: marked("It is on no list: it has no hash that could be listed."),
    NotListed.REFUSED: marked("It is on no list: a safeguard refuses its hashes."),
    NotListed.LISTED: marked("It is listed already."),
    NotListed.MAY_NOT: marked("It is on no list: who answered last may not propose entries."),
}
KNOWN_REASON_NAMES = {
    OpenReason.INVESTIGATION: marked("to identify somebody"),
    OpenReason.DISPUTE: marked("because it is contested"),
    OpenReason.COMPLAINT: marked("to answer a complaint"),
    OpenReason.COURT: marked("by order of a court or prosecutor"),
    OpenReason.CONTROL: marked("to check whether the work was done rightly"),
}
CLASS_NAMES = {
    AssessedClass.BASELINE: marked("baseline"),
    AssessedClass.NATIONAL: marked("national"),
    AssessedClass.INVESTIGATIVE: marked("investigative"),
    AssessedClass.OTHER: marked("other"),
    AssessedClass.NOT_ILLEGAL: marked("not illegal"),
}
#: The questions that Vangnet comes with, for the catalogue; they are data, and shown through it.
QUESTION_WORDS = (
    marked("Class"), marked("Age"), marked("Gender"), marked("Self-made"), marked("Drawn or generated"),
    marked("infant"), marked("pre-pubescent"), marked("pubescent"), marked("not determined"), marked("female"),
    marked("male"), marked("both"), marked("yes"), marked("no"),
)  # fmt: skip
_WORDS: dict[str, Any] = {
    "state_labels": STATE_NAMES,
    "stage_names": STAGE_NAMES,
    "not_asked_names": NOT_ASKED_NAMES,
    "not_listed_names": NOT_LISTED_NAMES,
    "known_reasons": [(reason, KNOWN_REASON_NAMES[reason]) for reason in KNOWN_REASONS],
    "class_names": CLASS_NAMES,
    "fills": Fill,
    "sizes": list(Size),
    "crossings": {one: crossings(one) for one in AssessedClass},
}
_IMAGE = "image/png"


# --- the page ---


@router.get("/reports/{report_id}/assess", dependencies=[needs(Permission.REPORT_WORK)])
def begin(visit: Visit, report_id: int) -> Response:
    """Leads to the first item that waits for whoever asks; says so where none does."""
    with visit.transaction() as conn:
        position = sheets.first_to_do(
            conn, visit.actor, keys=visit.keys, report_id=report_id,
            golden_percent=visit.settings.assessment_check_percent,
        )  # fmt: skip
        report = showing.get_report(conn, visit.actor, report_id=report_id)
    if position is None:
        mine = report.claimed_by == UUID(visit.actor.id)
        return visit.page("assess/none.html", report_id=report_id, mine=mine, may_refer=_may_refer(visit))
    return visit.redirect(_address(report_id, position))


@router.get("/reports/{report_id}/assess/{position}", dependencies=[needs(Permission.REPORT_WORK)])
def show_item(visit: Visit, report_id: int, position: int) -> Response:
    """One item: what is known of it, and what is asked. Its picture is covered."""
    return _page(visit, report_id, position)


@router.post("/reports/{report_id}/assess/undo", dependencies=[needs(Permission.REPORT_WORK)])
def undo(visit: Visit, report_id: int, position: Annotated[int, Form()] = 0) -> Response:
    """Takes back one's last answer on the report."""
    try:
        with visit.transaction() as conn:
            undone = assessing.undo(conn, visit.actor, report_id=report_id, now=visit.now)
    except Conflict as error:
        return _page(visit, report_id, position, problem=visit.say(error), status=409)
    return visit.redirect(_address(report_id, undone), done="answer-undone")


@router.post("/reports/{report_id}/assess/pass-on", dependencies=[needs(Permission.REPORT_WORK)])
def pass_on(visit: Visit, report_id: int, position: Annotated[int, Form()] = 0) -> Response:
    """Puts the report back into the queue."""
    try:
        with visit.transaction() as conn:
            desk.release(conn, visit.actor, report_id=report_id, now=visit.now)
    except Conflict as error:
        return _page(visit, report_id, position, problem=visit.say(error), status=409)
    return visit.redirect("/queue", done="passed-on")


@router.post("/reports/{report_id}/assess/{position}", dependencies=[needs(Permission.REPORT_WORK)])
def save(visit: Visit, report_id: int, position: int, said: WholeForm) -> Response:
    """Keeps the answers, and goes on."""
    answers = {name: value for name, value in said.items() if isinstance(value, str)}
    percent = visit.settings.assessment_check_percent
    crops = visit.site.crops
    try:
        parts = (
            {}
            if crops is None
            else crops.parts(visit.actor, report_id=report_id, position=position, answers=answers, now=visit.now)
        )
        with visit.transaction() as conn:
            state = assessing.save(
                conn, visit.actor, keys=visit.keys, report_id=report_id, position=position, answers=answers,
                golden_percent=percent, parts=parts, now=visit.now,
            )  # fmt: skip
            following = sheets.first_to_do(
                conn, visit.actor, keys=visit.keys, report_id=report_id, golden_percent=percent, after=position
            )
    except InvalidInput as error:
        return _page(visit, report_id, position, problems={error.field: visit.say(error)}, answers=answers, status=422)
    except Conflict as error:
        return _page(visit, report_id, position, problem=visit.say(error), answers=answers, status=409)
    if state is FileState.THIRD or following is None:
        # Both answers side by side; or there is nothing more to do here.
        return visit.redirect(_address(report_id, position), done=_done(state))
    return visit.redirect(_address(report_id, following), done=_done(state))


# --- looking ---


@router.post("/reports/{report_id}/assess/{position}/look", dependencies=[needs(Permission.REPORT_WORK)])
def look(visit: Visit, report_id: int, position: int, said: WholeForm) -> Response:
    """Shows what was asked for, and no more: the picture alone to the page's script, else a page with it."""
    alone = visit.request.headers.get("accept", "") == _IMAGE
    try:
        asked = _asked(report_id, position, said)
        if asked.neighbour_id is None or alone:
            shown = [_viewer(visit).look(visit.actor, asked, now=visit.now)]
        else:
            # Side by side: both, equally blurred and as large.
            own = Asked(report_id=report_id, position=position, wanted=asked.wanted)
            shown = [_viewer(visit).look(visit.actor, one, now=visit.now) for one in (own, asked)]
    except (CallerMistake, Unavailable) as error:
        return _not_shown(visit, report_id, position, error, said, alone=alone)
    if alone:
        headers = {"X-Look": str(shown[0].look_id), "X-Seconds": str(shown[0].seconds), "Cache-Control": "no-store"}
        return Response(shown[0].png, media_type=_IMAGE, headers=headers)
    answer = _page(visit, report_id, position, shown=shown, wanted=asked.wanted)
    # Without script, the browser itself covers it: it goes back to the page without the picture.
    answer.headers["Refresh"] = f"{shown[0].seconds}; url={_address(report_id, position)}"
    return answer


@router.post("/looks/{look_id}/cover", dependencies=[needs(Permission.REPORT_WORK)])
def cover(visit: Visit, look_id: int, back: Annotated[str, Form()] = "") -> Response:
    """A look is over."""
    with visit.transaction() as conn:
        looking.cover(conn, visit.actor, look_id=look_id, now=visit.now)
    return visit.redirect(local_path(back)) if back else Response(status_code=204)


@router.post("/looks/{look_id}/more", dependencies=[needs(Permission.REPORT_WORK)])
def more(visit: Visit, look_id: int) -> Response:
    """Ten seconds more; answers how many are left."""
    with visit.transaction() as conn:
        until_at = looking.more(conn, visit.actor, look_id=look_id, now=visit.now)
    return PlainTextResponse(str(max(0, round((until_at - visit.now).total_seconds()))))


@router.post("/reports/{report_id}/assess/{position}/same", dependencies=[needs(Permission.REPORT_WORK)])
def judge(
    visit: Visit,
    report_id: int,
    position: int,
    neighbour: Annotated[int, Form()],
    same: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Says whether two pictures are the same, or takes that back."""
    try:
        if same not in {"yes", "no", "undo"}:
            raise InvalidInput(field="same", problem=marked("must be one of those that are offered"))
        with visit.transaction() as conn:
            likeness.judge(
                conn, visit.actor, keys=visit.keys, report_id=report_id, position=position, other_id=neighbour,
                same=None if same == "undo" else same == "yes", now=visit.now,
            )  # fmt: skip
    except (InvalidInput, Conflict) as error:
        status = 422 if isinstance(error, InvalidInput) else 409
        return _page(visit, report_id, position, problem=visit.say(error), status=status)
    return visit.redirect(_address(report_id, position), done="same-kept")


def _viewer(visit: OneVisit) -> looking.Viewer:
    if visit.site.viewer is None:
        raise Conflict(problem=marked("this process shows no pictures"))
    return visit.site.viewer


def _asked(report_id: int, position: int, said: FormData) -> Asked:
    """What a form asks to see. Raises InvalidInput."""
    words = {name: value for name, value in said.items() if isinstance(value, str)}
    step, _, part = words.get("step", "").partition("-")
    size, reason = words.get("size", "S"), words.get("known_reason", "")
    wrong = marked("must be one of those that are offered")
    if step not in set(LookStep) or size not in set(Size):
        raise InvalidInput(field="step", problem=wrong)
    if reason and reason not in {one.value for one in KNOWN_REASONS}:
        raise InvalidInput(field="known_reason", problem=wrong)
    wanted = Wanted(
        step=LookStep(step),
        part=_number(part, "part") if part else 0,
        blur=_number(words.get("blur", "3"), "blur"),
        grey="grey" in words,
        size=Size(size),
    )
    return Asked(
        report_id=report_id,
        position=position,
        wanted=wanted,
        neighbour_id=_number(words["neighbour"], "neighbour") if words.get("neighbour") else None,
        known_reason=OpenReason(reason) if reason else None,
        why=words.get("why", ""),
    )


def _number(text: str, field: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise InvalidInput(field=field, problem=marked("must be one of those that are offered"))
    return int(text)


def _not_shown(visit: OneVisit, report_id: int, position: int, error: AppError, said: FormData, *, alone: bool) -> Response:
    status = 422 if isinstance(error, InvalidInput) else 409
    if not isinstance(error, InvalidInput | Conflict | Unavailable):
        raise error
    if alone:
        return PlainTextResponse(visit.say(error), status_code=status, headers={"Cache-Control": "no-store"})
    answers = {name: value for name, value in said.items() if isinstance(value, str)}
    problems = {error.field: visit.say(error)} if isinstance(error, InvalidInput) else {}
    return _page(visit, report_id, position, problem=visit.say(error), problems=problems, answers=answers, status=status)


def _page(
    visit: OneVisit,
    report_id: int,
    position: int,
    *,
    shown: list[Shown] | None = None,
    wanted: Wanted | None = None,
    problem: str | None = None,
    problems: dict[str, str] | None = None,
    answers: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    settings = visit.settings
    with visit.transaction() as conn:
        sheet = sheets.open_sheet(
            conn, visit.actor, keys=visit.keys, report_id=report_id, position=position,
            budget_minutes=settings.sharp_minutes_a_day, golden_percent=settings.assessment_check_percent, now=visit.now,
        )  # fmt: skip
    choice = sheet.choice
    return visit.page(
        "assess/item.html",
        status=status,
        sheet=sheet,
        neighbour=next((one for one in sheet.neighbours if one.same is None and one.has_medium), None),
        wanted=wanted or Wanted(step=LookStep.BLURRED, blur=choice.blur, size=choice.size),
        shown=[(one.look_id, base64.b64encode(one.png).decode()) for one in shown or ()],
        problem=problem,
        problems=problems or {},
        answers=answers or {},
        asks=isinstance(sheet.stage, Stage),
        own_id=UUID(visit.actor.id),
        may_refer=_may_refer(visit),
        now=visit.now,
        **_WORDS,
        **WORDS,
    )


def _may_refer(visit: OneVisit) -> bool:
    return Permission.REPORT_REFER in visit.actor.permissions


def _address(report_id: int, position: int) -> str:
    return f"/reports/{report_id}/assess/{position}"


def _done(state: FileState) -> str:
    return {FileState.SECOND: "answer-second", FileState.THIRD: "answer-third"}.get(state, "answer-stands")


# --- who comes second ---


@router.get("/assess/second", dependencies=[needs(Permission.REPORT_WORK)])
def list_second(visit: Visit) -> Response:
    """What waits for a second or third person."""
    with visit.transaction() as conn:
        waiting = assessing.list_waiting(conn, visit.actor)
    return visit.page("assess/second.html", waiting=waiting, **_WORDS)
