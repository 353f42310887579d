"""`vangnet db`: the database itself. None of these commands needs one that works."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vangnet import config, log
from vangnet.cli.output import AsJson, print_record, say
from vangnet.config import Settings
from vangnet.db import dumping, major_upgrade, migrate
from vangnet.db import status as database
from vangnet.db.embedded import OWNER, EmbeddedServer
from vangnet.db.pool import owner_conninfo
from vangnet.errors import InvalidSettings

app = typer.Typer(help="The database: how it is, its schema, its version.", no_args_is_help=True)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say how the database is, without starting it."""
    print_record(asdict(database.status(_settings())), as_json=as_json)


@app.command(name="migrate")
def migrate_() -> None:
    """Bring the schema up to date, as the owner of the tables."""
    with owner_conninfo(_settings()) as conninfo:
        applied = migrate.upgrade(conninfo)
    say(f"applied {', '.join(applied)}" if applied else "the schema is up to date")


@app.command()
def upgrade() -> None:
    """Take the data of an older PostgreSQL into the one that came with this Vangnet."""
    server = _embedded("upgraded with its own programs")
    say("upgrading; this copies the data and can take a while …")
    kept = major_upgrade.upgrade(server)
    if kept is None:
        say("the data is of this PostgreSQL already")
        return
    server.acquire()
    server.release()
    say(f"upgraded, and it answers. The data from before is in {kept}: delete it when you are content.")


@app.command()
def stop() -> None:
    """Stop the server that a killed command left running. One that is in use is left alone."""
    server = _embedded("stopped with its own programs")
    if not server.data_dir.is_dir():
        say("there is no data folder yet")
        return
    with server.exclusively(unused=True):
        stopped = server.stop(server.cluster)
    say("stopped" if stopped else "it does not run")


@app.command(hidden=True)
def dump_schema(file: Annotated[Path, typer.Argument(help="Where to write it.")]) -> None:
    """Write the schema that the migrations make from nothing."""
    with tempfile.TemporaryDirectory(prefix="vangnet-") as folder:
        server = EmbeddedServer(Path(folder) / "data")
        server.acquire()
        try:
            migrate.upgrade(server.conninfo(OWNER))
            schema = dumping.schema_dump(server.conninfo(OWNER))
        finally:
            server.release()
    file.write_text(schema, encoding="utf-8")


def _settings() -> Settings:
    settings = config.load()
    log.configure(settings)
    return settings


def _embedded(otherwise: str) -> EmbeddedServer:
    settings = _settings()
    if not settings.embedded_database:
        raise InvalidSettings(problems=f"VANGNET_DATABASE_URL is set, and a server of your own is {otherwise}")
    return EmbeddedServer(settings.data_dir)
