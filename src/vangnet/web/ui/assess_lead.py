"""How well people agree, which list takes what, and what is asked: for whoever leads. It names nobody."""

import json
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.responses import Response

from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.permissions import Permission
from vangnet.reports.rules.assessment.agreement import PAIRS_MIN
from vangnet.reports.rules.assessment.answers import LISTED, AssessedClass, as_document
from vangnet.reports.rules.assessment.exposure import PEOPLE_MIN
from vangnet.reports.service.assessment import assessing, exposure, proposing
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.ui.assess import CLASS_NAMES
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "listing-chosen": marked("What two people agree on goes to that list from now on."),
    "questions-chosen": marked("These are the questions from now on. Answers that were given stay as they are."),
}
_WRONG = marked("must be one of those that are offered")


@router.get("/assess/agreement", dependencies=[needs(Permission.REPORT_LEAD)])
def show_agreement(visit: Visit) -> Response:
    """How often two people agree who do not know of each other, and what everybody together was shown."""
    return _page(visit)


@router.post("/assess/lists", dependencies=[needs(Permission.REPORT_LEAD)])
def choose_list(
    visit: Visit,
    assessed: Annotated[str, Form(max_length=40)] = "",
    list_id: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Says which of our own lists takes a class."""
    try:
        if assessed not in {one.value for one in LISTED}:
            raise InvalidInput(field="assessed", problem=_WRONG)
        chosen = _id(list_id)
        with visit.transaction() as conn:
            proposing.choose_list(conn, visit.actor, assessed=AssessedClass(assessed), list_id=chosen, now=visit.now)
    except (InvalidInput, Conflict) as error:
        return _page(visit, problem=visit.say(error), status=422)
    return visit.redirect("/assess/agreement", done="listing-chosen")


@router.post("/assess/questions", dependencies=[needs(Permission.REPORT_LEAD)])
def choose_questions(visit: Visit, document: Annotated[str, Form(max_length=40_000)] = "") -> Response:
    """Asks other questions from now on."""
    try:
        with visit.transaction() as conn:
            assessing.choose_questions(conn, visit.actor, document=_json(document), now=visit.now)
    except InvalidInput as error:
        return _page(visit, questions_problem=visit.say(error), given=document, status=422)
    return visit.redirect("/assess/agreement", done="questions-chosen")


def _page(
    visit: OneVisit,
    *,
    problem: str | None = None,
    questions_problem: str | None = None,
    given: str | None = None,
    status: int = 200,
) -> Response:
    with visit.transaction() as conn:
        found = assessing.agreement_now(conn, visit.actor, now=visit.now)
        checks = assessing.checks_now(conn, visit.actor, now=visit.now)
        weeks = exposure.sums(conn, visit.actor, now=visit.now)
        choices = proposing.list_choices(conn, visit.actor, now=visit.now)
        version, questions = assessing.questions_now(conn)
    document = json.dumps(as_document(questions), ensure_ascii=False, indent=1)
    return visit.page(
        "assess/agreement.html",
        status=status,
        found=found,
        checks=checks,
        weeks=weeks,
        listings=choices,
        version=version,
        document=given if given is not None else document,
        class_names=CLASS_NAMES,
        pairs_min=PAIRS_MIN,
        people_min=PEOPLE_MIN,
        problem=problem,
        questions_problem=questions_problem,
    )


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(field="questions", problem=marked("must be JSON")) from error


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidInput(field="list_id", problem=_WRONG) from error
