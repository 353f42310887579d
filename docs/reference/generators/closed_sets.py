"""Every closed set of the code, from its StrEnums and their `#:` comments."""

from generators.source import package_sets
from generators.tables import code, table


def page() -> str:
    """A section a module, a table a set."""
    parts = []
    for found in package_sets():
        rows = [(code(member.value), member.comment) for member in found.members]
        parts.append(f"## {found.name}\n\nIn `{found.module}`.\n\n{table(['value', 'meaning'], rows)}")
    return "\n".join(parts)
