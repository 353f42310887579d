"""The package's source as data: modules, their closed sets, and the `#:` comments that document a name."""

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src"


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One Python file: its dotted name, its text and its syntax tree."""

    name: str
    path: Path
    text: str = field(repr=False)
    tree: ast.Module = field(repr=False)

    @classmethod
    def parse(cls, text: str, *, name: str = "vangnet.example", path: Path = Path("example.py")) -> "Module":
        """A module from its text."""
        return cls(name=name, path=path, text=text, tree=ast.parse(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a closed set; `comment` is empty where the code says nothing about it."""

    name: str
    value: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSet:
    """A StrEnum of the code."""

    module: str
    name: str
    members: tuple[Member, ...]


@cache
def package_modules() -> list[Module]:
    """Every module of the package, in the order of their names."""
    modules = []
    for path in sorted((SOURCE / "vangnet").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules.append(Module.parse(path.read_text(encoding="utf-8"), name=name, path=path.relative_to(ROOT)))
    return sorted(modules, key=lambda module: module.name)


@cache
def package_sets() -> list[ClosedSet]:
    """Every closed set of the package, module by module."""
    return [found for module in package_modules() for found in closed_sets(module)]


@cache
def comments_of(name: str) -> Mapping[str, str]:
    """The comment of each member, by its value, of the package's closed set of that name."""
    (found,) = [found for found in package_sets() if found.name == name]
    return {member.value: member.comment for member in found.members}


def closed_sets(module: Module) -> Iterator[ClosedSet]:
    """The StrEnums that the module declares."""
    if "StrEnum" not in module.text:
        return  # Most modules have none, and finding that out in their trees takes long.
    comments = _documenting_comments(module.text)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef) and any(_last_name(base) == "StrEnum" for base in node.bases):
            members = tuple(_members(node, comments))
            yield ClosedSet(module=module.name, name=node.name, members=members)


def _members(node: ast.ClassDef, comments: dict[int, tuple[bool, str]]) -> Iterator[Member]:
    for statement in node.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            value = statement.value.value if isinstance(statement.value, ast.Constant) else ast.unparse(statement.value)
            yield Member(name=statement.targets[0].id, value=str(value), comment=_comment_of(statement, comments))


def _comment_of(statement: ast.stmt, comments: dict[int, tuple[bool, str]]) -> str:
    """The `#:` comment behind the statement, or the lines of them directly above it."""
    beside, text = comments.get(statement.end_lineno or statement.lineno, (False, ""))
    if beside:
        return text
    lines: list[str] = []
    line = statement.lineno - 1
    while line in comments and not comments[line][0]:
        lines.insert(0, comments[line][1])
        line -= 1
    return " ".join(lines)


def _documenting_comments(text: str) -> dict[int, tuple[bool, str]]:
    """By line number: whether code stands before the comment, and what it says."""
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and token.string.startswith("#:"):
            beside = bool(token.line[: token.start[1]].strip())
            found[token.start[0]] = (beside, token.string.removeprefix("#:").strip())
    return found


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
