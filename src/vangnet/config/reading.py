"""Settings read from the environment and from the file that it names.

Anything wrong stops the start: a setting that is misspelt must not be a setting that is ignored.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from vangnet.config.settings import Settings
from vangnet.errors import InvalidSettings

PREFIX = "VANGNET_"
#: Names that the project's own tests and tools read; they are no settings.
NOT_SETTINGS = {"VANGNET_CONFIG_FILE", "VANGNET_TEST_VECTORS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingShown:
    """One row of `vangnet config show`; `value` is masked where it is a secret."""

    name: str
    value: str
    source: str
    description: str


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings from the environment and the file it names.

    Raises InvalidSettings, which names each wrong setting, what is expected, and the value unless it is a secret.
    """
    values, sources = _gather(os.environ if environ is None else environ)
    problems = _unknown(sources)
    if problems:
        raise InvalidSettings(problems="\n".join(problems))
    try:
        return Settings(**values)
    except ValidationError as error:
        raise InvalidSettings(problems="\n".join(_problems(error, values, sources))) from None


def show(environ: Mapping[str, str] | None = None) -> list[SettingShown]:
    """Every setting with its value and where it came from, secrets masked. Raises InvalidSettings."""
    environ = os.environ if environ is None else environ
    settings = load(environ)
    _, sources = _gather(environ)
    return [
        SettingShown(
            name=variable(field),
            value=_masked(getattr(settings, field)),
            source=sources.get(field, "default"),
            description=info.description or "",
        )
        for field, info in Settings.model_fields.items()
    ]


def variable(field: str) -> str:
    """The environment variable of a field of Settings."""
    return PREFIX + field.upper()


def _gather(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Values by field name, and where each came from; the environment wins over the file."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    file = environ.get("VANGNET_CONFIG_FILE")
    if file:
        for key, value in _read_toml(Path(file)).items():
            values[key], sources[key] = value, f"file {file}"
    for name, text in environ.items():
        if name.startswith(PREFIX) and name not in NOT_SETTINGS:
            field = name.removeprefix(PREFIX).lower()
            values[field], sources[field] = text, f"environment {name}"
    return values, sources


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(problems=f"VANGNET_CONFIG_FILE: `{path}` cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettings(problems=f"VANGNET_CONFIG_FILE: `{path}` is not TOML: {error}") from error


def _unknown(sources: Mapping[str, str]) -> list[str]:
    problems = []
    for field, source in sources.items():
        if field not in Settings.model_fields:
            near = difflib.get_close_matches(field, Settings.model_fields, n=1)
            meant = f"; `{variable(near[0])}` was meant, perhaps" if near else ""
            problems.append(f"{variable(field)} ({source}): there is no such setting{meant}")
    return problems


def _problems(error: ValidationError, values: Mapping[str, Any], sources: Mapping[str, str]) -> list[str]:
    lines = []
    for detail in error.errors(include_url=False, include_context=False):
        if detail["type"] == "default_factory_not_called":
            continue  # It follows from a setting that is named already.
        expected = detail["msg"].removeprefix("Value error, ")
        if not detail["loc"]:
            lines.append(expected)
            continue
        field = str(detail["loc"][0])
        given = "" if _is_secret(field) else f", not `{values.get(field)}`"
        lines.append(f"{variable(field)} ({sources.get(field, 'default')}): {expected}{given}")
    return lines


def _is_secret(field: str) -> bool:
    return "SecretStr" in str(Settings.model_fields[field].annotation)


def _masked(value: object) -> str:
    if value is None:
        return ""
    return "********" if isinstance(value, SecretStr) else str(value)
