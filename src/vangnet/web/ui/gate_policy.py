"""The policy of the gate: what holds, a form to change it, and what the change would have come to last week.

A draft is sent to and fro as a document, and kept nowhere: what was not confirmed was not chosen.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from starlette.datastructures import FormData
from starlette.responses import Response

from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput, NotFound
from vangnet.gate.model import Decision, MatchKind
from vangnet.gate.policy import REASONS, STARTING, Policy, as_document, read_document
from vangnet.gate.preview import Preview
from vangnet.gate.service import policies
from vangnet.hashing.index import RADIUS_MAX
from vangnet.identity.model import PartyState
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties, people
from vangnet.registry.model.classification import Classification
from vangnet.registry.service import lists
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.ui.decisions import CLASSIFICATION_NAMES, DECISION_NAMES, REASON_NAMES
from vangnet.web.ui.forms import WholeForm, number, sent_draft
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {"policy-chosen": marked("The policy is chosen. Every gate follows it within two seconds.")}
KIND_NAMES = {
    MatchKind.SHA256: marked("the same file, by SHA-256"),
    MatchKind.WEAK_DIGEST: marked("MD5 or SHA-1 alone"),
    MatchKind.PERCEPTUAL: marked("looks alike"),
}
#: What a choice is called in a form: what the gate is to do.
CHOICES = {
    Decision.ALLOW: marked("allow"),
    Decision.HOLD: marked("hold"),
    Decision.BLOCK: marked("block"),
}
_DIGESTS = ("sha256", "weak_digest")
_STARTING = "starting"


@router.get("/gate/policy", dependencies=[needs(Permission.GATE_READ)])
def show_policy(visit: Visit) -> Response:
    """What holds now, and every policy of before."""
    with visit.transaction() as conn:
        chosen = policies.show(conn, visit.actor)
        versions = policies.versions(conn, visit.actor)
        words = _words(conn, visit, chosen.policy)
        names = _people(conn, visit)
    return visit.page("gate/policy.html", chosen=chosen, versions=versions, people=names, **words)


@router.get("/gate/policy/change", dependencies=[needs(Permission.GATE_CHOOSE)])
def show_change(visit: Visit, begin: Annotated[str, Query(alias="from", max_length=10)] = "") -> Response:
    """The form, filled with what holds, or with an earlier policy or the starting set."""
    with visit.transaction() as conn:
        chosen = policies.show(conn, visit.actor)
        draft = chosen.policy
        if begin == _STARTING:
            draft = STARTING
        elif begin:
            draft = next((one.policy for one in policies.versions(conn, visit.actor) if str(one.version) == begin), draft)
    return _change_page(visit, as_document(draft), instead_of=chosen.version)


@router.post("/gate/policy/preview", dependencies=[needs(Permission.GATE_CHOOSE)])
def show_preview(visit: Visit, form: WholeForm) -> Response:
    """What a draft would have changed last week. Chooses nothing."""
    document = _document(form)
    instead_of = number(form.get("instead_of"))
    try:
        with visit.transaction() as conn:
            found = policies.try_out(conn, visit.actor, document=document, now=visit.now)
    except (InvalidInput, NotFound) as error:
        return _change_page(visit, document, instead_of=instead_of, problem=visit.say(error), status=422)
    return _change_page(visit, document, instead_of=instead_of, preview=found)


@router.post("/gate/policy", dependencies=[needs(Permission.GATE_CHOOSE)])
def choose_policy(
    visit: Visit,
    document: Annotated[str, Form(max_length=100_000)] = "",
    instead_of: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Chooses a draft whose preview was seen."""
    draft = as_document(read_document(sent_draft(document)))
    looked_at = number(instead_of)
    try:
        with visit.transaction() as conn:
            policies.choose(conn, visit.actor, document=draft, instead_of=looked_at, now=visit.now)
    except Conflict as error:
        return _change_page(visit, draft, instead_of=looked_at, problem=visit.say(error), status=409)
    return visit.redirect("/gate/policy", done="policy-chosen")


def _change_page(
    visit: OneVisit,
    document: Mapping[str, Any],
    *,
    instead_of: int,
    preview: Preview | None = None,
    problem: str | None = None,
    status: int = 200,
) -> Response:
    with visit.transaction() as conn:
        chosen = policies.show(conn, visit.actor)
        draft = chosen.policy if preview is None else read_document(document)
        words = _words(conn, visit, chosen.policy, draft)
    moved_on = chosen.version != instead_of
    return visit.page(
        "gate/policy_change.html",
        status=409 if moved_on and status == 200 else status,
        chosen=chosen,
        draft=draft,
        document=document,
        text=json.dumps(document),
        instead_of=instead_of,
        moved_on=moved_on,
        preview=preview,
        same=preview is not None and as_document(draft) == as_document(chosen.policy),
        problem=problem,
        radius_max=RADIUS_MAX,
        **words,
    )


def _words(conn: Connection, visit: OneVisit, *shown: Policy) -> dict[str, Any]:
    """What the templates need to say a policy in words; of lists and parties those that there are, and those it names."""
    list_names = {one: str(one) for policy in shown for one in policy.shadow} | lists.names(conn, visit.actor)
    found = [one for one in parties.list_parties(conn, visit.actor) if one.state is PartyState.KNOWN]
    party_names = {one: str(one) for policy in shown for one in policy.report_to} | {one.id: one.name for one in found}
    return {
        "classification_names": CLASSIFICATION_NAMES,
        "decision_names": DECISION_NAMES,
        "reason_names": REASON_NAMES,
        "kind_names": KIND_NAMES,
        "choices": CHOICES,
        "reasons": REASONS,
        "list_names": list_names,
        "party_names": party_names,
        "may_choose": Permission.GATE_CHOOSE in visit.actor.permissions,
    }


def _people(conn: Connection, visit: OneVisit) -> dict[str, str]:
    """Names of those who chose a policy, for whoever may see who works here."""
    if Permission.PERSON_READ not in visit.actor.permissions:
        return {}
    return {f"person {person.id}": person.name for person in people.list_people(conn, visit.actor)}


# --- a draft ---


def _document(form: FormData) -> dict[str, Any]:
    """The document that a form says; whether it is a policy is judged by whoever reads it."""
    return {
        "matches": {one.value: _rules(form, one) for one in Classification},
        "perceptual_blocks": form.get("perceptual_blocks") == "true",
        "unhashable": {reason.value: form.get(f"unhashable.{reason}") for reason in REASONS},
        "unavailable": form.get("unavailable"),
        "shadow": _ids(form, "shadow"),
        "report_to": _ids(form, "report_to"),
        "report_on": sorted(str(one) for one in form.getlist("report_on")),
    }


def _rules(form: FormData, classification: Classification) -> dict[str, Any]:
    ends = form.getlist(f"{classification}.up_to")
    chosen = form.getlist(f"{classification}.band")
    bands = [{"up_to": number(end), "decision": decision} for end, decision in zip(ends, chosen, strict=False) if end != ""]
    return {
        **{digest: form.get(f"{classification}.{digest}") for digest in _DIGESTS},
        "perceptual": sorted(bands, key=lambda band: int(str(band["up_to"]))),
    }


def _ids(form: FormData, name: str) -> list[str]:
    return sorted({str(one) for one in form.getlist(name)})
