"""The import contracts hold, and an import that goes upwards breaks them. `make lint` runs the same contracts."""

import re
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


#: Imports that are against a contract: where one is put, what it imports, and which contract that breaks.
AGAINST = [
    ("audit/model.py", "vangnet.web", "Packages import only downwards"),
    ("errors.py", "vangnet.config", "Packages import only downwards"),
    ("identity/permissions.py", "vangnet.handoff", "Packages import only downwards"),
    ("audit/model.py", "psycopg", "Rules are pure: no database, web, network or settings"),
    ("reports/model/drafts.py", "vangnet.reports.rules", "Inside a capability: service over store over rules over model"),
    ("reports/rules/desk/danger.py", "psycopg", "Rules are pure: no database, web, network or settings"),
    ("audit/service.py", "httpx2", "Services never call the network"),
    ("web/visit.py", "vangnet.audit.store", "audit's store is audit's own"),
    ("cli/output.py", "vangnet.identity.store", "identity's store is identity's own"),
]


def _copy(root: Path, folder: Path) -> Path:
    """A copy of the package, to break."""
    shutil.copytree(root / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", folder)
    return folder


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A copy of the package, to break."""
    return _copy(root, tmp_path)


@pytest.fixture(scope="module")
def said(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is said of each contract that is broken, in a copy with all that is against one."""
    folder = _copy(root, tmp_path_factory.mktemp("against"))
    for file, imported, _ in AGAINST:
        with (folder / "src" / "vangnet" / file).open("a", encoding="utf-8") as target:
            target.write(f"\nimport {imported}  # noqa\n")
    done = _lint(folder)
    assert done.returncode == 1, done.stdout + done.stderr
    parts = re.split(r"^(.+)\n-+\n", done.stdout.partition("Broken contracts\n")[2], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_package_keeps_its_import_contracts(copy: Path) -> None:
    done = _lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(("file", "imported", "contract"), AGAINST)
def test_an_import_that_goes_upwards_breaks_a_contract(
    said: dict[str, str], file: str, imported: str, contract: str
) -> None:
    importer = "vangnet." + file.removesuffix(".py").replace("/", ".")
    assert f"{importer} -> {imported} " in said.get(contract, ""), said.keys()


def test_a_package_without_a_layer_breaks_a_contract(copy: Path) -> None:
    (copy / "src" / "vangnet" / "stray.py").write_text("", encoding="utf-8")
    done = _lint(copy)
    assert done.returncode == 1
    assert "stray" in done.stdout
