"""Log lines: events with values, readable on a terminal and JSON elsewhere, our own and everybody else's in one form.

Nothing that identifies a person, opens anything or names a live address belongs in a log. Code sees to that by logging ids
and states; this module is the last net under it: it masks what looks like a secret or a person, and it writes where an
exception came from without the exception's own words, because drivers and libraries quote values in theirs. Local
variables are never written.
"""

import logging
import re
import sys
import threading
import traceback
import types
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from vangnet.config import LogFormat, Settings
from vangnet.errors import AppError

_MASK = "[masked]"
#: Values under these names are masked whole, wherever they stand.
_SECRET_NAMES = re.compile(r"authori[sz]ation|cookie|password|secret|token|api_?key|recovery|otp", re.IGNORECASE)
#: What is masked inside any text, in this order.
_SECRET_TEXTS: tuple[tuple[re.Pattern[str], str], ...] = (
    # The user and password of an address, as in postgresql://role:password@host.
    (re.compile(r"(?<=://)[^/@\s]+@"), f"{_MASK}@"),
    (re.compile(r"\b(bearer|basic)\s+\S+", re.IGNORECASE), rf"\1 {_MASK}"),
    (re.compile(r"\bpassword\s*=\s*\S+", re.IGNORECASE), f"password={_MASK}"),
    # One-time links: the token is the last step of the path.
    (re.compile(r"(/(?:invitation|sign-in/link)/)[^\s/?\"']+"), rf"\1{_MASK}"),
    # Query strings: searches, tokens, what a form sent by mistake.
    (re.compile(r"(?<=[\w/\]])\?[^\s\"'<>]*=[^\s\"'<>]*"), f"?{_MASK}"),
    (re.compile(r"[^\s@<>\"(),;:]+@[\w-]+(?:\.[\w-]+)+"), _MASK),
    # API keys: their first part is an id, which helps to find the right one.
    (re.compile(r"\b(vangnet_[a-z2-7]{4,12}_)[a-z2-7]{16,}"), rf"\1{_MASK}"),
    # The shared secret of an authenticator app.
    (re.compile(r"\b[A-Z2-7]{26,}\b"), _MASK),
    # Anything long enough to be a token of ours and too mixed to be a word; digests and ids in hex stay.
    (re.compile(r"\b(?=[\w-]*[g-zG-Z])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{22,}\b"), _MASK),
)
#: Libraries that talk much and tell little at the level "info".
_QUIET = ("alembic", "asyncio", "httpcore2", "httpx2", "multipart", "procrastinate", "python_multipart")
#: Never heard: this one writes raw paths, and `web/traffic.py` says the same without them.
_SILENT = ("uvicorn.access",)


def configure(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Sets up logging for this process, on `stream` (standard error). Calling it again replaces what was set up."""
    stream = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            tell_exception,
            mask,
            *_renderers(settings.log_format, stream),
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in _SILENT:
        logging.getLogger(name).disabled = True
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(capture=True)
    threading.excepthook = _log_thread_exception


def mask(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Masks what must not be in a log, in every value of the line (a structlog processor)."""
    return {name: _masked(name, value) for name, value in event.items()}


def tell_exception(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Replaces `exc_info` by where the exception came from, without its words and variables (a structlog processor)."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = [line for link in _chain(error) for line in _lines(link)]
    return event


def _masked(name: str, value: object) -> object:
    shown: object
    match value:
        case str() | bytes() if _SECRET_NAMES.search(name):
            shown = _MASK
        case None | bool() | int() | float():
            shown = value
        case bytes():
            shown = f"[{len(value)} bytes]"
        case Mapping():
            shown = {str(key): _masked(str(key), inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            shown = [_masked(name, inner) for inner in value]
        case _:
            shown = mask_text(str(value))
    return shown


def mask_text(text: str) -> str:
    """`text` without what looks like a secret, a person's address or a query string."""
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def _chain(error: BaseException) -> list[BaseException]:
    """The exception and what caused it, the first cause first."""
    chain = [error]
    while (cause := chain[0].__cause__ or (None if chain[0].__suppress_context__ else chain[0].__context__)) is not None:
        if cause in chain:
            break
        chain.insert(0, cause)
    return chain


def _lines(error: BaseException) -> list[str]:
    frames = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    # Only our own errors have words that are known to hold ids and states; of others, what is a code.
    match error:
        case AppError():
            kind += f": {error}"
        case OSError() if error.strerror:
            kind += f": {error.strerror}"
        case _ if isinstance(state := getattr(error, "sqlstate", None), str):
            kind += f": SQLSTATE {state}"
    return [*frames, kind]


def _renderers(chosen: LogFormat, stream: TextIO) -> list[Processor]:
    if chosen is LogFormat.TEXT or (chosen is LogFormat.AUTO and stream.isatty()):
        return [_exception_as_text, structlog.dev.ConsoleRenderer(colors=stream.isatty())]
    return [structlog.processors.JSONRenderer(ensure_ascii=False)]


def _exception_as_text(_logger: object, _method: str, event: EventDict) -> EventDict:
    lines = event.pop("exception", None)
    if lines:
        event["event"] = "\n    ".join([str(event["event"]), *lines])
    return event


def _log_thread_exception(given: Any) -> None:
    error: BaseException | None = given.exc_value
    if not isinstance(error, SystemExit | types.NoneType):
        structlog.get_logger("vangnet").error("a thread ended by a fault", exc_info=error)
