"""An installation that runs for tests: on a free port of this machine, with nothing replaced, and people to use it."""

import contextlib
import dataclasses
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import psycopg
import uvicorn
from fastapi import FastAPI

from running.help_contacts import made_up_contacts
from running.passwords import CHEAP_HASHES
from running.states import PATIENCE_S, wait_until
from vangnet.audit.model import Actor, ActorKind
from vangnet.audit.sealer import Sealer
from vangnet.config import LogFormat, Settings
from vangnet.db import Connection, Database
from vangnet.db.embedded import OWNER, RUNTIME, EmbeddedServer
from vangnet.gate.probing import ProbeLimits
from vangnet.gate.service.gate import Gate
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Limits
from vangnet.hashing.sandbox import Sandbox
from vangnet.identity.model import Client, InstallationKind, Language, Person, SessionStage, SignedIn, SignInMeans
from vangnet.identity.permissions import Permission, Role
from vangnet.identity.service import api_keys, installation, links, people, sessions, sign_in
from vangnet.keys import Keys
from vangnet.registry.service.live import LiveIndex
from vangnet.web.app import create_app

_Answer = TypeVar("_Answer")
_numbers = itertools.count(1)

#: Values that no log may hold. They go in wherever a person, an address or a secret is asked for.
CANARY = "kanarievogel"
CANARY_NAME = "Kanarievogel Testpersoon"
CANARY_PASSWORD = "kanarievogel-wachtwoord-7f3a"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """An installation that answers at `url`."""

    url: str
    app: FastAPI
    settings: Settings
    database: Database
    keys: Keys
    logfile: Path
    live: LiveIndex
    gate: Gate

    def transaction(self) -> AbstractContextManager[Connection]:
        """A transaction on its database."""
        return self.database.transaction()

    def client(self, **options: Any) -> httpx2.Client:
        """Somebody's browser, or program, that nobody signed in with. Redirects are not followed."""
        return httpx2.Client(base_url=self.url, timeout=PATIENCE_S, **options)

    def invite(
        self, *roles: Role, language: Language = Language.EN, name: str = CANARY_NAME, email: str | None = None
    ) -> Person:
        """A new colleague with an invitation, whose name and address are canaries."""
        with self.transaction() as conn:
            return people.invite(
                conn,
                console(),
                name=name,
                email=email or f"{CANARY}.{next(_numbers)}@kanarie.example",
                roles=frozenset(roles),
                language=language,
                base_url=self.url,
                now=datetime.now(UTC),
            ).person

    def signed_in(self, *roles: Role, language: Language = Language.EN) -> httpx2.Client:
        """The browser of a new colleague with these roles, who signed in."""
        client = self.client()
        client.cookies.set(self.session_cookie, self.session_of(self.invite(*roles, language=language)).token)
        return client

    def half_signed_in(self) -> httpx2.Client:
        """The browser of an administrator whose password was right, and who still owes the second factor."""
        client = self.client()
        person = self.invite(Role.ADMINISTRATOR)
        with self.transaction() as conn:
            token, _ = sessions.begin(
                conn,
                person,
                stage=SessionStage.PASSWORD_PROVEN,
                means=SignInMeans.PASSWORD,
                client=Client(address="127.0.0.1"),
                now=datetime.now(UTC),
            )
        client.cookies.set(self.session_cookie, token)
        return client

    @property
    def session_cookie(self) -> str:
        """The name of the cookie with the session's token."""
        return f"vangnet-{self.settings.port}-session"

    def session_of(self, person: Person) -> SignedIn:
        """A session of this person, begun by a link of the console."""
        now = datetime.now(UTC)
        with self.transaction() as conn:
            link = links.make_link(conn, console(), email=person.email, base_url=self.url, now=now)
            token = link.rsplit("/", 1)[1]
            client = Client(address="127.0.0.1", user_agent="a test")
            answer = sign_in.with_link(conn, console(), token=token, client=client, keys=self.keys, now=now)
        assert isinstance(answer, SignedIn)
        return answer

    def key(self, *scopes: Permission) -> str:
        """The text of a new API key that carries these permissions."""
        with self.transaction() as conn:
            issued = api_keys.issue(conn, console(), name="a program", scopes=frozenset(scopes), now=datetime.now(UTC))
        return issued.text

    def program(self, *scopes: Permission) -> httpx2.Client:
        """A program that shows a key with these permissions."""
        return self.client(headers={"Authorization": f"Bearer {self.key(*scopes)}"})

    def logged(self) -> str:
        """What was logged in this run so far."""
        return self.logfile.read_text(encoding="utf-8")


def console() -> Actor:
    """Somebody with a shell on the machine."""
    return Actor(kind=ActorKind.CONSOLE, id="0", permissions=frozenset(Permission))


@contextmanager
def running(
    database: Database,
    folder: Path,
    logfile: Path,
    *,
    kind: InstallationKind | None = InstallationKind.HOTLINE,
    seal: bool = True,
    checking: bool = True,
    extend: Callable[[FastAPI], None] = lambda _: None,
    party_name: str = "Test Hotline",
    host_name: str = "127.0.0.1",
    **given: Any,
) -> Iterator[RunningServer]:
    """An installation on a free port until the block ends, with its sealer if `seal`; it checks if `checking`.

    `extend` may add routes to the application. Browsers take passkeys only under a name, such as `localhost`. Settings are
    given by name.
    """
    # With its protocol named: asyncio switches Nagle's algorithm off only then, and every answer would wait 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    values = {
        "data_dir": folder / "data",
        "keys_dir": folder / "keys",
        "port": port,
        "base_url": f"http://{host_name}:{port}",
        "log_format": LogFormat.JSON,
        "help_contacts_file": made_up_contacts(folder),
        # Drawn at random, it would be in the way of tests that count.
        "assessment_check_percent": 0,
    }
    settings = Settings(**(values | given))
    settings.data_dir.mkdir(exist_ok=True)
    keys = Keys.open(settings.keys_dir)
    if kind is not None:
        with database.transaction() as conn:
            installation.set_up(
                conn, console(), kind=kind, party_name=party_name, language=Language.EN, now=datetime.now(UTC)
            )
    live = LiveIndex(database, keys, settings.data_dir / "registry-index")
    sandbox = Sandbox(limits=Limits(**settings.media_limits))
    gate = Gate(
        database=database,
        keys=keys,
        live=live,
        hasher=Hasher(sandbox),
        spool_folder=settings.data_dir / "gate-spool",
        clock=lambda: datetime.now(UTC),
        at_once=settings.gate_checks_at_once,
        probing=ProbeLimits(**settings.probe_limits),
    )
    app = create_app(
        settings,
        database,
        keys,
        live=live if checking else None,
        gate=gate if checking else None,
        sandbox=sandbox,
        password_hashes=CHEAP_HASHES,
    )
    extend(app)
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, proxy_headers=False)
    web = uvicorn.Server(config)
    thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]}, name="web")
    with (
        Sealer(database, keys, settings.audit_heads_dir) if seal else nullcontext(),
        contextlib.closing(sandbox),
        live if checking else nullcontext(),
        gate if checking else nullcontext(),
    ):
        thread.start()
        try:
            wait_until(lambda: web.started)
            if checking:
                assert live.wait_until_loaded(PATIENCE_S), "until then it says that it is not ready"
            yield RunningServer(
                url=f"http://{host_name}:{port}",
                app=app,
                settings=settings,
                database=database,
                keys=keys,
                logfile=logfile,
                live=live,
                gate=gate,
            )
        finally:
            web.should_exit = True
            thread.join(PATIENCE_S)


@contextmanager
def every_turn_taken(server: RunningServer, check: Callable[[], _Answer]) -> Iterator[Future[_Answer]]:
    """Within the block a `check` has the one turn that there is, and does not come on; then it is answered."""
    turns, go_on = server.app.state.site.checks, threading.Event()
    with ThreadPoolExecutor(1) as asking:
        turns._pool.submit(go_on.wait)
        try:
            first = asking.submit(check)
            wait_until(lambda: turns._left == 0)
            yield first
        finally:
            go_on.set()


def wait_until_at_rest(postgres: EmbeddedServer, name: str) -> None:
    """Until nobody is in a transaction there: a server may still be finishing what a killed process asked for."""
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as conn:
        busy = "SELECT FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend' AND state <> 'idle'"
        wait_until(lambda: not conn.execute(busy, [name]).fetchall())


@contextmanager
def own_database(postgres: EmbeddedServer, name: str, **options: Any) -> Iterator[Database]:
    """A fresh database of that name at the newest schema, dropped after the block; opened with these options."""
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE {name} TEMPLATE template OWNER {OWNER}".encode())
        with Database(postgres.conninfo(RUNTIME, name), **options) as database:
            yield database
        superuser.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
