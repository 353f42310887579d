"""What a report says is shown as text that nobody follows by mistake."""

import io
import zipfile

import pytest

from vangnet.web.defanging import as_text, defanged


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://pictures.example/a.jpg!", "see hxxps://pictures[.]example/a.jpg!"),
        ("HTTP://198.51.100.4:8080/x", "hxxp://198[.]51[.]100[.]4:8080/x"),
        ("ftp://files.example", "fxp://files[.]example"),
        ("nobody@mail.example, 3.5 and e.g. this", "nobody@mail.example, 3.5 and e.g. this"),
    ],
)
def test_no_address_leads_anywhere(text: str, shown: str) -> None:
    assert defanged(text) == shown


def test_what_nobody_can_see_is_marked() -> None:
    assert as_text("safe\u202egpj.exe\x1b[2J".encode()) == "safe\ufffdgpj.exe\ufffd[2J"


def test_long_lines_are_cut() -> None:
    assert len(as_text(b"a" * 50_000)) < 1000


def test_the_bytes_of_a_picture_are_not_shown() -> None:
    assert as_text(bytes(range(256)) * 4) == "\u2013"


def test_of_an_archive_its_names_and_its_texts_are_shown() -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.xml", "<report>https://pictures.example/1</report>" + "x" * 10_000_000)
        archive.writestr("picture.jpg", b"\xff\xd8\xff")
    shown = as_text(written.getvalue())
    assert "<report>hxxps://pictures[.]example/1</report>" in shown
    assert "--- picture.jpg (3)" in shown
    assert len(shown) < 10_000


def test_a_broken_archive_shows_nothing() -> None:
    assert as_text(b"PK\x03\x04 and no more") == "\u2013"
