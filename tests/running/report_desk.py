"""A hotline or police desk with a vault, made by the use cases themselves, for tests that take reports in."""

import io
import itertools
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Database
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.sandbox import Sandbox
from vangnet.identity.model import InstallationKind, Language
from vangnet.identity.permissions import Permission, Role, permissions_of
from vangnet.identity.service import installation
from vangnet.keys import Keys
from vangnet.registry.service.live import LiveIndex
from vangnet.reports.formats.bundle import Bundled
from vangnet.reports.formats.reading import Unreadable
from vangnet.reports.model.contents import packed
from vangnet.reports.model.deliveries import Delivery
from vangnet.reports.model.drafts import ReportDraft, Source
from vangnet.reports.service.intake import deliveries
from vangnet.reports.service.intake.arriving import FileTaker
from vangnet.reports.service.intake.taking import Taker
from vangnet.simulation.cybertips import make_tips
from vangnet.vault.files import VaultFiles
from vangnet.vault.service import switching

CONSOLE = Actor(kind=ActorKind.CONSOLE, id="0", permissions=frozenset(Permission))
_numbers = itertools.count()


@dataclass(kw_only=True)
class Desk:
    """A desk under test. Its clock stands still unless somebody moves it."""

    database: Database
    keys: Keys = field(repr=False)
    vault: VaultFiles
    taker: Taker
    now: datetime

    def accept(self, source: Source, content: bytes) -> Delivery:
        """Keeps what came, and reads it at once."""
        with self.database.transaction() as conn:
            delivery = deliveries.accept(conn, CONSOLE, keys=self.keys, source=source, content=content, now=self.now)
        if delivery.state.value == "waiting":
            delivery = self.taker.read_delivery(CONSOLE, delivery.id)
        return delivery

    def take(self, draft: ReportDraft) -> int:
        """Takes a draft in; returns the number of the report."""
        delivery = self.accept(draft.source, packed(draft))
        with self.database.transaction() as conn:
            (report_id,) = deliveries.show(conn, CONSOLE, keys=self.keys, delivery_id=delivery.id).reports
        return report_id

    def take_bundled(self, bundled: Iterable[Bundled | Unreadable], content: bytes = b"") -> list[int]:
        """Takes reports with their files in; returns their numbers."""
        with self.database.transaction() as conn:
            delivery = deliveries.begin(
                conn, CONSOLE, source=Source.CYBERTIP, keys=self.keys, digest=content or uuid.uuid4().bytes, size_bytes=0,
                now=self.now,
            )  # fmt: skip
            origin = deliveries.origin_of(conn, delivery)
        return [
            self.taker.take_one(CONSOLE, delivery.id, one, origin).report_id
            for one in bundled
            if not isinstance(one, Unreadable)
        ]

    def person(self, *roles: Role) -> Actor:
        """One more colleague, of the staff unless other roles are given."""
        person_id = uuid.uuid4()
        with self.database.transaction() as conn:
            conn.execute(
                """
                INSERT INTO person (id, name, email, language, theme, roles, state, invited_at, joined_at)
                VALUES (%s, %s, %s, 'nl', 'system', %s, 'active', %s, %s)
                """,
                [
                    person_id, "Collega", f"collega{next(_numbers)}@hotline.example",
                    [role.value for role in roles or (Role.STAFF,)], self.now, self.now,
                ],
            )  # fmt: skip
        granted = permissions_of(frozenset(roles or (Role.STAFF,)))
        return Actor(kind=ActorKind.PERSON, id=str(person_id), permissions=frozenset(granted))


@contextmanager
def desk_on(
    database: Database,
    keys: Keys,
    folder: Path,
    *,
    kind: InstallationKind = InstallationKind.HOTLINE,
    live: LiveIndex | None = None,
) -> Iterator[Desk]:
    """A desk on a fresh database, with its vault enabled."""
    now = datetime.now(UTC)
    with database.transaction() as conn:
        installation.set_up(conn, CONSOLE, kind=kind, party_name="Meldpunt Voorbeeld", language=Language.NL, now=now)
        switching.enable(conn, CONSOLE, basis="Task of the hotline", reference="Agreement 2026-1", now=now)
    vault = VaultFiles(folder / "vault", keys, bytes_max=64 * 1024 * 1024)
    with Sandbox(processes=1) as sandbox:
        files = FileTaker(Hasher(sandbox), vault, bytes_max=16 * 1024 * 1024)
        made = Desk(database=database, keys=keys, vault=vault, taker=None, now=now)  # type: ignore[arg-type]
        made.taker = Taker(database, keys, files=files, vault=vault, live=live, clock=lambda: made.now)
        yield made


def zipped(seed: int, now: datetime) -> bytes:
    """A made-up company report with its files, as it is delivered: a zip archive."""
    (tip,) = make_tips(seed, 1, now=now)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in tip.members().items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return written.getvalue()
