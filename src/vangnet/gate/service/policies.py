"""Choosing what follows from a check, and seeing before what that would have changed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.gate import store
from vangnet.gate.policy import STARTING, Policy, as_document, read_document
from vangnet.gate.preview import Preview, preview
from vangnet.gate.store import policies as policy_store
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties

#: How far a preview looks back.
LOOK_BACK = timedelta(days=7)
#: It judges so many kept decisions at most: the newest.
JUDGED_MAX = 20_000
_VERSIONS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenPolicy:
    """The policy that holds. Version 0 is the starting set, which nobody chose."""

    version: int
    policy: Policy
    chosen_by: str | None = None
    chosen_at: datetime | None = None


def show(conn: Connection, actor: Actor) -> ChosenPolicy:
    """What holds now. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    return current(conn)


def versions(conn: Connection, actor: Actor) -> list[ChosenPolicy]:
    """Every policy that was chosen, the newest first; of very many, the last hundred. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    return [_chosen(row) for row in policy_store.list_policies(conn, limit=_VERSIONS_MAX)]


def try_out(conn: Connection, actor: Actor, *, document: object, now: datetime) -> Preview:
    """What a policy would have changed in the last week. Changes nothing.

    Raises PermissionDenied; InvalidInput where a cell is missing or wrong; NotFound where a party to report to is none.
    """
    actor.require(Permission.GATE_READ)
    draft = _checked(conn, document)
    since = now - LOOK_BACK
    found = policy_store.decisions_since(conn, since, limit=JUDGED_MAX)
    used = policy_store.list_versions(conn, sorted({one.policy_version for one in found}))
    return preview(
        draft,
        decisions=found,
        policies={0: STARTING} | {row.version: read_document(row.document) for row in used},
        counted=policy_store.counts_without_match(conn, since),
        shadow_matches=policy_store.shadow_matches(conn, since),
        before=current(conn).policy,
    )


def choose(
    conn: Connection, actor: Actor, *, document: object, now: datetime, instead_of: int | None = None
) -> ChosenPolicy:
    """Chooses another policy; every gate follows it within two seconds.

    `instead_of`: the version that was looked at when this one was made; Conflict is raised where another one holds by now.
    Raises PermissionDenied; InvalidInput where a cell is missing or wrong; NotFound where a party to report to is none.
    """
    actor.require(Permission.GATE_CHOOSE)
    policy = _checked(conn, document)
    chosen_by = f"{actor.kind} {actor.id}"
    version = store.add_policy(conn, as_document(policy), chosen_by=chosen_by, now=now)
    if instead_of is not None and version != instead_of + 1:
        raise Conflict(problem="somebody chose another policy in the meantime: look at that one, and begin from there")
    audit.record(
        conn,
        actor,
        action=Permission.GATE_CHOOSE,
        record="gate_policy",
        record_id=version,
        now=now,
        policy=as_document(policy),
    )
    return ChosenPolicy(version=version, policy=policy, chosen_by=chosen_by, chosen_at=now)


# --- for the gate ---


def version(conn: Connection) -> int:
    """The version that holds."""
    return store.policy_version(conn)


def current(conn: Connection) -> ChosenPolicy:
    """What holds now."""
    row = store.find_policy(conn)
    return ChosenPolicy(version=0, policy=STARTING) if row is None else _chosen(row)


def _checked(conn: Connection, document: object) -> Policy:
    policy = read_document(document)
    for party_id in policy.report_to:
        parties.party(conn, party_id)
    return policy


def _chosen(row: store.PolicyRow) -> ChosenPolicy:
    return ChosenPolicy(
        version=row.version, policy=read_document(row.document), chosen_by=row.chosen_by, chosen_at=row.chosen_at
    )
