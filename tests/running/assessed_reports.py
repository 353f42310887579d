"""Reports with generated pictures, for tests that look at them and answer about them."""

import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from pictures import encoded, photo

from running.report_desk import CONSOLE, Desk
from running.server import RunningServer, console
from vangnet.audit.model import Actor, ActorKind
from vangnet.hashing.sandbox import Sandbox
from vangnet.identity.permissions import Role, permissions_of
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import Category, EntryDraft, HashAlgorithm, ListedHash, MediaKind
from vangnet.registry.service import categories, entries, lists
from vangnet.reports.formats.archives import Member
from vangnet.reports.formats.bundle import Bundled
from vangnet.reports.model.drafts import Incident, ItemDraft, ItemKind, ReportDraft, Reporter, ReporterKind, Sign, Source
from vangnet.reports.model.looks import LookStep, Wanted
from vangnet.reports.model.reports import ReportFile
from vangnet.reports.service.assessment.looking import Asked, Viewer
from vangnet.reports.service.desk import desk as desk_service
from vangnet.reports.service.intake.arriving import FileTaker
from vangnet.reports.service.intake.taking import Taker
from vangnet.reports.store import files as file_store
from vangnet.reports.store import reports as report_store
from vangnet.vault.files import VaultFiles
from vangnet.vault.service import switching

BLURRED = Wanted(step=LookStep.BLURRED)
WHOLE = Wanted(step=LookStep.WHOLE)


def a_picture(seed: int, width: int = 320, height: int = 240) -> bytes:
    """A picture file; another one for each seed."""
    return encoded(photo(seed, width, height), "PNG")


def bundled(pictures: Sequence[bytes], *, signs: frozenset[Sign] = frozenset()) -> Bundled:
    """A report that came with these files."""
    draft = ReportDraft(
        source=Source.CYBERTIP,
        reporter=Reporter(kind=ReporterKind.COMPANY, name="Host Example"),
        incident=Incident.MATERIAL,
        reference=uuid.uuid4().hex,
        items=tuple(ItemDraft(kind=ItemKind.FILE, file_name=f"{number}.png") for number in range(len(pictures))),
        signs=signs,
    )
    files = {
        number: Member(path=f"{number}.png", size_bytes=len(one), _open=lambda one=one: io.BytesIO(one))  # type: ignore[misc]
        for number, one in enumerate(pictures)
    }
    return Bundled(draft=draft, files=files, where="a test")


def a_report(desk: Desk, *pictures: bytes, signs: frozenset[Sign] = frozenset()) -> int:
    """A report with these files; its number."""
    (report_id,) = desk.take_bundled([bundled(pictures, signs=signs)])
    return report_id


def claimed(desk: Desk, actor: Actor, *pictures: bytes, signs: frozenset[Sign] = frozenset()) -> int:
    """The same, and somebody works on it."""
    report_id = a_report(desk, *pictures, signs=signs)
    with desk.database.transaction() as conn:
        desk_service.claim(conn, actor, report_id=report_id, now=desk.now)
    return report_id


def file_of(desk: Desk, report_id: int, position: int = 0) -> ReportFile:
    """The file of an item."""
    with desk.database.transaction() as conn:
        file_id = report_store.get_item(conn, report_id, position).file_id
        assert file_id is not None
        return file_store.get_file(conn, file_id)


def viewer_of(desk: Desk, sandbox: Sandbox, *, budget_minutes: int = 90, golden_percent: int = 0) -> Viewer:
    """What shows pictures of this desk."""
    return Viewer(
        desk.database, desk.keys, vault=desk.vault, sandbox=sandbox, budget_minutes=budget_minutes,
        golden_percent=golden_percent,
    )  # fmt: skip


def asked(report_id: int, position: int = 0, wanted: Wanted = BLURRED, neighbour_id: int | None = None) -> Asked:
    """A look at an item."""
    return Asked(report_id=report_id, position=position, wanted=wanted, neighbour_id=neighbour_id)


def own_list(desk: Desk, *, quorum: int = 2, classification: Classification = Classification.BASELINE) -> UUID:
    """A list of our own with a category that means this."""
    with desk.database.transaction() as conn:
        made = lists.create(conn, CONSOLE, keys=desk.keys, name=f"own {uuid.uuid4().hex[:8]}", quorum=quorum, now=desk.now)
        value = uuid.uuid4().bytes * 2
        draft = EntryDraft(
            media_kind=MediaKind.IMAGE,
            hashes=(ListedHash(algorithm=HashAlgorithm.SHA256, value=value),),
            category=Category(scheme="vangnet", name=classification.value),
        )
        entries.propose(conn, CONSOLE, keys=desk.keys, list_id=made.id, draft=draft, now=desk.now)
        (category,) = categories.list_categories(conn, CONSOLE, made.id)
        categories.map_category(
            conn, CONSOLE, keys=desk.keys, category_id=category.id, classification=classification, now=desk.now
        )
    return made.id


# --- at a running installation ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyst:
    """Somebody of a running installation, with the token of their session."""

    actor: Actor
    token: str


def analyst(server: RunningServer, *roles: Role) -> Analyst:
    """A new colleague who is signed in."""
    person = server.invite(*(roles or (Role.STAFF,)))
    granted = permissions_of(frozenset(roles or (Role.STAFF,)))
    actor = Actor(kind=ActorKind.PERSON, id=str(person.id), permissions=frozenset(granted))
    return Analyst(actor=actor, token=server.session_of(person).token)


def desk_of(server: RunningServer) -> Desk:
    """The desk of a running installation, its vault enabled."""
    now = datetime.now(UTC)
    with server.transaction() as conn:
        found = switching.find_choice(conn)
        if found is None or not found.enabled:
            switching.enable(conn, console(), basis="Task of the hotline", reference="Agreement 2026-1", now=now)
    vault = VaultFiles(server.settings.vault_dir, server.keys, bytes_max=server.settings.vault_bytes_max)
    files = FileTaker(server.gate.hasher, vault, bytes_max=16 * 1024 * 1024)
    taker = Taker(server.database, server.keys, files=files, vault=vault, live=server.live, clock=lambda: datetime.now(UTC))
    return Desk(database=server.database, keys=server.keys, vault=vault, taker=taker, now=now)
