"""Hash lists: whether each can be trusted and counts, what its categories mean, and what safeguards stopped."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.responses import Response

from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput
from vangnet.hashing.index import RADIUS_MAX
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties
from vangnet.registry.model.classification import Classification, proposed
from vangnet.registry.model.effects import Effect
from vangnet.registry.model.entries import EntryState
from vangnet.registry.model.lists import Choice, ListState
from vangnet.registry.model.matches import Against, BatchState
from vangnet.registry.service import categories, choices, disputes, entries, imports, known_good, lists, matches
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.visit import OneVisit, Visit

router = APIRouter()

DONE = {
    "list-added": marked("The list is there, in quarantine. It counts once two people activate it."),
    "list-on-trial": marked("The list is on trial: it matches and is counted, and decides nothing."),
    "list-approved": marked("You agreed. The list decides as soon as a second person agrees too."),
    "list-active": marked("The list decides now: two people agreed."),
    "list-suspended": marked(
        "The list is suspended. It stops counting within a second, here and at everybody who follows it."
    ),
    "list-chosen": marked("That counts here from now on, within a second."),
    "category-mapped": marked("The category means that from now on, for every entry in it."),
}
LIST_STATES = {
    ListState.QUARANTINED: ("warn", marked("in quarantine")),
    ListState.TRIAL: ("warn", marked("on trial")),
    ListState.ACTIVE: ("ok", marked("active")),
    ListState.SUSPENDED: ("danger", marked("suspended")),
}
ENTRY_STATES = {
    EntryState.PROPOSED: ("warn", marked("proposed")),
    EntryState.ACTIVE: ("ok", marked("active")),
    EntryState.DISPUTED: ("warn", marked("disputed")),
    EntryState.SUSPENDED: ("danger", marked("stopped")),
    EntryState.WITHDRAWN: ("muted", marked("withdrawn")),
}
CLASSIFICATIONS = {
    Classification.BASELINE: marked("baseline: illegal everywhere"),
    Classification.NATIONAL: marked("national: illegal here"),
    Classification.INVESTIGATIVE: marked("investigative: belongs to a case"),
    Classification.OTHER: marked("other"),
}
AGAINST = {
    Against.KNOWN_GOOD: marked("near a harmless picture that is found everywhere"),
    Against.FLOOD: marked("suddenly matched far more than such entries do"),
}
BATCH_STATES = {
    BatchState.RUNNING: marked("being read"),
    BatchState.DONE: marked("read to its end"),
    BatchState.ABANDONED: marked("not read on"),
}
EFFECTS = {
    Effect.DECIDES: marked("may block what matches"),
    Effect.HOLDS: marked("holds what matches"),
    Effect.COUNTS: marked("is counted only"),
    Effect.NOTHING: marked("nothing"),
}
#: What every template of the registry needs to say states in words.
WORDS: dict[str, Any] = {
    "list_states": LIST_STATES,
    "entry_state": EntryState,
    "entry_states": ENTRY_STATES,
    "classifications": CLASSIFICATIONS,
    "against": AGAINST,
    "batch_states": BATCH_STATES,
    "effects": EFFECTS,
}
_DAYS = 90
_SHOWN = 50

_Text = Annotated[str, Form(max_length=4000)]


@router.get("/lists", dependencies=[needs(Permission.REGISTRY_READ)])
def list_lists(visit: Visit) -> Response:
    """Every list with its state, and what became of each supplier's entries."""
    with visit.transaction() as conn:
        overviews = lists.overviews(conn, visit.actor, now=visit.now)
        open_disputes = disputes.list_disputes(conn, visit.actor, limit=500)
        records = disputes.supplier_records(conn, visit.actor)
        untold = matches.count_untold(conn, visit.actor)
        good_sets = known_good.list_sets(conn, visit.actor)
        names = _party_names(conn, visit)
    return visit.page(
        "registry/lists.html",
        overviews=overviews,
        good_sets=good_sets,
        disputes_of={one.list.id: sum(d.list_id == one.list.id for d in open_disputes) for one in overviews},
        open_disputes=len(open_disputes),
        late=sum(found.is_late(visit.now) for found in open_disputes),
        records=records,
        untold=untold,
        parties=names,
        may_create=Permission.REGISTRY_CREATE in visit.actor.permissions,
        may_look_up=Permission.REGISTRY_LOOK_UP in visit.actor.permissions,
        **WORDS,
    )


@router.get("/lists/add", dependencies=[needs(Permission.REGISTRY_CREATE)])
def show_add(visit: Visit) -> Response:
    """The form for a new list."""
    return visit.page("registry/add.html", given="", problem=None)


@router.post("/lists/add", dependencies=[needs(Permission.REGISTRY_CREATE)])
def add_list(visit: Visit, name: _Text = "") -> Response:
    """Makes a list; it begins in quarantine."""
    try:
        with visit.transaction() as conn:
            added = lists.create(conn, visit.actor, keys=visit.keys, name=name, now=visit.now)
    except (InvalidInput, Conflict) as error:
        return visit.page("registry/add.html", status=422, given=name, problem=visit.say(error))
    return visit.redirect(f"/lists/{added.id}", done="list-added")


@router.get("/lists/{list_id}", dependencies=[needs(Permission.REGISTRY_READ)])
def show_list(visit: Visit, list_id: UUID) -> Response:
    """One list: whether it counts and why not, its categories, what was stopped, what was read in."""
    return _list_page(visit, list_id)


@router.post("/lists/{list_id}/trial", dependencies=[needs(Permission.REGISTRY_ACTIVATE)])
def start_trial(visit: Visit, list_id: UUID) -> Response:
    """Lets a list match and be counted, and decide nothing."""
    try:
        with visit.transaction() as conn:
            lists.start_trial(conn, visit.actor, keys=visit.keys, list_id=list_id, now=visit.now)
    except Conflict as error:
        return _list_page(visit, list_id, problem=visit.say(error))
    return visit.redirect(f"/lists/{list_id}", done="list-on-trial")


@router.post("/lists/{list_id}/activate", dependencies=[needs(Permission.REGISTRY_ACTIVATE)])
def approve_activation(visit: Visit, list_id: UUID) -> Response:
    """One of two people's word that a list is to decide."""
    try:
        with visit.transaction() as conn:
            found = lists.approve_activation(conn, visit.actor, keys=visit.keys, list_id=list_id, now=visit.now)
    except Conflict as error:
        return _list_page(visit, list_id, problem=visit.say(error))
    active = found.state is ListState.ACTIVE
    return visit.redirect(f"/lists/{list_id}", done="list-active" if active else "list-approved")


@router.post("/lists/{list_id}/suspend", dependencies=[needs(Permission.REGISTRY_SUSPEND)])
def suspend_list(visit: Visit, list_id: UUID, reason: _Text = "") -> Response:
    """Stops a list at once; one person is enough."""
    try:
        with visit.transaction() as conn:
            lists.suspend(conn, visit.actor, keys=visit.keys, list_id=list_id, reason=reason, now=visit.now)
    except InvalidInput as error:
        return _list_page(visit, list_id, problems={"reason": visit.say(error)}, given={"reason": reason})
    except Conflict as error:
        return _list_page(visit, list_id, problem=visit.say(error))
    return visit.redirect(f"/lists/{list_id}", done="list-suspended")


@router.post("/lists/{list_id}/choice", dependencies=[needs(Permission.REGISTRY_CHOOSE)])
def choose(
    visit: Visit, list_id: UUID, classifications: Annotated[list[str] | None, Form()] = None, radius: _Text = ""
) -> Response:
    """Says what of a list counts here, and how near a match must be. Where nothing is chosen, the list does not count."""
    try:
        chosen = {found for text in classifications or () if (found := _as_classification(text)) is not None}
        with visit.transaction() as conn:
            choices.choose(
                conn, visit.actor, list_id=list_id, enabled=bool(chosen), classifications=chosen,
                radius=_as_bits(radius), now=visit.now,
            )  # fmt: skip
    except InvalidInput as error:
        return _list_page(visit, list_id, problems={error.field: visit.say(error)}, given={"reason": "", "radius": radius})
    return visit.redirect(f"/lists/{list_id}", done="list-chosen")


@router.post("/lists/{list_id}/categories/{category_id}", dependencies=[needs(Permission.REGISTRY_MAP)])
def map_category(visit: Visit, list_id: UUID, category_id: int, classification: _Text = "") -> Response:
    """Says what a supplier's category means, or that nobody knows."""
    try:
        meant = _as_classification(classification)
        with visit.transaction() as conn:
            categories.map_category(
                conn, visit.actor, keys=visit.keys, category_id=category_id, classification=meant, now=visit.now
            )
    except (InvalidInput, Conflict) as error:
        return _list_page(visit, list_id, problem=visit.say(error))
    return visit.redirect(f"/lists/{list_id}", done="category-mapped")


def _list_page(
    visit: OneVisit,
    list_id: UUID,
    *,
    problem: str | None = None,
    problems: dict[str, str] | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    with visit.transaction() as conn:
        overview = lists.overview(conn, visit.actor, list_id, now=visit.now)
        since = (visit.now - timedelta(days=_DAYS)).date()
        days = lists.days(conn, visit.actor, list_id=list_id, since=since)
        collisions = entries.list_collisions(conn, visit.actor, list_id=list_id, limit=_SHOWN)
        batches = imports.list_batches(conn, visit.actor, list_id=list_id, limit=10)
        problems_of = {
            batch.id: imports.list_problems(conn, visit.actor, batch_id=batch.id, limit=20)
            for batch in batches
            if batch.skipped
        }
        matched = matches.most_matched(conn, visit.actor, list_id=list_id, since=visit.now - timedelta(days=7))
        open_disputes = disputes.list_disputes(conn, visit.actor, list_id=list_id, limit=_SHOWN)
        choice = choices.list_choices(conn, visit.actor).get(list_id) or Choice(list_id=list_id)
        names = _party_names(conn, visit)
    refused = problem is not None or bool(problems)
    return visit.page(
        "registry/list.html",
        status=(422 if problems else 409) if refused else 200,
        overview=overview,
        counts={
            category.id: {count.state: count.entries for count in overview.counts if count.category_id == category.id}
            for category in overview.categories
        },
        proposals={category.id: proposed(category.scheme, category.name) for category in overview.categories},
        history=_history(days),
        collisions=collisions,
        batches=batches,
        problems_of=problems_of,
        matched=matched,
        disputes=open_disputes,
        parties=names,
        problem=problem,
        problems=problems or {},
        given=given or {"reason": ""},
        choice=choice,
        agreed_by_me=f"person:{visit.person.id}" in overview.approved_by if visit.person else False,
        may={permission.name: permission in visit.actor.permissions for permission in Permission},
        **WORDS,
    )


def _history(days: Sequence[tuple[date, EntryState, int]]) -> list[dict[str, Any]]:
    """How many entries were active at the end of each day on which that changed, with a bar's height in parts of 100."""
    active = [(day, entries_) for day, state, entries_ in days if state is EntryState.ACTIVE]
    most = max((entries_ for _, entries_ in active), default=0)
    return [
        {"day": day, "entries": entries_, "height": round(100 * entries_ / most) if most else 0}
        for day, entries_ in active[-30:]
    ]


def _as_classification(text: str) -> Classification | None:
    if text == "":
        return None
    try:
        return Classification(text)
    except ValueError:
        raise InvalidInput(field="classification", problem=marked("must be one of those that are offered")) from None


def _as_bits(text: str) -> int:
    """A radius as a form has it. Raises InvalidInput."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 3):
        raise InvalidInput(field="radius", problem=f"must be 0 to {RADIUS_MAX} bits")
    return int(text)


def _party_names(conn: Connection, visit: OneVisit) -> dict[UUID, str]:
    if Permission.PARTY_READ not in visit.actor.permissions:
        return {}
    return {party.id: party.name for party in parties.list_parties(conn, visit.actor)}
