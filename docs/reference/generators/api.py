"""Every operation of the API, from its OpenAPI document."""

from collections.abc import Iterator, Mapping
from typing import Any

from generators.application import application
from generators.tables import code, table


def page() -> str:
    """A section an operation: who may use it, what it takes, what it answers; then the shapes of the answers."""
    document = application().openapi()
    sections = [_section(path, method, found, document) for path, method, found in operations(document)]
    return "\n".join([*sections, "## Shapes\n", *_shapes(document)])


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Path, method and description of every operation, in the order of the paths."""
    for path, item in sorted(document["paths"].items()):
        for method, operation in item.items():
            yield path, method.upper(), operation


def _section(path: str, method: str, operation: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    lines = [f"## {method} {path}", "", operation.get("summary", ""), ""]
    if description := operation.get("description"):
        lines += [" ".join(description.split()), ""]
    lines += [f"Needs {code(operation['x-needs'])}. Answers {_answer(operation)}.", ""]
    rows = [
        (code(parameter["name"]), parameter["in"], _shape(parameter.get("schema", {})), parameter.get("description", ""))
        for parameter in operation.get("parameters", [])
    ]
    rows += list(_body(operation, document))
    if rows:
        lines.append(table(["name", "where", "shape", "what it is"], rows))
    return "\n".join(lines)


def _answer(operation: Mapping[str, Any]) -> str:
    """The status of success, and the shape of its body."""
    status = min(operation["responses"])
    content = operation["responses"][status].get("content", {})
    shapes = [_shape(found.get("schema", {})) for found in content.values()]
    return f"{code(status)}" + "".join(f", {shape}" for shape in shapes)


def _shapes(document: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in sorted(document["components"]["schemas"].items()):
        if "properties" in schema:
            rows = [
                (code(field), _shape(part), part.get("description", "")) for field, part in schema["properties"].items()
            ]
            told = " ".join(schema.get("description", "").split())
            yield f"### {name}\n\n{told}\n\n{table(['field', 'shape', 'what it is'], rows)}"
        elif "enum" in schema:
            yield f"### {name}\n\nOne of {', '.join(map(code, schema['enum']))}; see [closed sets](closed-sets.md).\n"


def _body(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = _resolved(content.get("schema", {}), document)
        if "properties" not in schema:
            yield "", f"body, {media_type}", _shape(schema), schema.get("description", "")
        for name, part in schema.get("properties", {}).items():
            needed = "" if name in schema.get("required", []) else " (optional)"
            yield code(name), f"body, {media_type}", _shape(part) + needed, part.get("description", "")


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rsplit("/", 1)[-1]
    found: Mapping[str, Any] = document["components"]["schemas"][name]
    return found


def _shape(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if "anyOf" in schema:
        return " or ".join(_shape(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_shape(schema.get('items', {}))}"
    return " ".join(filter(None, [schema.get("type", "any"), schema.get("format", "")]))
