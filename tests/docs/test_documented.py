"""Everything that has a name outside the code is explained: settings, error codes, permissions, closed sets, commands,
API operations, tables. The reference pages are made from the explanations, and are fresh."""

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import typer
from generators import api, audit_events, closed_sets, commands, configuration, errors, metrics, permissions, schema
from generators.application import application
from generators.source import Module
from generators.source import closed_sets as sets_of

import vangnet.errors
from vangnet.cli.main import app
from vangnet.config import Settings
from vangnet.errors import AppError
from vangnet.identity.permissions import Permission

PAGES: dict[str, ModuleType] = {
    "api.md": api,
    "audit-events.md": audit_events,
    "cli.md": commands,
    "closed-sets.md": closed_sets,
    "configuration.md": configuration,
    "errors.md": errors,
    "metrics.md": metrics,
    "permissions.md": permissions,
    "schema.md": schema,
}


def silent_members(module: Module) -> list[str]:
    """Members of closed sets that have no `#:` comment of a sentence, ended by a full stop."""
    return [
        f"{module.path}: {found.name}.{member.name}"
        for found in sets_of(module)
        for member in found.members
        if not (member.comment and member.comment.endswith((".", "…")))
    ]


def badly_described(kinds: list[type[AppError]]) -> list[str]:
    """Error classes without a code, a message or an explanation of their own, or with another one's code."""
    complaints = []
    seen: dict[str, str] = {}
    for kind in kinds:
        if "code" not in vars(kind):
            complaints.append(f"{kind.__name__} has no code of its own")
        told = vars(kind).get("__doc__") or ""
        if not told or told.startswith(f"{kind.__name__}("):  # What `dataclass` writes where nothing is said.
            complaints.append(f"{kind.__name__} is not explained")
        if kind.code in seen:
            complaints.append(f"{kind.__name__} has the code of {seen[kind.code]}")
        if kind.message.endswith("."):
            complaints.append(f"{kind.__name__}: a message of one sentence has no full stop")
        seen[kind.code] = kind.__name__
    return complaints


def undescribed(schema: dict[str, object]) -> Iterator[str]:
    """Operations of an OpenAPI document that say nothing about themselves."""
    for path, method, operation in api.operations(schema):
        if not operation.get("summary", "").endswith("."):
            yield f"{method} {path} does not say in a sentence what it does"


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """What the generators make now, by page."""
    return {name: module.page() for name, module in PAGES.items()}


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_page_is_fresh(name: str, made: dict[str, str], root: Path) -> None:
    text = (root / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert made[name].strip() in text, "`make docs` renews it"


#: Tables of formats and protocols; their tests are those of the readers and doors themselves.
BY_HAND = {"doors.md", "list-formats.md", "report-formats.md"}


def test_every_page_of_the_reference_is_made_from_the_code_or_known_to_be_written(root: Path) -> None:
    assert {page.name for page in (root / "docs" / "reference").glob("*.md")} == PAGES.keys() | BY_HAND


def test_a_page_depends_on_the_code_alone(made: dict[str, str], root: Path) -> None:
    # Another process, another seed for sets, another place, another language: the same pages.
    environ = {
        "PYTHONHASHSEED": "4711",
        "PYTHONPATH": str(root / "docs" / "reference"),
        "HOME": "/nowhere",
        "LANG": "nl_NL",
    }
    names = ", ".join(module.__name__.partition(".")[2] for module in PAGES.values())
    script = f"import json; from generators import {names}; print(json.dumps([page.page() for page in [{names}]]))"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, cwd="/", capture_output=True, text=True, timeout=120, check=True
    )
    assert json.loads(done.stdout) == list(made.values())


def test_no_page_names_this_machine(made: dict[str, str], root: Path) -> None:
    assert [name for name, text in made.items() if str(root) in text] == []


def test_every_member_of_a_closed_set_is_explained(modules: list[Module]) -> None:
    assert [silent for module in modules for silent in silent_members(module)] == []
    assert sum(1 for module in modules for _ in sets_of(module)) > 10


@pytest.mark.parametrize(
    "body",
    [
        '    A = "a"',
        '    A = "a"  # Not for the reference.',
        '    A = "a"  #: ',
        '    #: About something else.\n\n    A = "a"',
    ],
)
def test_a_member_without_an_explanation_is_found(body: str) -> None:
    assert silent_members(Module.parse(f"class Kind(StrEnum):\n{body}\n"))


@pytest.mark.parametrize("body", ['    A = "a"  #: Beside it.', '    #: Above it,\n    #: in two lines.\n    A = "a"'])
def test_an_explanation_beside_or_above_counts(body: str) -> None:
    assert not silent_members(Module.parse(f"class Kind(enum.StrEnum):\n{body}\n"))


def test_every_setting_is_explained() -> None:
    for name, info in Settings.model_fields.items():
        assert (info.description or "").endswith("."), name
        assert configuration.expected(name, info), name


def test_every_error_has_a_code_of_its_own_and_is_explained() -> None:
    kinds = list(errors.every_error())
    assert len(kinds) > 15
    assert badly_described(kinds) == []


def test_an_error_that_is_not_explained_is_found() -> None:
    class Silent(AppError):
        code = "silent"

    class Copied(AppError):
        """A second one."""

        code = "silent"
        message = "It failed."

    assert len(badly_described([Silent, Copied])) == 3


def test_the_tree_drawn_in_errors_names_every_class() -> None:
    drawn = set((inspect.getdoc(vangnet.errors) or "").split())
    assert [kind.__name__ for kind in errors.every_error() if kind.__name__ not in drawn] == []


def test_every_permission_is_asked_for_by_a_route_or_a_use_case(made: dict[str, str]) -> None:
    assert [permission for permission in Permission if f"| `{permission}` |" not in made["permissions.md"]] == []
    unused = [permission for permission in Permission if not permissions.is_asked(permission)]
    assert unused == []


def test_every_permission_that_changes_something_is_an_action_of_the_audit_trail(modules: list[Module]) -> None:
    recorded = {event.action for event in audit_events.recorded_events(modules)}
    reads = {permission.value for permission in Permission if permission.value.endswith(":read")}
    assert {permission.value for permission in Permission} - recorded - reads == set()


def test_every_command_and_option_has_help() -> None:
    found = list(commands.every_command(app))
    assert len(found) > 10
    assert [silent for path, command in found for silent in commands.undocumented(path, command)] == []


def test_a_command_without_help_is_found() -> None:
    silent = typer.Typer()

    @silent.command()
    def first(name: str) -> None: ...

    @silent.command()
    def second() -> None:
        """Explained."""

    found = [text for path, command in commands.every_command(silent) for text in commands.undocumented(path, command)]
    assert found == ["`vangnet first` has no docstring", "`vangnet first`: `name` has no help"]


def test_every_api_operation_is_described() -> None:
    document = application().openapi()
    assert len(document["paths"]) > 3
    assert list(undescribed(document)) == []


def test_an_api_operation_that_is_not_described_is_found() -> None:
    assert list(undescribed({"paths": {"/api/v1/x": {"get": {"summary": "X"}}}}))


def test_every_table_is_explained() -> None:
    found = list(schema.tables(schema.DUMP.read_text(encoding="utf-8")))
    assert len(found) > 10
    # Alembic's own table, which no migration of ours makes, holds the number of the newest one.
    assert [table.name for table in found if not table.comment] == ["alembic_version"]
