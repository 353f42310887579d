"""The command line as a whole: commands on demand, and a fault of our own."""

import subprocess
import sys

import pytest

#: Stands for a hash or a person in a local variable of the code that fails.
CANARY = "kanarievogel"
_FAULTY = f"""
import sys
import vangnet.cli.index as noun
from vangnet.cli.main import main

def fail():
    local = "{CANARY}"
    raise ZeroDivisionError(local)

noun.app.command("fail")(fail)
sys.argv = ["vangnet", "index", "fail"]
main()
"""


def test_a_fault_before_logging_is_set_up_shows_its_place_and_no_value() -> None:
    done = subprocess.run([sys.executable, "-c", _FAULTY], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: a fault of Vangnet itself, incident" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert CANARY not in done.stderr + done.stdout


@pytest.mark.parametrize("heavy", ["fastapi", "procrastinate", "httpx2", "PIL"])
def test_a_command_that_needs_no_server_imports_none(heavy: str) -> None:
    probe = f"import sys, vangnet.cli.main as m; m.app; import vangnet.cli.party; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0


def test_a_misspelt_command_is_answered_with_the_one_that_was_meant() -> None:
    done = subprocess.run([sys.executable, "-m", "vangnet", "prty"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'party'" in done.stderr
