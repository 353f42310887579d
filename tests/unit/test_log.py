"""The log's last net: what looks like a secret or a person is masked, exceptions are told without their words."""

import io
import json
import logging
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import structlog

from vangnet import log
from vangnet.config import LogFormat, Settings
from vangnet.errors import DatabaseUnavailable

SECRET = "kanarievogel"


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[io.StringIO]:
    """What is logged, as JSON lines; afterwards logging is as it was."""
    root, hook, config = logging.getLogger(), threading.excepthook, structlog.get_config()
    before = (root.handlers, root.level)
    written = io.StringIO()
    # A test before this one may have had them captured; pytest puts its own function back for each test, the log would not.
    logging.captureWarnings(capture=False)
    log.configure(Settings(data_dir=tmp_path, log_format=LogFormat.JSON, log_level="debug"), stream=written)
    yield written
    root.handlers, root.level = before
    threading.excepthook = hook
    structlog.configure(**config)
    logging.captureWarnings(capture=False)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """The lines written so far."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    "text",
    [
        "name@kanarievogel.example",
        "Möller.Ö'Neil+kanarievogel@sub.example.org",
        "<kanarievogel@example.org>",
        "https://example.org/search?q=kanarievogel",
        "/parties?next=/kanarievogel=1",
        "/invitation/kanarievogel",
        "GET /invitation/kanarievogel?x=1 HTTP/1.1",
        "http://localhost:8800/sign-in/link/kanarievogel",
        "postgresql://role:kanarievogel@host/database",
        "host=/run user=role password=kanarievogel dbname=x",
        "Authorization: Bearer kanarievogel",
        "authorization: basic kanarievogel",
        "vangnet_7mjrifsy_kanarievogel2tuevpkd757qeixxjld4o6f",
        "otpauth://totp/x?secret=KANARIEVOGELKANARIEVOGELKANARIE2",
        "the key KANARIEVOGELKANARIEVOGELKANARIE2",
        "token KANARIEVOGELkanarievogel0123456789",
    ],
)
def test_what_must_not_be_in_a_log_is_masked(text: str) -> None:
    masked = log.mask_text(f"before {text} after")
    assert SECRET not in masked.lower()
    assert masked.startswith("before ")
    assert masked.endswith(" after")


@pytest.mark.parametrize(
    "text",
    [
        "id 5f2b8c1e-3d4a-4e6f-9a7b-1c2d3e4f5a6b",
        "d2f0aa0a9c8877665544332211009988d2f0aa0a9c8877665544332211009988",
        "src/vangnet/identity/service/sign_in.py:33 in with_password",
        "2026-11-21T13:02:07.123456+00:00",
        "/people/{person_id}",
        "What now? a = b",
        "VN-2026-7K3F-9QXM",
        "postgresql://vangnet_runtime/vangnet",
        "",
    ],
)
def test_what_a_log_is_for_stays(text: str) -> None:
    assert log.mask_text(text) == text


@pytest.mark.parametrize("name", ["password", "Authorization", "set_cookie", "api_key", "session_token", "recovery_codes"])
def test_a_secret_is_masked_by_its_name(stream: io.StringIO, name: str) -> None:
    structlog.get_logger().info("event", **{name: SECRET, "inside": {name: [SECRET]}})
    assert SECRET not in stream.getvalue()
    assert lines(stream)[0][name] == "[masked]"


def test_values_of_every_kind_are_masked_and_stay_json(stream: io.StringIO) -> None:
    class Odd:
        def __str__(self) -> str:
            return f"{SECRET}@example.org"

    structlog.get_logger("a").info("event", odd=Odd(), some=(f"{SECRET}@example.org", 1, None, 1.5), raw=SECRET.encode())
    found = lines(stream)[0]
    assert found["some"] == ["[masked]", 1, None, 1.5]
    assert found["raw"] == "[12 bytes]"
    assert SECRET not in stream.getvalue()


def test_other_peoples_lines_pass_the_same_net(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("failed for %s", f"{SECRET}@example.org", extra={"token": SECRET})
    found = lines(stream)[0]
    assert found["event"] == "failed for [masked]"
    assert (found["logger"], found["level"]) == ("uvicorn.error", "warning")
    assert SECRET not in stream.getvalue()


def test_the_servers_own_line_for_each_request_is_never_written(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").info('"GET /people?q=x HTTP/1.1" 200')
    assert stream.getvalue() == ""


def crash(value: str) -> None:
    """Fails, with the value in a variable and in the words."""
    secret = value
    raise ValueError(f"the value was {secret}")


def test_an_exception_is_told_by_place_and_kind_without_words_and_variables(stream: io.StringIO) -> None:
    try:
        crash(SECRET)
    except ValueError:
        structlog.get_logger().exception("failed", incident="abc")
        logging.getLogger("library").exception("failed too")
    for line in lines(stream):
        told = "\n".join(line["exception"])  # type: ignore[arg-type]
        assert "in crash" in told
        assert told.endswith("ValueError")
    assert SECRET not in stream.getvalue()


def test_causes_are_told_first_and_codes_stay(stream: io.StringIO) -> None:
    try:
        try:
            raise psycopg.errors.UniqueViolation(f"Key (email)=({SECRET}) already exists")
        except psycopg.Error as error:
            raise DatabaseUnavailable(problem="UniqueViolation") from error
    except DatabaseUnavailable as error:
        structlog.get_logger().error("failed", exc_info=error)
    told = lines(stream)[0]["exception"]
    kinds = [line for line in told if " in " not in line or "Error" in line]  # type: ignore[attr-defined]
    assert kinds == [
        "psycopg.errors.UniqueViolation: SQLSTATE 23505",
        "vangnet.errors.DatabaseUnavailable: the database does not answer: UniqueViolation",
    ]
    assert SECRET not in stream.getvalue()


def test_an_operating_systems_reason_stays_and_its_file_name_goes(stream: io.StringIO, tmp_path: Path) -> None:
    try:
        (tmp_path / SECRET).read_bytes()
    except OSError as error:
        structlog.get_logger().error("failed", exc_info=error)
    assert lines(stream)[0]["exception"][-1] == "FileNotFoundError: No such file or directory"  # type: ignore[index]
    assert SECRET not in stream.getvalue()


def test_a_thread_that_fails_is_logged_in_the_same_way(stream: io.StringIO) -> None:
    thread = threading.Thread(target=crash, args=[SECRET])
    thread.start()
    thread.join()
    assert lines(stream)[0]["event"] == "a thread ended by a fault"
    assert SECRET not in stream.getvalue()


def test_warnings_go_to_the_log(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"{SECRET}@example.org is old", stacklevel=1)
    assert lines(stream)[0]["logger"] == "py.warnings"
    assert SECRET not in stream.getvalue()


def test_an_exception_that_caused_itself_ends(stream: io.StringIO) -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    structlog.get_logger().error("failed", exc_info=first)
    assert len(lines(stream)) == 1


@pytest.mark.parametrize(("level", "count"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_is_the_settings(stream: io.StringIO, tmp_path: Path, level: str, count: int) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, "log_format": "json", "log_level": level})
    log.configure(settings, stream=stream)
    logger = structlog.get_logger()
    for name in ("debug", "info", "warning", "error"):
        getattr(logger, name)("event")
    assert len(lines(stream)) == count


@pytest.mark.parametrize(
    ("chosen", "terminal", "as_json"),
    [
        (LogFormat.AUTO, True, False),
        (LogFormat.AUTO, False, True),
        (LogFormat.TEXT, False, False),
        (LogFormat.JSON, True, True),
    ],
)
def test_lines_are_readable_on_a_terminal_and_json_elsewhere(
    stream: io.StringIO, tmp_path: Path, chosen: LogFormat, terminal: bool, as_json: bool
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    written = Terminal()
    log.configure(Settings(data_dir=tmp_path, log_format=chosen), stream=written)
    try:
        crash(SECRET)
    except ValueError:
        structlog.get_logger().exception("failed")
    assert written.getvalue().startswith("{") is as_json
    assert "in crash" in written.getvalue()
    assert SECRET not in written.getvalue()
