"""`vangnet index` as scripts use it."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from vangnet.cli.index import app
from vangnet.errors import AppError, IndexUnusable, InvalidInput, NotFound

SEED = 20261121


def _run(*arguments: str | Path, stdin: str = "") -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
    if isinstance(result.exception, AppError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def _listed(path: Path, count: int) -> list[bytes]:
    rng = np.random.default_rng(SEED)
    hashes = [rng.bytes(32) for _ in range(count)]
    path.write_text("".join(f"{hash_.hex()}\n" for hash_ in hashes))
    return hashes


def test_build_then_lookup(tmp_path: Path) -> None:
    hashes = _listed(tmp_path / "hashes.txt", 3000)
    assert "3000 entries" in _run("build", tmp_path / "hashes.txt", tmp_path / "index").stderr
    near = bytes([hashes[5][0] ^ 0xFF]) + hashes[5][1:]
    stdin = f"{near.hex()}\n{hashes[2].hex().upper()}\n{bytes(32).hex()}\n"
    lines = _run("lookup", tmp_path / "index", "--radius", "31", "--json", stdin=stdin).stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"query": near.hex(), "matches": [{"id": 5, "distance": 8}]},
        {"query": hashes[2].hex(), "matches": [{"id": 2, "distance": 0}]},
        {"query": bytes(32).hex(), "matches": []},
    ]
    assert "no match" in _run("lookup", tmp_path / "index", "--radius", "7", stdin=near.hex()).stdout


@pytest.mark.parametrize("text", ["", "\n", "xyz\n", "00" * 31, "00" * 32 + "\n\n" + "00" * 32, "0g" + "00" * 31])
def test_a_wrong_line_is_named_by_its_number_and_never_shown(tmp_path: Path, text: str) -> None:
    good = bytes(32).hex()
    (tmp_path / "hashes.txt").write_text(f"{good}\r\n{good}\n{text}")
    if not text:
        _run("build", tmp_path / "hashes.txt", tmp_path / "index")
        return
    number = 4 if text.startswith(good) else 3
    with pytest.raises(InvalidInput, match=f"line {number}") as caught:
        _run("build", tmp_path / "hashes.txt", tmp_path / "index")
    assert "xyz" not in str(caught.value)
    assert "00" not in str(caught.value)
    assert not (tmp_path / "index").exists()


def test_an_empty_list_makes_an_index_that_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / "hashes.txt").write_text("")
    _run("build", tmp_path / "hashes.txt", tmp_path / "index")
    answer = json.loads(_run("lookup", tmp_path / "index", "--json", stdin=bytes(32).hex()).stdout)
    assert answer == {"query": bytes(32).hex(), "matches": []}


def test_a_wrong_query_stops_with_its_line_number(tmp_path: Path) -> None:
    _listed(tmp_path / "hashes.txt", 3)
    _run("build", tmp_path / "hashes.txt", tmp_path / "index")
    with pytest.raises(InvalidInput, match="standard input, line 2"):
        _run("lookup", tmp_path / "index", stdin=f"{bytes(32).hex()}\nabc\n")


def test_info_and_verify(tmp_path: Path) -> None:
    _listed(tmp_path / "hashes.txt", 2000)
    _run("build", tmp_path / "hashes.txt", tmp_path / "index")
    info = json.loads(_run("info", tmp_path / "index", "--json").stdout)
    assert info["lists"][0]["name"] == "pdq-full"
    assert info["lists"][0]["entries"] == 2000
    assert "pdq-full" in _run("info", tmp_path / "index").stdout
    assert "whole" in _run("verify", tmp_path / "index").stderr
    data = bytearray((tmp_path / "index").read_bytes())
    data[-5000] ^= 1
    (tmp_path / "index").write_bytes(data)
    _run("info", tmp_path / "index")
    with pytest.raises(IndexUnusable, match="checksum"):
        _run("verify", tmp_path / "index")
    with pytest.raises(IndexUnusable, match="checksum"):
        _run("lookup", tmp_path / "index", stdin=bytes(32).hex())


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"hashes\.txt"):
        _run("build", tmp_path / "hashes.txt", tmp_path / "index")
    with pytest.raises(NotFound):
        _run("info", tmp_path / "index")
