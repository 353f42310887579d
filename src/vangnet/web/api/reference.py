"""The API reference: one page made from the OpenAPI document, without script and without anybody else's server."""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from vangnet.web.access import PUBLIC, needs
from vangnet.web.visit import Visit

router = APIRouter()

_DEEPEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One parameter or field, as the page shows it."""

    name: str
    kind: str
    required: bool
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation, as the page shows it."""

    id: str
    method: str
    path: str
    summary: str
    told: str
    needs: str
    parameters: tuple[Value, ...]
    body: tuple[Value, ...]
    status: str
    answer: tuple[Value, ...]
    curl: str


@router.get("/api/openapi.json", dependencies=[needs(PUBLIC)])
def openapi_document(visit: Visit) -> Response:
    """The OpenAPI document."""
    return JSONResponse(visit.request.app.openapi())


@router.get("/api/docs", dependencies=[needs(PUBLIC)])
def show_reference(visit: Visit) -> Response:
    """The reference, by subject."""
    document = visit.request.app.openapi()
    subjects: dict[str, list[Operation]] = {}
    for tag, operation in _operations(document):
        subjects.setdefault(tag, []).append(operation)
    return visit.page(
        "api/reference.html",
        subjects=subjects,
        problem=tuple(_values(_named(document, "ProblemDocument"), document)),
        base_url=visit.settings.base_url,
    )


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Operation]]:
    base_url = document["servers"][0]["url"]
    for path, methods in document["paths"].items():
        for method, found in methods.items():
            body = _content(found.get("requestBody", {}))
            status, answer = next((status, answer) for status, answer in found["responses"].items() if status[0] == "2")
            yield (
                found.get("tags", ["Installation"])[0],
                Operation(
                    id=found["operationId"],
                    method=method.upper(),
                    path=path,
                    summary=found.get("summary", ""),
                    told=found.get("description", ""),
                    needs=found["x-needs"],
                    parameters=tuple(_parameter(given, document) for given in found.get("parameters", ())),
                    body=tuple(_values(body, document)),
                    status=status,
                    answer=tuple(_values(_content(answer), document)),
                    curl=_curl(method.upper(), base_url + path, body, document, public=not found["security"]),
                ),
            )


def _content(part: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a body or an answer; empty where it has none, or another form than JSON."""
    schema: dict[str, Any] = part.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _named(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    schema: dict[str, Any] = document["components"]["schemas"][name]
    return schema


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = _named(document, schema["$ref"].rsplit("/", 1)[1]) | {k: v for k, v in schema.items() if k != "$ref"}
    return schema


def _parameter(given: Mapping[str, Any], document: Mapping[str, Any]) -> Value:
    schema = _resolved(given["schema"], document)
    return Value(
        name=given["name"],
        kind=_kind(schema, document),
        required=given.get("required", False),
        told=given.get("description", schema.get("description", "")),
    )


def _values(schema: Mapping[str, Any], document: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[Value]:
    """The fields of an object, or of the objects in a list, those inside them with their place in front."""
    schema = _resolved(schema, document)
    if schema.get("type") == "array":
        schema = _resolved(schema.get("items", {}), document)
        prefix += "[]."
    for name, field in schema.get("properties", {}).items():
        found = _resolved(field, document)
        yield Value(
            name=prefix + name,
            kind=_kind(found, document),
            required=name in schema.get("required", ()),
            told=found.get("description", ""),
        )
        if depth < _DEEPEST:
            inside = prefix + name + ("" if found.get("type") == "array" else ".")
            yield from _values(found, document, inside, depth + 1)


def _kind(schema: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """A type in words that a reader of JSON knows."""
    schema = _resolved(schema, document)
    if "anyOf" in schema:
        return " | ".join(_kind(one, document) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}), document)}"
    return f"{kind} ({schema['format']})" if "format" in schema else kind


def _curl(method: str, url: str, body: Mapping[str, Any], document: Mapping[str, Any], *, public: bool) -> str:
    parts = ["curl"] if method == "GET" else ["curl", "-X", method]
    if not public:
        parts += ["-H", '"Authorization: Bearer $VANGNET_KEY"']
    if body:
        parts += ["-H", '"Content-Type: application/json"', "-d", shlex.quote(json.dumps(_example(body, document)))]
    return " ".join([*parts, f'"{url}"'])


def _example(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """A value of the right shape, from the schema's own examples where it has some."""
    schema = _resolved(schema, document)
    if schema.get("examples"):
        return schema["examples"][0]
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], document)
    if schema.get("type") == "object":
        required = schema.get("required", ())
        fields = schema.get("properties", {}).items()
        return {name: _example(field, document) for name, field in fields if name in required}
    if schema.get("type") == "array":
        return [_example(schema.get("items", {}), document)]
    plain = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1), "boolean": True}
    return schema["enum"][0] if "enum" in schema else plain.get(schema.get("type", ""), "…")
