"""Looking after the vault: what is in it, and whether all of it is there. Nothing here shows a medium."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import MediumUnusable
from vangnet.identity.permissions import Permission
from vangnet.vault import store
from vangnet.vault.files import CHUNK_BYTES, VaultFiles
from vangnet.vault.model import Basis, Keeping, Medium, MediumState, Opening, VaultChoice, moved

#: Media of one step of a check.
CHECKED_AT_ONCE = 1_000
LIST_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many media there are of one kind."""

    state: MediumState
    held: bool
    media: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownVault:
    """How the vault is."""

    choice: VaultChoice | None
    counts: tuple[Count, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A medium whose file is not as it should be, or is so again."""

    medium_id: UUID
    #: What it is now.
    state: MediumState
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One step of a check. The next goes on `after` this id; None at the end."""

    media: int
    findings: tuple[Finding, ...]
    after: UUID | None


def show(conn: Connection, actor: Actor) -> ShownVault:
    """Whether it takes media in, and how many it has. Raises PermissionDenied."""
    actor.require(Permission.VAULT_READ)
    counts = (
        Count(state=state, held=held, media=media, size_bytes=size_bytes)
        for state, held, media, size_bytes in store.count_media(conn)
    )
    return ShownVault(choice=store.find_choice(conn), counts=tuple(counts))


def list_media(
    conn: Connection,
    actor: Actor,
    *,
    states: Collection[MediumState] = frozenset(MediumState),
    held: bool = False,
    after: UUID | None = None,
    limit: int = 100,
) -> list[Medium]:
    """Media in the order of their ids, `after` one of them. `held`: only those that somebody holds.

    Raises PermissionDenied.
    """
    actor.require(Permission.VAULT_READ)
    return store.list_media(conn, states=states, held=held, after=after, limit=min(limit, LIST_MAX))


def get_medium(conn: Connection, actor: Actor, *, medium_id: UUID) -> tuple[Medium, list[Keeping]]:
    """A medium, and why it is kept. Raises PermissionDenied, NotFound."""
    actor.require(Permission.VAULT_READ)
    return store.get_medium(conn, medium_id), store.list_keepings(conn, medium_id)


def list_keepings_since(
    conn: Connection, actor: Actor, *, basis: Basis, until: datetime, held: bool = False, limit: int = 100
) -> list[Keeping]:
    """What rests on a basis since then or earlier, the oldest first. Raises PermissionDenied."""
    actor.require(Permission.VAULT_READ)
    return store.list_keepings_since(conn, basis, until=until, held=held, limit=min(limit, LIST_MAX))


def count_keepings(conn: Connection, actor: Actor, *, basis: Basis, until: datetime) -> int:
    """How many rest on a basis since then or earlier, held ones included. Raises PermissionDenied."""
    actor.require(Permission.VAULT_READ)
    return store.count_keepings(conn, basis, until=until)


def check(
    conn: Connection, actor: Actor, *, files: VaultFiles, after: UUID | None = None, whole: bool = False, now: datetime
) -> Checked:
    """Looks whether media have their files, and marks as lost those that have not; what is there again is kept again.

    `whole` reads every byte of them; nothing of it is shown to anybody. Raises PermissionDenied.
    """
    actor.require(Permission.VAULT_CHECK)
    present = {MediumState.KEPT, MediumState.LOST}
    media = store.list_media(conn, states=present, held=False, after=after, limit=CHECKED_AT_ONCE)
    # Read first, so that nobody waits for it who puts a file.
    problems = [(medium, _problem(conn, files, medium, whole=whole)) for medium in media]
    store.take_files(conn)
    findings = [found for medium, problem in problems if (found := _judged(conn, medium, problem)) is not None]
    audit.record(
        conn, actor, action=Permission.VAULT_CHECK, record="vault", record_id="this", now=now,
        media=len(media), whole=whole,
        lost=sum(one.state is MediumState.LOST for one in findings),
        kept=sum(one.state is MediumState.KEPT for one in findings),
    )  # fmt: skip
    return Checked(
        media=len(media), findings=tuple(findings), after=media[-1].id if len(media) == CHECKED_AT_ONCE else None
    )


def _judged(conn: Connection, medium: Medium, problem: str | None) -> Finding | None:
    if problem is None and medium.state is MediumState.KEPT:
        return None
    if store.get_medium_for_update(conn, medium.id).state is not medium.state:
        return None  # Somebody erased it, or found it lost, while it was read.
    if problem is not None:
        if medium.state is MediumState.KEPT:
            store.update_state(conn, medium.id, moved(medium.state, MediumState.LOST))
        return Finding(medium_id=medium.id, state=MediumState.LOST, problem=problem)
    if store.update_found(conn, medium.id):
        return Finding(medium_id=medium.id, state=MediumState.KEPT, problem="its file is there again")
    return Finding(medium_id=medium.id, state=MediumState.LOST, problem="another medium has its content by now")


def _problem(conn: Connection, files: VaultFiles, medium: Medium, *, whole: bool) -> str | None:
    # A medium that was lost is believed again only when all of it was read.
    if not whole and medium.state is MediumState.KEPT:
        return None if files.is_there(medium.id, medium.size_bytes) else "its file is not there, or not as long as it was"
    wrapped_key = store.find_key(conn, medium.id)
    if wrapped_key is None:
        return "it has no key"
    try:
        with files.open(Opening(medium=medium, wrapped_key=wrapped_key)) as opened:
            while opened.read(CHUNK_BYTES):
                pass
    except MediumUnusable as error:
        return error.problem
    return None
