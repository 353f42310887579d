"""Every deliberate error, from `vangnet.errors`, with what the edges make of it."""

import inspect
from collections.abc import Iterator

from generators.tables import code, table
from vangnet import errors
from vangnet.cli import main
from vangnet.errors import AppError
from vangnet.web.errors import status_of


def page() -> str:
    """The table of errors, in the order in which errors.py declares them."""
    rows = [
        (code(kind.code), inspect.getdoc(kind), code(kind.message), code(kind.hint or ""), _status(kind), _exit_code(kind))
        for kind in every_error()
    ]
    return table(["code", "what happened", "message", "hint", "HTTP status", "exit code"], rows)


def every_error() -> Iterator[type[AppError]]:
    """AppError and everything below it."""
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, AppError):
            yield value


def _status(kind: type[AppError]) -> int:
    return status_of(kind.__new__(kind))


def _exit_code(kind: type[AppError]) -> int:
    return main._exit_code(kind.__new__(kind))  # noqa: SLF001 (the one place that decides it)
