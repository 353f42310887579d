"""Triage: what is missed below the line, by which policy reports are ordered, and changing it with a preview.

A draft is sent to and fro as a document, and kept nowhere: what was not confirmed was not chosen.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from starlette.datastructures import FormData
from starlette.responses import Response

from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.permissions import Permission
from vangnet.reports.model.drafts import Sign
from vangnet.reports.model.triage_policy import AGAINST, STARTING, Equals, as_document, read_document
from vangnet.reports.rules.desk.missed import MissedShare
from vangnet.reports.service.desk import ordering, sampling
from vangnet.reports.service.triage import policies
from vangnet.reports.service.triage.policies import TriedOut
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.ui.forms import WholeForm, number, sent_draft
from vangnet.web.ui.queue import names_of
from vangnet.web.ui.report_words import EQUALS_NAMES, WORDS
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {"triage-chosen": marked("The policy is chosen. A job now puts every report where it belongs by it.")}
#: The plain numbers of a policy, as a form asks for them; in this order.
NUMBER_LABELS = {
    "unseen": marked("Points for files not seen before"),
    "same_subject": marked("Points for the first other report of the same subject, and each time that they double"),
    "same_subject_most": marked("Points for the same subject, at most"),
    "evidence": marked("Points for evidence that is soon gone"),
    "evidence_days": marked("Days before it is gone that count as soon"),
    "further_signs_percent": marked("Percent for which each sign after the strongest counts"),
    "danger_points": marked("Points of what is said with which a report calls a person"),
    "danger_minutes": marked("Minutes within which somebody has to have taken it"),
    "escalate_minutes": marked("Minutes after which the next one is called"),
    "in_time_hours": marked("Hours within which a report is opened in time"),
    "last_hours": marked("Hours before that time is over that are its last"),
    "last_hours_percent": marked("Percent of what is opened that goes to reports in their last hours"),
    "backlog_days": marked("Days: that share is given while nothing has waited for longer"),
    "oldest_percent": marked("Percent of what is opened that goes to those who wait longest"),
    "drawn_permille": marked("Of a thousand reports below the line, how many are drawn at random"),
}
#: The tables of points, in the order of the form, and what their rows are called.
_TABLES = {
    "incidents": (marked("What the report is about"), WORDS["incident_names"]),
    "against": (marked("What speaks against haste (taken away)"), WORDS["sign_names"]),
    "trust": (marked("How far somebody's word counts, in percent"), WORDS["sayer_names"]),
    "classifications": (marked("What one of its items was classified as"), WORDS["classification_names"]),
    "ages": (marked("The age class of the youngest child"), WORDS["age_names"]),
    "parts": (marked("What work can begin with"), WORDS["part_names"]),
}
_STARTING = "starting"
_SIGNS = [sign for sign in Sign if sign not in AGAINST]


@router.get("/triage", dependencies=[needs(Permission.REPORT_READ)])
def show_triage(visit: Visit) -> Response:
    """What is missed, the policy that holds, and every one of before."""
    with visit.transaction() as conn:
        missed = sampling.missed(conn, visit.actor, now=visit.now)
        line = ordering.line(conn, visit.actor, now=visit.now)
        chosen = policies.show(conn, visit.actor)
        versions = policies.versions(conn, visit.actor)
        names = names_of(conn, visit)
    share = missed.share if isinstance(missed.share, MissedShare) else None
    return visit.page(
        "reports/triage.html",
        missed=missed,
        share=share,
        below=None if share is None or line is None else share.of(line.line.below),
        line=line,
        days=sampling.DAYS,
        chosen=chosen,
        document=as_document(chosen.policy),
        versions=versions,
        actors={f"person:{person_id}": name for person_id, name in names.items()},
        may_lead=Permission.REPORT_LEAD in visit.actor.permissions,
        may_work=Permission.REPORT_WORK in visit.actor.permissions,
        **_words(),
    )


@router.get("/triage/policy/change", dependencies=[needs(Permission.REPORT_LEAD)])
def show_change(visit: Visit, begin: Annotated[str, Query(alias="from", max_length=10)] = "") -> Response:
    """The form, filled with what holds, or with an earlier policy or the one that Vangnet comes with."""
    with visit.transaction() as conn:
        chosen = policies.show(conn, visit.actor)
        draft = chosen.policy
        if begin == _STARTING:
            draft = STARTING
        elif begin:
            draft = next((one.policy for one in policies.versions(conn, visit.actor) if str(one.version) == begin), draft)
    return _change_page(visit, as_document(draft), instead_of=chosen.version)


@router.post("/triage/policy/preview", dependencies=[needs(Permission.REPORT_LEAD)])
def show_preview(visit: Visit, form: WholeForm) -> Response:
    """What a draft would move. Chooses nothing."""
    document, instead_of = _document(form), number(form.get("instead_of"))
    try:
        with visit.transaction() as conn:
            found = policies.try_out(conn, visit.actor, document=document, now=visit.now)
    except InvalidInput as error:
        return _change_page(visit, document, instead_of=instead_of, problem=error)
    return _change_page(visit, document, instead_of=instead_of, tried=found)


@router.post("/triage/policy", dependencies=[needs(Permission.REPORT_LEAD)])
def choose_policy(
    visit: Visit,
    document: Annotated[str, Form(max_length=100_000)] = "",
    instead_of: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Chooses a draft whose preview was seen."""
    draft, looked_at = as_document(read_document(sent_draft(document))), number(instead_of)
    try:
        with visit.transaction() as conn:
            policies.choose(conn, visit.actor, document=draft, instead_of=looked_at, now=visit.now)
    except Conflict as error:
        return _change_page(visit, draft, instead_of=looked_at, problem=error)
    return visit.redirect("/triage", done="triage-chosen")


def _change_page(
    visit: OneVisit,
    document: Mapping[str, Any],
    *,
    instead_of: int,
    tried: TriedOut | None = None,
    problem: InvalidInput | Conflict | None = None,
) -> Response:
    with visit.transaction() as conn:
        chosen = policies.show(conn, visit.actor)
    moved_on = chosen.version != instead_of
    wrong = isinstance(problem, InvalidInput)
    return visit.page(
        "reports/triage_change.html",
        status=422 if wrong else 409 if moved_on or problem is not None else 200,
        document=document,
        text=json.dumps(document),
        instead_of=instead_of,
        moved_on=moved_on,
        tried=tried,
        same=tried is not None and as_document(read_document(document)) == as_document(chosen.policy),
        problem=None if problem is None else visit.say(problem),
        wrong_field=problem.field if isinstance(problem, InvalidInput) else None,
        **_words(),
    )


def _words() -> dict[str, Any]:
    return {
        "number_labels": NUMBER_LABELS,
        "tables": _TABLES,
        "signs": _SIGNS,
        "equals": list(Equals),
        "equals_names": EQUALS_NAMES,
        **WORDS,
    }


# --- a draft ---


def _document(form: FormData) -> dict[str, Any]:
    """The document that a form says; whether it is a policy is judged by whoever reads it."""
    standing = as_document(STARTING)
    document: dict[str, Any] = {name: number(form.get(name)) for name in standing if isinstance(standing[name], int)}
    for table in _TABLES:
        document[table] = {code: number(form.get(f"{table}.{code}")) for code in standing[table]}
    document["signs"] = {
        sign.value: {part: number(form.get(f"signs.{sign}.{part}")) for part in ("evidence", "consequence")}
        for sign in _SIGNS
    }
    document["danger"] = sorted(str(one) for one in form.getlist("danger"))
    document["deadline_hours"] = {
        sign.value: number(hours) for sign in _SIGNS if (hours := form.get(f"deadline_hours.{sign}")) not in {None, ""}
    }
    document["among_equals"] = form.get("among_equals")
    return document
