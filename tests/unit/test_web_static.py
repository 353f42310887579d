"""What the pages bring along from others is exactly what was fetched, and pages name only files that are there."""

import hashlib
from pathlib import Path

import pytest

from vangnet.errors import NotFound
from vangnet.web.static_files import FOLDER, StaticFiles


def test_vendored_files_are_those_that_were_fetched() -> None:
    vendor = FOLDER / "vendor"
    lines = (vendor / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    sums = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    found = {
        str(path.relative_to(vendor)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert found == sums
    assert any(name.endswith("LICENSE.md") for name in found)


def test_a_change_of_one_file_changes_every_address(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a")
    (tmp_path / "b.js").write_text("b")
    before = StaticFiles(tmp_path)
    (tmp_path / "b.js").write_text("c")
    after = StaticFiles(tmp_path)
    assert before.address("a.css") != after.address("a.css")
    assert StaticFiles(tmp_path).address("a.css") == after.address("a.css")


def test_a_file_that_is_not_there_has_no_address() -> None:
    with pytest.raises(KeyError):
        StaticFiles().address("nothing.css")


def test_another_version_is_not_found() -> None:
    with pytest.raises(NotFound):
        StaticFiles().answer("0" * 16, "vangnet.css")
