"""Every setting, from `vangnet.config.Settings`."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from generators.tables import code, table
from vangnet.config import Settings, default_data_dir, variable

_KINDS = {
    bool: "true or false",
    date: "date",
    float: "number",
    int: "whole number",
    Path: "folder",
    SecretStr: "secret",
    str: "text",
}


def page() -> str:
    """The table of settings, with the defaults of an installation that runs as root."""
    defaults = Settings(data_dir=default_data_dir({}, 0))
    rows = [
        (code(variable(name)), _shown_default(getattr(defaults, name)), expected(name, info), info.description)
        for name, info in Settings.model_fields.items()
    ]
    return table(["setting", "default", "expected", "what it is"], rows)


def expected(name: str, info: FieldInfo) -> str:
    """What a value must be, in words."""
    kind = "file" if name.endswith("_file") else _kind(info.annotation)
    bounds = {type(limit): limit for limit in info.metadata}
    low, high = bounds.get(annotated_types.Ge), bounds.get(annotated_types.Le)
    if low is not None and high is not None:
        return f"{kind}, {low.ge} to {high.le}"
    return kind


def _kind(annotation: Any) -> str:
    parts = [part for part in get_args(annotation) if part is not NoneType]
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(map(code, parts))
    if parts:
        return " or ".join(map(_kind, parts))
    if issubclass(annotation, StrEnum):
        return "one of " + ", ".join(map(code, annotation))
    return _KINDS[annotation]


def _shown_default(value: object) -> str:
    return "none" if value is None else code(value)
