"""What may stand where in the package. Each rule is a function that returns complaints, and each is shown to find one."""

import ast
import re
from collections.abc import Callable, Iterator

import pytest
from generators.source import Module

# --- SQL in its homes ---------------------------------------------------------------------------------------------

_STATEMENT = re.compile(
    r"\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|WITH\s+\w+\s+AS\s|(CREATE|ALTER|DROP|TRUNCATE)\s+\w+\s"
    r"|(GRANT|REVOKE|COPY|LOCK|NOTIFY|LISTEN|SET\s+LOCAL)\s)"
)


def sql_outside_its_homes(module: Module) -> list[str]:
    """SQL stands in `store` modules and packages, and in db with its migrations."""
    if "store" in module.name.split(".") or module.name.startswith("vangnet.db"):
        return []
    return [
        f"{module.path}:{node.lineno} holds SQL"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _STATEMENT.match(node.value)
    ]


# --- broad excepts ------------------------------------------------------------------------------------------------

#: The last stops of a request, a command and a job. Each logs with an incident id and shows only that.
LAST_STOPS = {"vangnet.web.errors", "vangnet.web.protocols.server", "vangnet.cli.main", "vangnet.worker"}


def broad_excepts(module: Module) -> list[str]:
    """`except Exception` swallows faults; only the last stops may. Clean-up that raises again swallows nothing."""
    if module.name in LAST_STOPS:
        return []
    return [
        f"{module.path}:{node.lineno} swallows every exception"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _raises_again(node)
    ] + [
        f"{module.path}:{node.lineno} swallows every exception"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and _dotted(node.func).endswith("suppress") and any(map(_is_broad, node.args))
    ]


def _is_broad(caught: ast.expr | None) -> bool:
    match caught:
        case None:
            return True
        case ast.Tuple(elts=parts):
            return any(map(_is_broad, parts))
        case _:
            return _dotted(caught) in {"Exception", "BaseException"}


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


# --- imports, environment, clocks ---------------------------------------------------------------------------------


def relative_imports(module: Module) -> list[str]:
    """An import says whole where it goes."""
    return [
        f"{module.path}:{node.lineno} imports relatively"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]


#: Modules that touch the environment, and why that is right.
ENVIRONMENT_READERS = {
    "vangnet.config.reading": "the one reader of the settings",
    "vangnet.config.settings": "where data lies by default depends on who runs Vangnet",
    "vangnet.db.programs": "hands PATH on to PostgreSQL's programs",
    "vangnet.cli.demo": "hands its environment on to the installations that it starts, without our settings",
}


_ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb"}


def environment_reads(module: Module) -> list[str]:
    """`config` alone reads the environment: a setting that is read elsewhere is one that nobody can list."""
    if module.name in ENVIRONMENT_READERS:
        return []
    return [
        f"{module.path}:{node.lineno} reads the environment"
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Attribute) and _dotted(node) in _ENVIRONMENT)
        or (isinstance(node, ast.ImportFrom) and any(f"{node.module}.{part.name}" in _ENVIRONMENT for part in node.names))
    ]


#: The edges: where something begins, the time is read once and handed down.
CLOCK_READERS = {
    "vangnet.audit.sealer": "each pass of the sealer's threads",
    "vangnet.cli.installation": "a command",
    "vangnet.jobs.following": "each page of another installation's stream",
    "vangnet.jobs.workplace": "each step of a job; between two of them a third party may have taken its time",
    "vangnet.registry.service.live": "each look of the index's thread",
    "vangnet.web.protocols.server": "a file that came to a door without a visit",
    "vangnet.web.metrics": "a look of Prometheus, which comes without a visit",
    "vangnet.web.visit": "a request",
}
_CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}


def clock_reads(module: Module) -> list[str]:
    """Rules and services are given the time. (`time.monotonic` measures how long something takes, and is no such clock.)"""
    if module.name in CLOCK_READERS:
        return []
    return [
        f"{module.path}:{node.lineno} reads a clock"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ".".join(_dotted(node.func).split(".")[-2:]) in _CLOCKS
    ]


# --- names and words ----------------------------------------------------------------------------------------------

_EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}


def empty_names(module: Module) -> list[str]:
    """A module is named for what it holds; these names hold anything."""
    return [f"{module.path} is named `{part}`" for part in module.name.split(".") if part in _EMPTY_NAMES]


#: From the glossary: the field says something else, or each of these means several things in it.
WORDS_NOT_USED = {"signal", "bank", "ticket", "grade", "hit", "verdict"}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def words_not_used(module: Module) -> list[str]:
    """The names that we give. Those of others, such as the standard library's `signal`, are theirs."""
    return [
        f"{module.path}:{line} names something `{name}`"
        for name, line in _names_given(module.tree)
        if {word.lower().removesuffix("s") for word in _WORD.findall(name)} & WORDS_NOT_USED
    ]


def _names_given(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.alias(asname=str(name)):
                yield name, node.lineno


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_dotted(value)}.{name}"
        case _:
            return ""


# --- the rules hold, and each can fail ----------------------------------------------------------------------------

Rule = Callable[[Module], list[str]]
RULES: list[Rule] = [
    sql_outside_its_homes,
    broad_excepts,
    relative_imports,
    environment_reads,
    clock_reads,
    empty_names,
    words_not_used,
]


@pytest.mark.parametrize("rule", RULES)
def test_the_package_keeps_the_rule(rule: Rule, modules: list[Module]) -> None:
    complaints = [complaint for module in modules for complaint in rule(module)]
    assert not complaints, f"{rule.__doc__}\n" + "\n".join(complaints)


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        (sql_outside_its_homes, 'conn.execute("SELECT 1 FROM party")'),
        (sql_outside_its_homes, 'QUERY = """\n    INSERT INTO party (id) VALUES (%s)"""'),
        (sql_outside_its_homes, 'conn.execute(f"UPDATE party SET name = {name}")'),
        (broad_excepts, "try:\n    work()\nexcept Exception:\n    pass"),
        (broad_excepts, "try:\n    work()\nexcept:\n    pass"),
        (broad_excepts, "try:\n    work()\nexcept (ValueError, BaseException) as error:\n    print(error)"),
        (broad_excepts, "with contextlib.suppress(Exception):\n    work()"),
        (relative_imports, "from . import store"),
        (relative_imports, "from .model import Actor"),
        (environment_reads, "port = os.environ['PORT']"),
        (environment_reads, "port = os.getenv('PORT')"),
        (environment_reads, "from os import environ"),
        (clock_reads, "now = datetime.now(UTC)"),
        (clock_reads, "now = datetime.datetime.utcnow()"),
        (clock_reads, "now = time.time()"),
        (words_not_used, "def add_ticket(): ..."),
        (words_not_used, "class HashBank: ..."),
        (words_not_used, "for hit in found: ..."),
        (words_not_used, "def rank(verdicts): ..."),
        (words_not_used, "import grading as grade"),
    ],
)
def test_the_rule_finds_a_breach(rule: Rule, bad: str) -> None:
    assert rule(Module.parse(bad))


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        (sql_outside_its_homes, 'say("Select a party, or update one")'),
        (broad_excepts, "try:\n    work()\nexcept BaseException:\n    clean_up()\n    raise"),
        (broad_excepts, "try:\n    work()\nexcept ValueError:\n    pass"),
        (environment_reads, "environ = visit.environ"),
        (clock_reads, "started = time.monotonic()"),
        (words_not_used, "import signal\nsignal.signal(signal.SIGTERM, stop)\nupgrade(white=1)"),
    ],
)
def test_the_rule_lets_the_allowed_pass(rule: Rule, good: str) -> None:
    assert not rule(Module.parse(good))


@pytest.mark.parametrize("name", ["vangnet.web.helpers", "vangnet.common.names", "vangnet.jobs.manager"])
def test_a_module_with_an_empty_name_is_found(name: str) -> None:
    assert empty_names(Module.parse("", name=name))


def test_every_exception_to_a_rule_is_a_module_that_uses_it(modules: list[Module]) -> None:
    # An exception that nobody needs any more would let the next breach pass unseen.
    by_name = {module.name: module for module in modules}
    for name in ENVIRONMENT_READERS:
        elsewhere = Module.parse(by_name[name].text)
        assert environment_reads(elsewhere), f"{name} does not read the environment any more"
    for name in CLOCK_READERS:
        assert clock_reads(Module.parse(by_name[name].text)), f"{name} does not read a clock any more"
    for name in LAST_STOPS & by_name.keys():
        assert broad_excepts(Module.parse(by_name[name].text)), f"{name} catches nothing broad any more"
