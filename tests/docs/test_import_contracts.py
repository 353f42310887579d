"""The import contracts hold, and an import that goes upwards breaks them. `make lint` runs the same contracts."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_LINT = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    # A process of its own: grimp finds the package by importing it, and this one has it imported from elsewhere.
    return subprocess.run(
        [sys.executable, "-c", _LINT, "--config", str(folder / "pyproject.toml"), "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder / "src"), "PATH": "/usr/bin:/bin", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A copy of the package, to break."""
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_package_keeps_its_import_contracts(copy: Path) -> None:
    done = _lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("audit/model.py", "import vangnet.web", "Packages import only downwards"),
        ("errors.py", "import vangnet.config", "Packages import only downwards"),
        ("identity/permissions.py", "import vangnet.handoff", "Packages import only downwards"),
        ("audit/model.py", "import psycopg", "Rules are pure"),
        ("audit/service.py", "import httpx2", "Services never call the network"),
        ("web/visit.py", "import vangnet.audit.store", "audit's store is audit's own"),
        ("cli/output.py", "import vangnet.identity.store", "identity's store is identity's own"),
    ],
)
def test_an_import_that_goes_upwards_breaks_a_contract(copy: Path, file: str, line: str, contract: str) -> None:
    target = copy / "src" / "vangnet" / file
    target.write_text(target.read_text(encoding="utf-8") + f"\n{line}  # noqa\n", encoding="utf-8")
    done = _lint(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [text for text in done.stdout.splitlines() if "BROKEN" in text]
    assert any(text.startswith(contract) for text in broken), done.stdout


def test_a_package_without_a_layer_breaks_a_contract(copy: Path) -> None:
    (copy / "src" / "vangnet" / "stray.py").write_text("", encoding="utf-8")
    done = _lint(copy)
    assert done.returncode == 1
    assert "stray" in done.stdout
