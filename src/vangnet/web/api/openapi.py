"""The OpenAPI document of `/api/v1`, with who may call each operation and one shape for every error."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from vangnet.web.access import PUBLIC, RouteRule
from vangnet.web.api.check import HashChecks
from vangnet.web.api.problems import ProblemDocument
from vangnet.web.api.reports_in import ReportGiven

PREFIX = "/api/v1/"
_PROBLEM = {
    "description": "What went wrong, as a problem document.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
}
_SECURITY_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, which an administrator issues."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "vangnet-session",
        "description": "A person's session in a browser; the cookie's name depends on the installation's address.",
    },
}


def document(app: FastAPI, rules: Sequence[RouteRule], *, version: str, base_url: str) -> dict[str, Any]:
    """The document, made anew: whoever wants it often keeps it."""
    made = get_openapi(
        title="Vangnet",
        version=version,
        description="The API of one Vangnet installation.",
        routes=[route for route in iter_route_contexts(app.routes) if (route.path or "").startswith(PREFIX)],
        servers=[{"url": base_url}],
    )
    components = made.setdefault("components", {})
    components["securitySchemes"] = _SECURITY_SCHEMES
    schemas = components.setdefault("schemas", {})
    # Of routes that read what is sent themselves, FastAPI knows no more than the name.
    for model in (ProblemDocument, HashChecks, ReportGiven):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {}) | {model.__name__: schema}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    by_place = {(rule.path, rule.method.lower()): rule for rule in rules}
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            _complete(operation, by_place[path, method])
    return made


def _complete(operation: dict[str, Any], rule: RouteRule) -> None:
    operation["operationId"] = rule.name
    # The first line of a handler's docstring is its summary; FastAPI would take its name apart instead.
    operation["summary"], _, rest = operation.pop("description").partition("\n")
    if rest.strip():
        operation["description"] = rest.strip()
    operation["x-needs"] = str(rule.rule)
    operation["security"] = [] if rule.rule is PUBLIC else [{"key": []}, {"session": []}]
    operation["responses"].pop("422", None)
    operation["responses"]["4XX"] = _PROBLEM
    operation["responses"]["5XX"] = _PROBLEM
