"""The papers hang together: one version, every page reachable, no dead link, and no command that does not exist."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from generators.commands import every_command
from generators.source import Module
from typer.core import TyperCommand

from vangnet.cli.main import app

_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6}\s+(.+)$", re.MULTILINE)
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def links(text: str) -> list[str]:
    """The targets of the links and pictures of a page, those in code left out."""
    without_code = re.sub(r"`[^`\n]*`", "", _FENCED.sub("", text))
    return [first or second for first, second in _LINK.findall(without_code)]


def dead_links(page: Path, root: Path) -> list[str]:
    """Links to a file or a heading that does not exist. Links to other hosts are not followed."""
    dead = []
    for link in links(page.read_text(encoding="utf-8")):
        target, _, heading = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or root not in [file, *file.parents]:
            dead.append(f"{page.relative_to(root)}: {link}")
        elif heading and heading not in anchors(file.read_text(encoding="utf-8")):
            dead.append(f"{page.relative_to(root)}: {link} (no such heading)")
    return dead


def anchors(text: str) -> set[str]:
    """The headings of a page as they are linked to."""
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(_FENCED.sub("", text))]
    return {heading.strip().replace(" ", "-") for heading in plain}


def commands_shown(text: str) -> list[str]:
    """The `vangnet` and `make` commands after a `$` in the page's `console` blocks; a trailing backslash joins lines."""
    blocks = [body.replace("\\\n", " ") for language, body in _FENCED.findall(text) if language == "console"]
    lines = [line.removeprefix("$ ").strip() for body in blocks for line in body.splitlines() if line.startswith("$ ")]
    return [part.strip() for line in lines for part in line.split("&&")]


def unknown_command(line: str, commands: dict[str, TyperCommand], targets: set[str]) -> str | None:
    """What is wrong with a command line, as far as can be told without running it."""
    words = [word for word in shlex.split(line, comments=True) if not re.fullmatch(r"[A-Z_]+=.*", word)]
    while words and words[0] in {"sudo", "exec"}:
        words.pop(0)
    if not words or Path(words[0]).name not in {"vangnet", "make"}:
        return None
    if words[0] == "make":
        unknown = [word for word in words[1:] if word not in targets and not word.startswith("-")]
        return f"`{line}`: no such make target: {unknown}" if unknown else None
    words[0] = "vangnet"
    if words[1:2] in (["--help"], ["--version"], ["--install-completion"]):
        return None
    longest_first = sorted(commands, key=len, reverse=True)
    name = next((name for name in longest_first if words[: len(name.split())] == name.split()), None)
    if name is None:
        return f"`{line}`: no such command"
    known = {"--help"} | {option for parameter in commands[name].params for option in _options(parameter)}
    wrong = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]
    return f"`{line}`: no such option: {wrong}" if wrong else None


def _options(parameter: object) -> list[str]:
    return [*getattr(parameter, "opts", []), *getattr(parameter, "secondary_opts", [])]


# --- fixtures -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages(root: Path, tracked: list[Path]) -> list[Path]:
    """Every page: those in docs, and those at the top."""
    return [root / path for path in tracked if path.suffix == ".md" and (path.parts[0] == "docs" or len(path.parts) == 1)]


@pytest.fixture(scope="module")
def commands() -> dict[str, TyperCommand]:
    """Every command of the command line."""
    return dict(every_command(app))


@pytest.fixture(scope="module")
def targets(root: Path) -> set[str]:
    """What `make` can make."""
    return set(re.findall(r"^([a-z][a-z-]*):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


# --- the papers ---------------------------------------------------------------------------------------------------


def test_the_changelogs_newest_version_is_the_packages(root: Path) -> None:
    released = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert released[0] == version


def test_the_packages_version_is_written_in_one_place(root: Path, modules: list[Module]) -> None:
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert [module.path for module in modules if f'"{version}"' in module.text] == []


def test_every_page_asks_for_the_rust_that_is_needed(root: Path, pages: list[Path]) -> None:
    needed = tomllib.loads((root / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["rust-version"]
    asked = {asked for page in pages for asked in re.findall(r"Rust (\d\.\d+)", page.read_text(encoding="utf-8"))}
    assert asked == {needed}


def test_no_page_has_a_dead_link(root: Path, pages: list[Path]) -> None:
    assert len(pages) > 20
    assert [dead for page in pages for dead in dead_links(page, root)] == []


def test_every_page_of_docs_is_linked_from_its_index(root: Path, tracked: list[Path]) -> None:
    index = root / "docs" / "index.md"
    reached = {(index.parent / link.partition("#")[0]).resolve() for link in links(index.read_text(encoding="utf-8"))}
    pages_of_docs = {root / path for path in tracked if path.parts[0] == "docs" and path.suffix == ".md"}
    assert pages_of_docs - reached == {index}


def test_every_picture_of_docs_is_shown_on_a_page(root: Path, tracked: list[Path], pages: list[Path]) -> None:
    shown = {(page.parent / link).resolve() for page in pages for link in links(page.read_text(encoding="utf-8"))}
    lost = [str(path) for path in tracked if path.as_posix().startswith("docs/images/") and (root / path) not in shown]
    assert lost == []


def test_every_command_in_a_console_block_exists(
    pages: list[Path], commands: dict[str, TyperCommand], targets: set[str], root: Path
) -> None:
    shown = [(page, line) for page in pages for line in commands_shown(page.read_text(encoding="utf-8"))]
    assert len(shown) > 10
    wrong = [(page.relative_to(root), unknown_command(line, commands, targets)) for page, line in shown]
    assert [(page, problem) for page, problem in wrong if problem is not None] == []


def test_every_decision_says_context_choice_and_cost(root: Path) -> None:
    decisions = sorted((root / "docs" / "decisions").glob("*.md"))
    assert [page.name[:4] for page in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for page in decisions:
        headings = _HEADING.findall(page.read_text(encoding="utf-8"))
        assert headings[1:] == ["Context", "Choice", "Cost"], page


# --- and each check can fail --------------------------------------------------------------------------------------


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# There is this\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md) [b](other.md#there-is-this) [c](https://example.org/gone)\n"
        "[d](gone.md) [e](other.md#not-this) ![f](gone.png) [g](../outside.md) `[h](in-code.md)`\n",
        encoding="utf-8",
    )
    assert [dead.split(": ")[1] for dead in dead_links(page, tmp_path)] == [
        "gone.md", "other.md#not-this (no such heading)", "gone.png", "../outside.md",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "vangnet paint",
        "vangnet audit verify --loudly",
        "vangnet audit paint",
        "make paint",
        ".venv/bin/vangnet paint",
        "VANGNET_PORT=8801 vangnet paint",
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str, commands: dict[str, TyperCommand], targets: set[str]) -> None:
    assert unknown_command(line, commands, targets)


@pytest.mark.parametrize(
    "line", ["vangnet audit verify --json", "VANGNET_PORT=8801 vangnet serve", "make test ARGS='-k audit'", "curl --fail x"]
)
def test_a_command_that_exists_passes(line: str, commands: dict[str, TyperCommand], targets: set[str]) -> None:
    assert unknown_command(line, commands, targets) is None


def test_commands_are_read_from_console_blocks_only() -> None:
    page = (
        "```console\n$ make demo && vangnet doctor\nfour installations\n$ vangnet key issue \\\n  --name x\n```\n"
        "```text\n$ make x\n```\n"
    )
    assert commands_shown(page) == ["make demo", "vangnet doctor", "vangnet key issue    --name x"]
