"""`vangnet gate`, as somebody with a shell uses it."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pictures import encoded, photo
from running.commands import Commands
from running.gate_lists import add_list
from running.houses import House, house

from vangnet.db.embedded import EmbeddedServer
from vangnet.gate.policy import STARTING, as_document
from vangnet.identity.model import InstallationKind

LISTED = encoded(photo(91, 600, 400), "JPEG", quality=90)
UNLISTED = encoded(photo(92, 600, 400), "JPEG", quality=90)
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def provider(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[House]:
    """The installation on whose machine the commands are given."""
    with house(postgres, tmp_path, "Wolkenhuis Hosting", InstallationKind.PROVIDER) as made:
        yield made


@pytest.fixture
def vangnet(provider: House, commands: Commands) -> Run:
    """Gives a command there."""
    environ = {
        "PATH": os.environ["PATH"],
        "VANGNET_DATABASE_URL": provider.database.conninfo,
        "VANGNET_DATA_DIR": str(provider.settings.data_dir),
        "VANGNET_KEYS_DIR": str(provider.settings.keys_dir),
    }

    def run(*arguments: object, given: str = "") -> subprocess.CompletedProcess[str]:
        return commands.run(*arguments, environ=environ, given=given)

    return run


def test_the_policy_is_shown_changed_and_shown_again(vangnet: Run) -> None:
    shown = vangnet("gate", "policy", "show")
    assert (shown.returncode, json.loads(shown.stdout)) == (0, as_document(STARTING))
    assert "starting set" in shown.stderr
    changed = as_document(STARTING) | {"perceptual_blocks": True}
    chosen = vangnet("gate", "policy", "set", "-", given=json.dumps(changed))
    assert chosen.returncode == 0, chosen.stderr
    assert json.loads(vangnet("gate", "policy", "show").stdout) == changed


@pytest.mark.parametrize("given", ["", "[]", "{}", json.dumps(as_document(STARTING) | {"unavailable": "allow"})])
def test_a_policy_that_is_none_is_refused_and_changes_nothing(vangnet: Run, given: str) -> None:
    assert vangnet("gate", "policy", "set", "-", given=given).returncode == 2


def test_files_are_checked_and_matches_kept(provider: House, vangnet: Run, tmp_path: Path) -> None:
    add_list(provider.database, provider.keys, [LISTED], name="generated")
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "listed.jpg").write_bytes(LISTED)
    (folder / "unlisted.jpg").write_bytes(UNLISTED)
    checked = vangnet("gate", "check", folder, "--json")
    assert checked.returncode == 1, checked.stderr
    answers = {Path(one["file"]).name: one for one in map(json.loads, checked.stdout.splitlines())}
    assert {name: one["decision"] for name, one in answers.items()} == {"listed.jpg": "block", "unlisted.jpg": "allow"}
    kept = json.loads(vangnet("gate", "decisions", "--json").stdout)
    assert [one["id"] for one in kept] == [answers["listed.jpg"]["check_id"]]
    shown = vangnet("gate", "decision", kept[0]["id"])
    assert "list generated" in shown.stdout
    strict = as_document(STARTING)
    strict["matches"]["baseline"]["sha256"] = "hold"
    seen = vangnet("gate", "policy", "preview", "-", "--json", given=json.dumps(strict))
    (change,) = json.loads(seen.stdout)
    assert change == {
        "because": "baseline sha256", "was": "block", "would_be": "hold", "checks": 1, "decisions": [kept[0]["id"]],
    }  # fmt: skip
    assert "1 would have come to something else" in seen.stderr
    assert vangnet("gate", "check", folder / "unlisted.jpg").returncode == 0
