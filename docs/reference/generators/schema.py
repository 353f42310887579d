"""Every table and column, from the committed dump of the schema."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from generators.source import SOURCE
from generators.tables import code, table

DUMP = SOURCE / "vangnet" / "db" / "schema.sql"
_TABLE = re.compile(r"CREATE (?:UNLOGGED )?TABLE (?:public\.)?(\w+) \(\n(.*?)\n\)", re.DOTALL)
_COLUMN = re.compile(r'^    "?(\w+)"? (.+?),?$')
_COMMENT = re.compile(r"COMMENT ON (TABLE|COLUMN) (?:public\.)?([\w.\"]+) IS '((?:[^']|'')*)';")
_GRANT = re.compile(r"GRANT ([A-Z, ]+?) ON TABLE (?:public\.)?(\w+) TO vangnet_runtime;")
_GRANT_COLUMNS = re.compile(r"GRANT (\w+)\(\"?(\w+)\"?\) ON TABLE (?:public\.)?(\w+) TO vangnet_runtime;")


@dataclass(slots=True, kw_only=True)
class Table:
    """A table of the dump; `columns` are name, type and comment."""

    name: str
    comment: str = ""
    rights: str = ""
    columns: list[tuple[str, str]] = field(default_factory=list)
    column_comments: dict[str, str] = field(default_factory=dict)


def page() -> str:
    """A section a table."""
    parts = []
    for found in tables(DUMP.read_text(encoding="utf-8")):
        rows = [(code(name), kind, found.column_comments.get(name, "")) for name, kind in found.columns]
        rights = f"The runtime role may {found.rights}." if found.rights else "The runtime role has no right here."
        parts.append(f"## {found.name}\n\n{found.comment}\n\n{rights}\n\n{table(['column', 'type', 'what it is'], rows)}")
    return "\n".join(parts)


def tables(dump: str) -> Iterator[Table]:
    """Every table of a dump that pg_dump wrote, in its order."""
    found = {name: Table(name=name, columns=list(_columns(body))) for name, body in _TABLE.findall(dump)}
    for kind, name, text in _COMMENT.findall(dump):
        comment = text.replace("''", "'")
        if kind == "TABLE":
            found[name].comment = comment
        else:
            owner, column = name.replace('"', "").split(".")[-2:]
            found[owner].column_comments[column] = comment
    for rights, name in _GRANT.findall(dump):
        found[name].rights = ", ".join(right.strip().lower() for right in rights.split(","))
    for name, of_table in found.items():
        columns: dict[str, list[str]] = {}
        for right, column, owner in _GRANT_COLUMNS.findall(dump):
            if owner == name:
                columns.setdefault(right.lower(), []).append(column)
        of_table.rights = ", ".join(
            filter(None, [of_table.rights, *(f"{right} of {', '.join(names)}" for right, names in columns.items())])
        )
    yield from found.values()


def _columns(body: str) -> Iterator[tuple[str, str]]:
    for line in body.splitlines():
        if line.startswith(("    CONSTRAINT", "        ")):
            continue
        if column := _COLUMN.match(line):
            yield column[1], column[2].replace("timestamp with time zone", "timestamptz").removesuffix(" NOT NULL")
