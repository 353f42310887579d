"""A hotline whose vault is enabled, made by the use cases themselves."""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from psycopg import sql

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection
from vangnet.identity.model import InstallationKind, Language
from vangnet.identity.permissions import ROLE_PERMISSIONS, Permission, Role
from vangnet.identity.service import installation
from vangnet.keys import Keys
from vangnet.vault.files import CHUNK_BYTES, VaultFiles
from vangnet.vault.model import Basis, OpenReason
from vangnet.vault.service import keeping, opening, switching
from vangnet.vault.service.keeping import Put, ToPut

STAFF = Actor(kind=ActorKind.PERSON, id="7", permissions=frozenset(ROLE_PERMISSIONS[Role.STAFF]))


@dataclass(kw_only=True)
class Vault:
    """The vault under test."""

    conn: Connection
    files: VaultFiles
    folder: Path
    administrator: Actor
    now: datetime
    staff: Actor = STAFF
    records: int = 0

    def later(self, **by: float) -> datetime:
        """Moves the clock."""
        self.now += timedelta(**by)
        return self.now

    def put(self, content: bytes | None = None, *, record_id: str | None = None, basis: Basis = Basis.INTAKE) -> Put:
        """A file of random bytes, for a record of its own, unless others are given."""
        self.records += 1
        sealed = self.files.seal(io.BytesIO(os.urandom(1000) if content is None else content))
        to_put = ToPut(
            sealed=sealed,
            media_type="image/png",
            record="report_item",
            record_id=record_id or str(self.records),
            basis=basis,
        )
        return keeping.put(self.conn, self.staff, files=self.files, to_put=to_put, now=self.now)

    def read(self, medium_id: UUID, reason: OpenReason = OpenReason.ASSESSMENT) -> bytes:
        """The whole of a medium, opened by somebody of the staff."""
        leave = opening.open_medium(self.conn, self.staff, medium_id=medium_id, reason=reason, now=self.now)
        with self.files.open(leave) as opened:
            return opened.read()

    def path(self, medium_id: UUID) -> Path:
        """Where its file is, or was."""
        return self.folder / f"{medium_id.bytes[0]:02x}" / f"{medium_id}.sealed"

    def events(self, action: Permission) -> list[tuple[str, str, dict[str, object]]]:
        """Actor, record and details of the events of an action, the oldest first."""
        rows = self.conn.execute(
            """
            SELECT actor_kind || ' ' || actor_id, record || ' ' || record_id, details::jsonb FROM audit_event
            WHERE action = %s ORDER BY id
            """,
            [action],
        )
        return [(actor, record, details) for actor, record, details in rows]

    def all_rows(self) -> str:
        """Everything that the tables of the vault and the trail hold, as text."""
        tables = ("vault_choice", "vault_medium", "vault_key", "vault_keeping", "audit_event")
        statement = sql.SQL("SELECT t::text FROM {} t")
        return "\n".join(str(row) for table in tables for row in self.conn.execute(statement.format(sql.Identifier(table))))


@pytest.fixture
def vault_on(keys: Keys, administrator: Actor, now: datetime, tmp_path: Path) -> Callable[[Connection], Vault]:
    """A vault on any connection."""

    def make(conn: Connection, kind: InstallationKind = InstallationKind.HOTLINE) -> Vault:
        installation.set_up(conn, administrator, kind=kind, party_name="Meldpunt Voorbeeld", language=Language.NL, now=now)
        folder = tmp_path / "vault"
        files = VaultFiles(folder, keys, bytes_max=16 * CHUNK_BYTES)
        return Vault(conn=conn, files=files, folder=folder, administrator=administrator, now=now)

    return make


@pytest.fixture
def vault(conn: Connection, vault_on: Callable[[Connection], Vault]) -> Vault:
    """A hotline's vault that takes media in."""
    made = vault_on(conn)
    switching.enable(conn, made.administrator, basis="Task of the hotline", reference="Agreement 2026-1", now=made.now)
    return made
