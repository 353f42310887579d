"""Choosing how long what is kept, seeing what is due, and erasing it through the vault."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.identity.permissions import Permission
from vangnet.identity.service import installation
from vangnet.reports.service import erasing as erasing_reports
from vangnet.retention import store
from vangnet.retention.model import (
    WAITS,
    ChosenTerms,
    Kind,
    Standing,
    State,
    Terms,
    ended_since,
    in_force,
    standing,
)
from vangnet.retention.terms import STARTING, as_document, read_document
from vangnet.vault.model import Basis, EraseReason, Keeping, MediumState
from vangnet.vault.service import erasing, keeping, looking

#: Keepings of one step: a transaction.
STEP = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTerms:
    """What counts now, and what will."""

    in_force: ChosenTerms | None
    #: Chosen, but not for long enough to count; the newest.
    waiting: ChosenTerms | None
    #: When that counts, if nobody chooses others.
    counts_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What terms do to what rests on one basis now."""

    basis: Basis
    #: Everything that rests on it.
    kept: int
    #: How much of it has come to the end of its term, by the terms in force and by others.
    ended: int
    would_have_ended: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DueKeeping:
    """A reason to keep a medium that has come to its end, or that nobody gave an end."""

    keeping: Keeping
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step did."""

    #: Media that rest on another basis now.
    moved: int
    #: Records that need their medium no more.
    ended: int
    #: Media that were erased: `VaultFiles.remove` each after the commit, or leave that to `erasing.sweep`.
    erased: tuple[UUID, ...]
    #: Whether there may be more to do.
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportStep:
    """What one step did to what reports say."""

    #: Reports that rest on another basis now.
    moved: int
    #: Reports of which nothing is left but the figures.
    erased: int

    @property
    def more(self) -> bool:
        """Whether there may be more to do."""
        return self.moved + self.erased > 0


# --- terms ---


def show(conn: Connection, actor: Actor, *, now: datetime) -> ShownTerms:
    """What counts, and what is about to. Raises PermissionDenied."""
    actor.require(Permission.RETENTION_READ)
    chosen = list(_chosen(conn))
    counting = in_force(chosen, now)
    newest = chosen[0] if chosen else None
    waiting = None if newest == counting else newest
    return ShownTerms(in_force=counting, waiting=waiting, counts_at=None if waiting is None else waiting.chosen_at + WAITS)


def starting(conn: Connection, actor: Actor) -> Terms:
    """The set to start from for this kind of installation. Raises PermissionDenied, NotFound where there is none."""
    actor.require(Permission.RETENTION_READ)
    kind = installation.get_installation(conn).kind
    if kind not in STARTING:
        raise NotFound(record="set of terms for the kind", key=kind)
    return STARTING[kind]


def try_out(conn: Connection, actor: Actor, *, document: object, now: datetime) -> list[Effect]:
    """What other terms would do to the media there are now. Changes nothing. Raises PermissionDenied, InvalidInput."""
    actor.require(Permission.RETENTION_READ)
    draft = read_document(document)
    counting = in_force(_chosen(conn), now)
    before: Terms = {} if counting is None else counting.terms
    return [
        Effect(
            basis=basis,
            kept=looking.count_keepings(conn, actor, basis=basis, until=now),
            ended=_ended(conn, actor, before, basis, now=now),
            would_have_ended=_ended(conn, actor, draft, basis, now=now),
        )
        for basis in Basis
    ]


def choose(conn: Connection, actor: Actor, *, document: object, now: datetime) -> ChosenTerms:
    """Chooses terms, which count after they waited. Raises PermissionDenied, InvalidInput."""
    actor.require(Permission.RETENTION_CHOOSE)
    terms = read_document(document)
    chosen_by = actor.label
    version = store.add_terms(conn, as_document(terms), chosen_by=chosen_by, now=now)
    audit.record(
        conn, actor, action=Permission.RETENTION_CHOOSE, record="retention_terms", record_id=version, now=now,
        counts_at=(now + WAITS).isoformat(),
    )  # fmt: skip
    return ChosenTerms(version=version, terms=terms, chosen_by=chosen_by, chosen_at=now)


# --- what is due ---


def list_due(conn: Connection, actor: Actor, *, now: datetime, limit: int = 100) -> list[DueKeeping]:
    """What has come to the end of its term, held media included, and what has no term. Of each basis, the oldest first.

    Raises PermissionDenied.
    """
    actor.require(Permission.RETENTION_READ)
    counting = in_force(_chosen(conn), now)
    terms: Terms = {} if counting is None else counting.terms
    found = []
    for basis in Basis:
        no_term = basis not in terms.get(Kind.MEDIUM, {})
        until = now if no_term else ended_since(terms, Kind.MEDIUM, basis, now=now)
        if until is None:
            continue
        for held in (False, True):
            for one in looking.list_keepings_since(conn, actor, basis=basis, until=until, held=held, limit=limit):
                how = standing(terms, Kind.MEDIUM, basis, since=one.since, held=held, now=now)
                found.append(DueKeeping(keeping=one, standing=how))
    return found[:limit]


def erase_due(conn: Connection, actor: Actor, *, now: datetime) -> Step:
    """One step: ends what has come to its end by the terms in force. Without any, it does nothing.

    The vault leaves an event for each medium. It needs the vault's permissions to erase, to read and to put (which says why
    a medium is kept). Raises PermissionDenied.
    """
    actor.require(Permission.VAULT_ERASE)
    erasing.take_turn(conn, actor)
    counting = in_force(_chosen(conn), now)
    terms: Terms = {} if counting is None else counting.terms
    moved, ended, erased, left = 0, 0, [], STEP
    for basis in Basis:
        until = ended_since(terms, Kind.MEDIUM, basis, now=now)
        if until is None or left <= 0:
            continue
        due = looking.list_keepings_since(conn, actor, basis=basis, until=until, limit=left)
        left -= len(due)
        for one in due:
            how = standing(terms, Kind.MEDIUM, one.basis, since=one.since, held=False, now=now)
            # Somebody may hold it, or have ended it, at this very moment: then it is theirs.
            with contextlib.suppress(Conflict):
                if how.state is State.MOVES and how.then is not None:
                    # Its next term runs from when this one ended, not from when somebody got round to it.
                    keeping.move_on(conn, actor, keeping_id=one.id, basis=how.then, since=how.ends_at or now, now=now)
                    moved += 1
                elif how.state is State.DUE:
                    medium = erasing.end_keeping(conn, actor, keeping_id=one.id, reason=EraseReason.TERM_ENDED, now=now)
                    ended += 1
                    if medium.state is MediumState.ERASED:
                        erased.append(medium.id)
    # A step that did nothing is the last: whatever is in its way is somebody else's now.
    return Step(moved=moved, ended=ended, erased=tuple(erased), more=left <= 0 and moved + ended > 0)


def erase_reports_due(conn: Connection, actor: Actor, *, now: datetime) -> ReportStep:
    """One step for what reports say about people, in the same way. It needs `report:erase` and `report:read`."""
    actor.require(Permission.REPORT_ERASE)
    counting = in_force(_chosen(conn), now)
    terms: Terms = {} if counting is None else counting.terms
    moved = erased = 0
    for basis in Basis:
        until = ended_since(terms, Kind.REPORT, basis, now=now)
        if until is None:
            continue
        for report_id, since in erasing_reports.list_resting(conn, actor, basis=basis, until=until, limit=STEP):
            how = standing(terms, Kind.REPORT, basis, since=since, held=False, now=now)
            if how.state is State.MOVES and how.then is not None:
                erasing_reports.move_on(conn, actor, report_id=report_id, basis=how.then, since=how.ends_at or now, now=now)
                moved += 1
            elif how.state is State.DUE:
                erasing_reports.erase(conn, actor, report_id=report_id, now=now)
                erased += 1
    return ReportStep(moved=moved, erased=erased)


def _ended(conn: Connection, actor: Actor, terms: Terms, basis: Basis, *, now: datetime) -> int:
    until = ended_since(terms, Kind.MEDIUM, basis, now=now)
    return 0 if until is None else looking.count_keepings(conn, actor, basis=basis, until=until)


def _chosen(conn: Connection) -> Iterator[ChosenTerms]:
    for version, document, chosen_by, chosen_at in store.list_terms(conn):
        yield ChosenTerms(version=version, terms=read_document(document), chosen_by=chosen_by, chosen_at=chosen_at)
