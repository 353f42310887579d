"""Which Vangnet this is."""

from importlib.metadata import version


def installed_version() -> str:
    """The version of the installed package; its one home is pyproject.toml."""
    return version("vangnet")
