"""`vangnet serve`: the pages, the API, the worker and the sealer of one installation in one process, or parts of them."""

import contextlib
import errno
import gc
import socket
import threading
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import structlog
import typer

from vangnet import config, log
from vangnet.audit.sealer import Sealer
from vangnet.cli.installation import console_actor, now
from vangnet.cli.output import say
from vangnet.cli.workers import Parent, Workers
from vangnet.config import Settings
from vangnet.db import Database, open_database
from vangnet.errors import InvalidInput, InvalidSettings, PortTaken
from vangnet.gate.probing import ProbeLimits
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
#: A worker takes no requests before it can answer them, but for longer than this it waits only where something is wrong.
_LOADED_WITHIN_S = 60.0


class Part(StrEnum):
    ALL = "all"  #: Pages, API, worker and sealer.
    WEB = "web"  #: Pages and API alone; run `vangnet worker` beside it.
    GATE = "gate"  #: The check of uploads alone, as often as you like on one database, behind a load balancer.


def serve(
    only: Annotated[Part, typer.Option(help="Which part to run.")] = Part.ALL,
    workers: Annotated[
        int, typer.Option(min=0, max=64, help="With `--only gate`: so many processes at one port; SIGHUP replaces them.")
    ] = 0,
    inherited: Annotated[
        tuple[int, int] | None, typer.Option(hidden=True, help="Descriptors of the port and of the line to the parent.")
    ] = None,
) -> None:
    """Run this installation until Ctrl-C."""
    settings = config.load()
    log.configure(settings)
    log_missing(features())
    if workers:
        _run_workers(settings, only, workers)
    elif inherited is None:
        # The port first: a second `vangnet serve` should hear so before it touches anything.
        with _listening(settings) as listener:
            _run(settings, only, listener)
    else:
        _run(settings, only, socket.socket(fileno=inherited[0]), Parent(inherited[1]))


def _run(settings: Settings, only: Part, listener: socket.socket, parent: Parent | None = None) -> None:
    keys = Keys.open(settings.keys_dir)
    with open_database(settings) as database, contextlib.ExitStack() as background:
        if parent is None:
            _greet(settings, database, only)
        if only is Part.ALL:
            background.enter_context(Sealer(database, keys, settings.audit_heads_dir))
        live = background.enter_context(LiveIndex(database, keys, settings.data_dir / "registry-index"))
        sandbox = background.enter_context(Sandbox(limits=Limits(**settings.media_limits)))
        if only is Part.ALL:
            background.enter_context(Worker(database, keys, settings, live=live, sandbox=sandbox))
        gate = background.enter_context(_gate(settings, database, keys, live, sandbox))
        app = create_app(settings, database, keys, live=live, gate=gate, sandbox=sandbox, only_gate=only is Part.GATE)
        if parent is None:
            room = app.state.site.gate_room
            background.enter_context(open_doors(settings, gate, live, room, today=now().date(), grace_s=_GRACE_S))
            server = Server(app, grace_s=_GRACE_S)
        else:
            # Those before it go on meanwhile; what cannot be loaded is told by `/readyz`.
            live.wait_until_loaded(_LOADED_WITHIN_S)
            server = Server(app, grace_s=_GRACE_S, shared=True, started=parent.tell_ready)
            threading.Thread(target=_end_with, args=(parent, server), name="vangnet-parent", daemon=True).start()
        # What is there now lives as long as the process: collecting garbage needs not go through it again and again.
        gc.collect()
        gc.freeze()
        # Once it has answered what was under way, uvicorn raises again the signal that ended it.
        with contextlib.suppress(KeyboardInterrupt):
            server.run([listener])
    structlog.get_logger().info("stopped")


def _gate(settings: Settings, database: Database, keys: Keys, live: LiveIndex, sandbox: Sandbox) -> Gate:
    return Gate(
        database=database,
        keys=keys,
        live=live,
        hasher=Hasher(sandbox),
        spool_folder=settings.data_dir / "gate-spool",
        clock=now,
        at_once=settings.gate_checks_at_once,
        probing=ProbeLimits(**settings.probe_limits),
    )


def _end_with(parent: Parent, server: Server) -> None:
    parent.wait_for_end()
    server.stop()


def _run_workers(settings: Settings, only: Part, count: int) -> None:
    if only is not Part.GATE:
        raise InvalidInput(field="--workers", problem="goes with `--only gate`: run one `vangnet serve` for all the rest")
    if settings.clamd_listen is not None or settings.icap_listen is not None:
        problem = "--workers share one port for HTTP: run `vangnet serve --only gate` without it for clamd and ICAP"
        raise InvalidSettings(problems=f"VANGNET_CLAMD_LISTEN, VANGNET_ICAP_LISTEN: {problem}")
    with contextlib.ExitStack() as opened:
        # One of them alone first: whether another program listens there is not told of ports that are shared.
        with _listening(settings):
            pass
        listeners = [opened.enter_context(_listening(settings, shared=True)) for _ in range(count)]
        # Here and not in each worker: an embedded server is started once, and stopped when the last of them is gone.
        with open_database(settings) as database:
            _greet(settings, database, only)
            Workers(listeners).run()
    structlog.get_logger().info("stopped")


def log_missing(found: Features) -> None:
    """Says what this kernel lacks for the isolation of decoders; the health page goes on saying it."""
    for sentence in found.missing():
        structlog.get_logger().warning("isolation_incomplete", problem=sentence)


def _greet(settings: Settings, database: Database, only: Part) -> None:
    if only is Part.GATE:
        say(f"Vangnet checks uploads at http://{settings.host}:{settings.port}")
        return
    with database.transaction() as conn:
        found = installation.find_installation(conn)
        link = people.first_administrator_link(conn, console_actor(), base_url=settings.base_url, now=now())
    if found is None:
        say("This installation has no kind and no name yet: run `vangnet setup` first.")
    say(f"Vangnet answers at {settings.base_url}")
    if link is not None:
        say(f"No administrator yet. This link makes the first one, once:\n  {link}")


@contextlib.contextmanager
def _listening(settings: Settings, *, shared: bool = False) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With its protocol named: asyncio switches Nagle's algorithm off only then, and every answer would wait 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            # The kernel shares out the connections, evenly in the long run, to the sockets at the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
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
