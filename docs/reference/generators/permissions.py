"""Who may do what: the table of permissions and roles, and where each is asked."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache

from generators.application import application
from generators.audit_events import recorded_events
from generators.source import comments_of, package_modules
from generators.tables import code, table
from vangnet.identity import permissions
from vangnet.identity.permissions import ROLE_PERMISSIONS, Permission, Role
from vangnet.web.access import Rule, rules_of


def page() -> str:
    """The roles, the table of permissions, and the routes and use cases that ask for each."""
    return "\n".join([
        "## Roles\n",
        table(["role", "whose it is"], [(code(role), comment) for role, comment in comments_of("Role").items()]),
        "## Permissions\n",
        table(["permission", "what it allows", *Role, "API key", "besides"], _permission_rows()),
        "## Where each is asked\n",
        table(["permission", "pages and API operations", "use cases"], _use_rows()),
        "## Routes that no permission decides\n",
        table(["rule", "for whom", "routes"], _rule_rows()),
    ])  # fmt: skip


def _permission_rows() -> Iterator[tuple[object, ...]]:
    for value, comment in comments_of("Permission").items():
        permission = Permission(value)
        roles = ["yes" if permission in ROLE_PERMISSIONS[role] else "" for role in Role]
        yield code(value), comment, *roles, _key(permission), _besides(permission)


def _key(permission: Permission) -> str:
    if permission in permissions.PARTY_KEY_SCOPES:
        return "yes, a party's too"
    return "yes" if permission in permissions.KEY_SCOPES else ""


def _besides(permission: Permission) -> str:
    if permission in permissions.NOT_FOR_PEOPLE:
        return "another installation, by its signature"
    if permission in permissions.CONSOLE_ONLY:
        return "a shell on the machine only"
    if permission in permissions.EVERYBODY:
        return "everybody who is signed in"
    return "before anybody is signed in" if permission in permissions.OWN_ACCOUNT else ""


def _use_rows() -> Iterator[tuple[str, str, str]]:
    routes = _routes()
    uses = use_cases()
    for permission in Permission:
        yield code(permission), ", ".join(routes.get(permission, [])), ", ".join(uses.get(permission, []))


def _rule_rows() -> Iterator[tuple[str, str, str]]:
    routes = _routes()
    for value, comment in comments_of("Rule").items():
        yield code(value), comment, ", ".join(routes.get(Rule(value), []))


@cache
def _routes() -> Mapping[str, list[str]]:
    routes: dict[str, list[str]] = {}
    for rule in sorted(rules_of(application()), key=lambda rule: (rule.path, rule.method)):
        routes.setdefault(rule.rule, []).append(code(f"{rule.method} {rule.path}"))
    return routes


@cache
def use_cases() -> Mapping[Permission, list[str]]:
    """The public functions that require each permission or record it as their deed, by what stands in their source."""
    found: dict[Permission, set[str]] = {}
    for module in package_modules():
        for function in module.tree.body:
            if isinstance(function, ast.FunctionDef) and not function.name.startswith("_"):
                for permission in _required(function):
                    found.setdefault(permission, set()).add(f"{module.name.removeprefix('vangnet.')}.{function.name}")
    for event in recorded_events(package_modules()):
        found.setdefault(Permission(event.action), set()).add(event.use_case)
    return {permission: [code(name) for name in sorted(names)] for permission, names in found.items()}


def _required(function: ast.FunctionDef) -> Iterator[Permission]:
    """`actor.require(Permission.X)`, and the same through a function that is handed the permission."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            for argument in node.args:
                match argument:
                    case ast.Attribute(value=ast.Name(id="Permission"), attr=name) if not _is_route(node):
                        yield Permission[name]


def _is_route(call: ast.Call) -> bool:
    return ast.unparse(call.func) == "needs"


def is_asked(permission: Permission) -> bool:
    """Whether any route or use case asks for it."""
    return permission in _routes() or permission in use_cases()
