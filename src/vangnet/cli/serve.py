"""`vangnet serve`: the pages, the API, the worker and the sealer of one installation, in one process."""

import contextlib
import errno
import socket
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import structlog
import typer

from vangnet import config, log
from vangnet.audit.sealer import Sealer
from vangnet.cli.installation import console_actor, now
from vangnet.cli.output import say
from vangnet.config import Settings
from vangnet.db import Database, open_database
from vangnet.errors import InvalidSettings, PortTaken
from vangnet.gate.service.gate import Gate
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Limits
from vangnet.hashing.sandbox import Features, Sandbox, features
from vangnet.identity.service import installation, people
from vangnet.keys import Keys
from vangnet.registry.service.live import LiveIndex
from vangnet.web.app import create_app
from vangnet.web.protocols.doors import open_doors
from vangnet.web.serving import Server
from vangnet.worker import Worker

#: How long requests under way may take to finish when the process is told to stop.
_GRACE_S = 10


class Part(StrEnum):
    ALL = "all"  #: Pages, API, worker and sealer.
    WEB = "web"  #: Pages and API alone; run `vangnet worker` beside it.


def serve(only: Annotated[Part, typer.Option(help="Which part to run.")] = Part.ALL) -> None:
    """Run this installation until Ctrl-C."""
    settings = config.load()
    log.configure(settings)
    log_missing(features())
    keys = Keys.open(settings.keys_dir)
    # The port first: a second `vangnet serve` should hear so before it touches anything.
    with _listening(settings) as listener, open_database(settings) as database:
        _greet(settings, database)
        with contextlib.ExitStack() as background:
            if only is Part.ALL:
                background.enter_context(Sealer(database, keys, settings.audit_heads_dir))
                background.enter_context(Worker(database, keys, settings))
            live = background.enter_context(LiveIndex(database, keys, settings.data_dir / "registry-index"))
            sandbox = background.enter_context(Sandbox(limits=Limits(**settings.media_limits)))
            gate = background.enter_context(
                Gate(
                    database=database,
                    keys=keys,
                    live=live,
                    hasher=Hasher(sandbox),
                    spool_folder=settings.data_dir / "gate-spool",
                    clock=now,
                    at_once=settings.gate_checks_at_once,
                )
            )
            app = create_app(settings, database, keys, live=live, gate=gate)
            room = app.state.site.gate_room
            background.enter_context(open_doors(settings, gate, live, room, today=now().date(), grace_s=_GRACE_S))
            # Once it has answered what was under way, uvicorn raises again the signal that ended it.
            with contextlib.suppress(KeyboardInterrupt):
                Server(app, grace_s=_GRACE_S).run([listener])
        structlog.get_logger().info("stopped")


def log_missing(found: Features) -> None:
    """Says what this kernel lacks for the isolation of decoders; the health page goes on saying it."""
    for sentence in found.missing():
        structlog.get_logger().warning("isolation_incomplete", problem=sentence)


def _greet(settings: Settings, database: Database) -> None:
    with database.transaction() as conn:
        found = installation.find_installation(conn)
        link = people.first_administrator_link(conn, console_actor(), base_url=settings.base_url, now=now())
    if found is None:
        say("This installation has no kind and no name yet: run `vangnet setup` first.")
    say(f"Vangnet answers at {settings.base_url}")
    if link is not None:
        say(f"No administrator yet. This link makes the first one, once:\n  {link}")


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With its protocol named: asyncio switches Nagle's algorithm off only then, and every answer would wait 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except PermissionError as error:
            raise InvalidSettings(problems=f"VANGNET_PORT: this account may not listen on {settings.port}") from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(host=settings.host, port=settings.port) from error
            problem = f"VANGNET_HOST: `{settings.host}` is no address of this machine"
            raise InvalidSettings(problems=problem) from error
        listener.listen()  # Whoever calls before the application is built waits for it, and is not refused.
        yield listener
