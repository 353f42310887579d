"""What a command works with: the settings, the database and the keys of the installation on this machine."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

from vangnet import config, log
from vangnet.audit.model import Actor, ActorKind
from vangnet.audit.sealer import seal_once
from vangnet.config import Settings
from vangnet.db import Connection, Database, open_database
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """An open installation, and who acts on it."""

    settings: Settings
    database: Database
    keys: Keys
    actor: Actor

    def transaction(self) -> AbstractContextManager[Connection]:
        """A transaction on its database."""
        return self.database.transaction()


def console_actor() -> Actor:
    """Somebody with a shell here. Whoever has that has the database too, so nothing is withheld, and all is audited."""
    return Actor(kind=ActorKind.CONSOLE, id=str(os.getuid()), permissions=frozenset(Permission))


def now() -> datetime:
    """The time, read once a command."""
    return datetime.now(UTC)


@contextlib.contextmanager
def open_installation() -> Iterator[Installation]:
    """Opens the installation that the settings name; what the command did is sealed before it ends."""
    settings = config.load()
    log.configure(settings)
    keys = Keys.open(settings.keys_dir)
    with open_database(settings) as database:
        yield Installation(settings=settings, database=database, keys=keys, actor=console_actor())
        seal_once(database, keys, settings.audit_heads_dir, now=now())
