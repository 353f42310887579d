"""What may lie in the repository: media in two folders only, nothing large, no registry address, no path of a machine."""

import re
from pathlib import Path

import pytest

#: Screenshots of made-up data, and the pages' own signs. Test pictures are generated when a test runs.
MEDIA_HOMES = ("docs/images/", "src/vangnet/web/static/")
_MEDIA_SUFFIXES = {
    ".apng", ".avi", ".avif", ".bmp", ".gif", ".heic", ".heif", ".ico", ".jpeg", ".jpg", ".jxl", ".m4v", ".mkv", ".mov",
    ".mp3", ".mp4", ".mpeg", ".ogg", ".pdf", ".png", ".svg", ".tif", ".tiff", ".wav", ".webm", ".webp", ".wmv",
}  # fmt: skip
#: How files of these kinds begin, whatever they are called.
_MEDIA_STARTS = (
    b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM6", b"II*\x00", b"MM\x00*", b"\x1aE\xdf\xa3", b"OggS", b"%PDF-",
)  # fmt: skip
LARGEST_BINARY_BYTES = 300_000
#: A package index or a mirror of one; a lock file that names one makes every other checkout depend on it.
_REGISTRY = re.compile(
    r"https?://\S+\.(?:whl|tgz|crate|deb)\b|--(?:extra-)?index-url\s*=?\s*http|--find-links\s"
    r"|^\s*\"resolved\"\s*:\s*\"https?:|sparse\+https?:",
    re.MULTILINE,
)
_MACHINE_PATH = re.compile(r"(?<![\w.~$}/-])/(?:home|Users|workspace|builds)/[\w.-]{2,}")
#: These describe the rule itself.
_ABOUT_THE_RULE = {Path("tests/docs/test_files.py")}


def is_media(path: Path, start: bytes) -> bool:
    """Whether the file is, or seems to be, a picture, film, sound or document."""
    return path.suffix.lower() in _MEDIA_SUFFIXES or start.startswith(_MEDIA_STARTS) or start[4:8] == b"ftyp"


def is_binary(content: bytes) -> bool:
    """Whether a text editor would make nothing of it."""
    return b"\0" in content[:8192]


def addresses_of_a_machine(text: str) -> list[str]:
    """Registry addresses and absolute paths that hold on one machine only."""
    return _REGISTRY.findall(text) + _MACHINE_PATH.findall(text)


def test_media_files_lie_in_two_folders_only(root: Path, tracked: list[Path]) -> None:
    strays = [
        str(path)
        for path in tracked
        if not path.as_posix().startswith(MEDIA_HOMES) and is_media(path, (root / path).read_bytes()[:16])
    ]
    assert strays == []


def test_no_binary_file_is_large(root: Path, tracked: list[Path]) -> None:
    large = [
        f"{path}: {len(content)} bytes"
        for path in tracked
        if len(content := (root / path).read_bytes()) > LARGEST_BINARY_BYTES and is_binary(content)
    ]
    assert large == []


def test_no_file_names_a_registry_or_a_machine(root: Path, tracked: list[Path]) -> None:
    found = []
    for path in sorted(set(tracked) - _ABOUT_THE_RULE):
        content = (root / path).read_bytes()
        if not is_binary(content):
            text = content.decode("utf-8", errors="replace")
            found += [f"{path}: {address}" for address in addresses_of_a_machine(text)]
    assert found == []


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("photo.jpg", b""),
        ("PHOTO.JPEG", b""),
        ("fixture.bin", b"\xff\xd8\xff\xe0"),
        ("fixture", b"\x89PNG\r\n\x1a\n"),
        ("fixture.dat", b"\x00\x00\x00\x18ftypheic"),
    ],
)
def test_media_is_found_by_its_name_and_by_its_start(name: str, start: bytes) -> None:
    assert is_media(Path(name), start)
    assert not is_media(Path("model.py"), b'"""Who acts')


@pytest.mark.parametrize(
    "text",
    [
        "--index-url https://mirror.example.org/simple",
        '  "resolved": "https://mirror.example.org/axe-core-4.tgz",',
        "https://files.example.org/packages/x.whl",
        'Path("/home/someone/vangnet")',
        "cd /builds/checkout",
    ],
)
def test_an_address_of_a_machine_is_found(text: str) -> None:
    assert addresses_of_a_machine(text)


@pytest.mark.parametrize("text", ["see /var/lib/vangnet", "docs/home/flow.md", "https://example.org/home/page", "$HOME/x"])
def test_addresses_that_hold_everywhere_are_allowed(text: str) -> None:
    assert not addresses_of_a_machine(text)


def test_binary_content_is_told_from_text() -> None:
    assert is_binary(b"\x7fELF\x00\x01")
    assert not is_binary("Zoë in Curaçao".encode())
