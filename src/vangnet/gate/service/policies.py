"""Choosing what follows from a check."""

from dataclasses import dataclass
from datetime import datetime

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.gate import store
from vangnet.gate.policy import STARTING, Policy, as_document, read_document
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties


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


def choose(conn: Connection, actor: Actor, *, document: object, now: datetime) -> ChosenPolicy:
    """Chooses another policy; every gate follows it within two seconds.

    Raises PermissionDenied; InvalidInput where a cell is missing or wrong; NotFound where a party to report to is none.
    """
    actor.require(Permission.GATE_CHOOSE)
    policy = read_document(document)
    for party_id in policy.report_to:
        parties.party(conn, party_id)
    chosen_by = f"{actor.kind} {actor.id}"
    version = store.add_policy(conn, as_document(policy), chosen_by=chosen_by, now=now)
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
    if row is None:
        return ChosenPolicy(version=0, policy=STARTING)
    return ChosenPolicy(
        version=row.version, policy=read_document(row.document), chosen_by=row.chosen_by, chosen_at=row.chosen_at
    )
