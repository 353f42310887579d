"""What the rules of the house are checked on: the files of the repository, and the package's modules."""

import subprocess
from pathlib import Path

import pytest
from generators.source import Module, package_modules

ROOT = Path(__file__).parents[2]
#: What a checkout holds besides the repository's own files, where there is no git to ask.
_NOT_OURS = {".git", ".venv", "target", "var", "node_modules", "__pycache__", "site"}


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Every file of the repository, those not committed yet included, relative to its folder."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        paths = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
        paths = [path for path in paths if not any(_left_out(part) for part in path.parts)]
    else:
        paths = [Path(name) for name in listed.stdout.decode().split("\0") if name]
    found = sorted(path for path in paths if (ROOT / path).is_file())
    assert Path("pyproject.toml") in found
    return found


@pytest.fixture(scope="session")
def modules() -> list[Module]:
    """Every module of the package."""
    found = package_modules()
    assert len(found) > 20
    return found


def _left_out(part: str) -> bool:
    return part in _NOT_OURS or part.endswith((".so", ".egg-info", "_cache"))
