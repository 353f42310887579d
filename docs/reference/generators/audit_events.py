"""Which deeds are in the audit trail, from the places in the code that record one.

An event is often recorded by a private function that several use cases share, with the action as a parameter. So each
public function is followed into the private ones of its module, with what it hands to them.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from generators.source import Module, comments_of, package_modules
from generators.tables import code, table
from vangnet.identity.permissions import Permission

_SERVICE = "vangnet.audit.service"
_NOT_DETAILS = {"action", "record", "record_id", "now"}
#: What a function's parameters stand for at one call of it. A parameter `**details` stands for the names handed over.
Bindings: TypeAlias = Mapping[str, ast.expr | tuple[str, ...]]


class UnclearEvent(Exception):
    """An event is recorded in a way that this page cannot read; name the permission and the record in the code."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class RecordedEvent:
    """One deed as one use case records it."""

    action: str
    record: str
    use_case: str
    details: tuple[str, ...]


def page() -> str:
    """A table of actions, and one of who can act."""
    meaning = comments_of("Permission")
    rows = [
        (
            code(event.action),
            meaning[event.action],
            code(event.record),
            ", ".join(map(code, event.details)),
            code(event.use_case),
        )
        for event in sorted(set(recorded_events(package_modules())))
    ]
    actors = [(code(value), comment) for value, comment in comments_of("ActorKind").items()]
    return "\n".join([
        "## Actions\n",
        table(["action", "what it is", "record", "details", "use case"], rows),
        "## Who can act\n",
        table(["actor", "who that is"], actors),
    ])  # fmt: skip


def recorded_events(modules: list[Module]) -> Iterator[RecordedEvent]:
    """Every event that a public function can record. Raises UnclearEvent."""
    for module in modules:
        if module.name != _SERVICE and "vangnet.audit" in module.text:
            yield from _Reader(module).events()


class _Reader:
    """Follows the functions of one module."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._recorders = set(_names_of_record(module.tree))
        self._functions = {node.name: node for node in module.tree.body if isinstance(node, ast.FunctionDef)}

    def events(self) -> Iterator[RecordedEvent]:
        """Of every public function."""
        if self._recorders:
            for name, function in self._functions.items():
                if not name.startswith("_"):
                    use_case = f"{self._module.name.removeprefix('vangnet.')}.{name}"
                    yield from self._of(function, {}, use_case, frozenset({name}))

    def _of(
        self, function: ast.FunctionDef, bound: Bindings, use_case: str, seen: frozenset[str]
    ) -> Iterator[RecordedEvent]:
        bound = {**_defaults(function), **bound}
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func)
            if name in self._recorders:
                yield from self._recorded(call, function, bound, use_case)
            elif name.startswith("_") and name in self._functions and name not in seen:
                inner = self._functions[name]
                yield from self._of(inner, _handed_over(call, inner, bound), use_case, seen | {name})

    def _recorded(
        self, call: ast.Call, function: ast.FunctionDef, bound: Bindings, use_case: str
    ) -> Iterator[RecordedEvent]:
        given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
        details = {name for name in given if name not in _NOT_DETAILS}
        for keyword in call.keywords:
            handed = bound.get(f"**{ast.unparse(keyword.value)}") if keyword.arg is None else None
            details |= set(handed) if isinstance(handed, tuple) else set()
        actions = {
            Permission[node.attr].value
            for value in self._values(given.get("action"), function, bound)
            for node in ast.walk(value)
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Permission"
        }
        records = {
            value.value
            for value in self._values(given.get("record"), function, bound)
            if isinstance(value, ast.Constant) and isinstance(value.value, str)
        }
        if not actions or not records:
            raise UnclearEvent(f"{use_case}: {self._module.path}:{call.lineno}")
        for action in actions:
            for record in records:
                yield RecordedEvent(action=action, record=record, use_case=use_case, details=tuple(sorted(details)))

    def _values(self, value: ast.expr | None, function: ast.FunctionDef, bound: Bindings) -> Iterator[ast.expr]:
        """What an expression can be: itself, or what a parameter, a variable or a function of the module stands for."""
        match value:
            case None:
                return
            case ast.Name(id=name) if isinstance(found := bound.get(name), ast.expr):
                yield found
            case ast.Name(id=name):
                for node in ast.walk(function):
                    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                        yield from self._values(node.value, function, bound)
            case ast.IfExp(body=body, orelse=orelse):
                yield from self._values(body, function, bound)
                yield from self._values(orelse, function, bound)
            case ast.Call(func=ast.Name(id=name)) if name in self._functions:
                for node in ast.walk(self._functions[name]):
                    if isinstance(node, ast.Return):
                        yield from self._values(node.value, self._functions[name], {})
            case _:
                yield value


def _names_of_record(tree: ast.Module) -> Iterator[str]:
    """How the module calls `vangnet.audit.service.record`."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="vangnet.audit.service", names=names):
                yield from (part.asname or part.name for part in names if part.name == "record")
            case ast.ImportFrom(module="vangnet.audit", names=names):
                yield from (f"{part.asname or part.name}.record" for part in names if part.name == "service")


def _defaults(function: ast.FunctionDef) -> dict[str, ast.expr]:
    """What its parameters are where nobody hands them over."""
    given = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return {argument.arg: default for argument, default in given if isinstance(default, ast.Attribute)}


def _handed_over(call: ast.Call, function: ast.FunctionDef, bound: Bindings) -> Bindings:
    parameters = [argument.arg for argument in [*function.args.posonlyargs, *function.args.args]]
    names = {*parameters, *(argument.arg for argument in function.args.kwonlyargs)}
    handed: dict[str, ast.expr | tuple[str, ...]] = {}
    for name, value in [*zip(parameters, call.args, strict=False), *((k.arg, k.value) for k in call.keywords)]:
        resolved = _resolved(value, bound)
        if name in names and resolved is not None:
            handed[name] = resolved
    if function.args.kwarg is not None:
        extra = tuple(keyword.arg for keyword in call.keywords if keyword.arg is not None and keyword.arg not in names)
        handed[f"**{function.args.kwarg.arg}"] = extra
    return handed


def _resolved(value: ast.expr | None, bound: Bindings) -> ast.expr | None:
    if isinstance(value, ast.Name):
        found = bound.get(value.id, value)
        return value if isinstance(found, tuple) else found
    return value
