"""Who may follow which of our lists, and what they read of the stream."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound, SignatureRefused
from vangnet.identity.model import PartyState
from vangnet.identity.model.parties import require_known
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties
from vangnet.keys import Keys
from vangnet.registry.model.requests import SignedRequest
from vangnet.registry.model.subscriptions import Share
from vangnet.registry.service import feed
from vangnet.registry.store import lists as list_store
from vangnet.registry.store import subscriptions as store


def share(conn: Connection, actor: Actor, *, list_id: UUID, party_id: UUID, now: datetime) -> Share:
    """Lets a party follow a list of ours; its installation hears of that at once.

    Raises PermissionDenied, NotFound, Conflict where the party is not known or has no installation, where the list is one
    that we follow ourselves, or where it is shared already.
    """
    actor.require(Permission.REGISTRY_SHARE)
    listed = list_store.get_list_for_update(conn, list_id)
    if listed.followed:
        raise Conflict(problem="the list is another installation's, which decides itself who may follow it")
    party = parties.party(conn, party_id)
    require_known(party)
    if party.public_key is None:
        raise Conflict(problem="the party has no installation that could follow a list")
    given = Share(list_id=list_id, party_id=party_id, given_by=actor.label, given_at=now)
    store.add_share(conn, given)
    feed.nudge(conn)
    audit.record(
        conn, actor, action=Permission.REGISTRY_SHARE, record="list", record_id=list_id, now=now,
        party_id=str(party_id), shared=True,
    )  # fmt: skip
    return given


def unshare(conn: Connection, actor: Actor, *, list_id: UUID, party_id: UUID, now: datetime) -> None:
    """Ends that; the party's installation suspends the list as soon as it hears of it.

    Raises PermissionDenied, NotFound.
    """
    actor.require(Permission.REGISTRY_SHARE)
    by = actor.label
    if not store.update_share_withdrawn(conn, list_id=list_id, party_id=party_id, by=by, at=now):
        raise NotFound(record="share of a list", key=str(list_id))
    feed.nudge(conn)
    audit.record(
        conn, actor, action=Permission.REGISTRY_SHARE, record="list", record_id=list_id, now=now,
        party_id=str(party_id), shared=False,
    )  # fmt: skip


def list_shares(
    conn: Connection, actor: Actor, *, list_id: UUID | None = None, party_id: UUID | None = None
) -> list[Share]:
    """Who may follow what now, the oldest first. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_shares(conn, list_id=list_id, party_id=party_id)


def read_page(
    conn: Connection,
    keys: Keys,
    *,
    signed: SignedRequest,
    after: int,
    until: int | None,
    shown: Collection[UUID],
    known: Collection[UUID],
    now: datetime,
) -> tuple[bytes, bool]:
    """The page for a subscriber whose signature was verified, and whether it must be told now rather than when more came.

    It shows those of `shown` that are shared. It is due, too, where other lists are shared than it has `known`. Raises
    SignatureRefused where the key is that of no party that we know.
    """
    party = parties.find_party_by_public_key(conn, signed.key)
    if party is None or party.state is not PartyState.KNOWN:
        raise SignatureRefused(problem="its key is that of no party that is known here")
    shared = {given.list_id for given in store.list_shares(conn, party_id=party.id)}
    page, due = feed.read_page(
        conn,
        keys,
        subscriber=signed.key,
        nonce=signed.nonce,
        after=after,
        until=until,
        shared=shared,
        shown=shared & set(shown),
        now=now,
    )
    return page, due or shared != set(known)
