"""How long modules and functions are.

400 lines a module and 40 a function are the usual size; what is longer is printed (`pytest tests/docs/test_sizes.py -rP`)
and judged by a reader. The caps are where no reason is good enough: half as much again for a module, which still reads in
one sitting, and two screens for a function, which nobody holds in the head.
"""

import ast
from pathlib import Path

from generators.source import Module

USUAL_MODULE, USUAL_FUNCTION = 400, 40
CAP_MODULE, CAP_FUNCTION = 600, 90


def long_modules(modules: list[Module], limit: int) -> list[str]:
    """Modules of more than `limit` lines."""
    return [
        f"{module.path}: {lines} lines" for module in modules if (lines := module.text.count("\n")) > limit
    ]  # fmt: skip


def long_functions(modules: list[Module], limit: int) -> list[str]:
    """Functions of more than `limit` lines, from `def` to the last line."""
    return [
        f"{module.path}:{node.lineno} {node.name}: {lines} lines"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > limit
    ]


def test_no_module_and_no_function_is_beyond_the_caps(modules: list[Module], root: Path, tracked: list[Path]) -> None:
    tests = [
        Module.parse((root / path).read_text(encoding="utf-8"), path=path)
        for path in tracked
        if path.suffix == ".py" and path.parts[0] in {"tests", "benchmarks", "docs"}
    ]
    everything = modules + tests
    for line in long_modules(everything, USUAL_MODULE) + long_functions(everything, USUAL_FUNCTION):
        print("longer than usual:", line)  # noqa: T201 (the report)
    assert not long_modules(everything, CAP_MODULE)
    assert not long_functions(everything, CAP_FUNCTION)


def test_a_module_one_line_over_the_limit_is_found() -> None:
    assert not long_modules([Module.parse("x = 1\n" * 10)], 10)
    assert long_modules([Module.parse("x = 1\n" * 11)], 10)


def test_a_function_one_line_over_the_limit_is_found() -> None:
    def function(lines: int) -> Module:
        return Module.parse("class A:\n    def work(self):\n" + "        pass\n" * (lines - 1))

    assert not long_functions([function(10)], 10)
    assert long_functions([function(11)], 10)
