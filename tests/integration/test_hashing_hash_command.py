"""`vangnet hash` as a person or a script runs it."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import typer
from pictures import distance, encoded, photo, reference
from typer.testing import CliRunner, Result

from vangnet.cli.hash import hash_files
from vangnet.errors import InvalidSettings

app = typer.Typer()
app.command("hash")(hash_files)

KEYS = ["file", "md5", "sha1", "sha256", "pdq", "frames", "views", "unhashable"]


def run(*arguments: str | Path, **settings: str) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=settings)


def records(*arguments: str | Path) -> list[dict[str, object]]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, pillow_name in (
        ("a.jpg", "JPEG"),
        ("b.png", "PNG"),
        ("c.gif", "GIF"),
        ("d.webp", "WEBP"),
        ("e.avif", "AVIF"),
    ):
        (tmp_path / name).write_bytes(encoded(photo(3, 300, 200), pillow_name))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "f.bmp").write_bytes(encoded(photo(4, 300, 200), "BMP"))
    (tmp_path / "sub" / "notes.txt").write_text("no picture", encoding="utf-8")
    return tmp_path


def test_a_json_line_has_the_shape_that_scripts_rely_on(tmp_path: Path) -> None:
    image = photo(1, 640, 480)
    file = tmp_path / "photo.png"
    file.write_bytes(encoded(image, "PNG"))
    [record] = records(file)
    assert list(record) == KEYS
    hash_, quality = reference(image)
    data = file.read_bytes()
    assert record == {
        "file": str(file),
        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "sha1": hashlib.sha1(data, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "pdq": {"full": {"hash": hash_.hex(), "quality": quality}},
        "frames": [],
        "views": [],
        "unhashable": None,
    }


def test_a_folder_is_gone_through_in_order(folder: Path) -> None:
    found = [str(Path(str(record["file"])).relative_to(folder)) for record in records(folder)]
    assert found == ["a.jpg", "b.png", "c.gif", "d.webp", "e.avif", "sub/f.bmp", "sub/notes.txt"]


def test_what_is_no_picture_has_digests_and_a_reason(folder: Path) -> None:
    [record] = records(folder / "sub" / "notes.txt")
    assert record["unhashable"] == "not_media"
    assert record["pdq"] == {}
    assert record["sha256"] == hashlib.sha256(b"no picture").hexdigest()


def test_screening_gives_the_near_hash_instead(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(encoded(photo(5, 1600, 1200), "JPEG", quality=90))
    [true], [near] = records(file), records(file, "--screen")
    assert list(near["pdq"]) == ["full~"]  # type: ignore[call-overload]
    assert distance(hash_of(true, "full"), hash_of(near, "full~")) <= 8


def hash_of(record: dict[str, object], convention: str) -> bytes:
    pdq = record["pdq"]
    assert isinstance(pdq, dict)
    return bytes.fromhex(pdq[convention]["hash"])


def test_views_are_all_eight(tmp_path: Path) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(encoded(photo(5, 300, 200), "PNG"))
    [record] = records(file, "--views", "dihedral")
    views = record["views"]
    assert isinstance(views, list)
    assert [view["view"] for view in views] == [
        "original", "rotate90", "rotate180", "rotate270", "flip_x", "flip_y", "transpose", "anti_transpose",
    ]  # fmt: skip
    assert views[0]["pdq"] == record["pdq"]
    assert len({view["pdq"]["full"]["hash"] for view in views}) == 8


def test_frames_of_an_animation_are_listed(tmp_path: Path) -> None:
    file = tmp_path / "moving.gif"
    scenes = [photo(seed, 120, 90) for seed in range(3)]
    file.write_bytes(encoded(scenes[0], "GIF", save_all=True, append_images=scenes[1:], duration=50))
    [record] = records(file)
    frames = record["frames"]
    assert isinstance(frames, list)
    assert [frame["index"] for frame in frames] == [0, 1, 2]
    assert frames[0]["pdq"] == record["pdq"]


def test_a_file_that_cannot_be_read_does_not_stop_the_others(folder: Path) -> None:
    missing = folder / "missing.jpg"
    result = run(folder / "a.jpg", missing, folder / "b.png", "--json")
    assert result.exit_code == 1
    assert [Path(json.loads(line)["file"]).name for line in result.stdout.splitlines()] == ["a.jpg", "b.png"]
    assert f"error: cannot read `{missing}`" in result.stderr


def test_pipes_and_links_in_folders_are_passed_over(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "link.jpg").symlink_to(folder / "a.jpg")
    assert len(records(folder)) == 7


def test_for_people_there_is_a_line_a_file(folder: Path) -> None:
    result = run(folder)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 7
    assert reference(photo(3, 300, 200))[0].hex() in lines[1]
    assert "not_media" in lines[-1]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("VANGNET_MEDIA_BYTES_MAX", "1024", "too_large"),
        ("VANGNET_MEDIA_PIXELS_MAX", "250000", "too_large"),
        ("VANGNET_MEDIA_QUALITY_MIN", "100", "low_quality"),
    ],
)
def test_the_limits_of_the_settings_hold(tmp_path: Path, name: str, value: str, reason: str) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(encoded(photo(1, 640, 480).point(lambda value: 100 + value // 40), "JPEG"))
    result = run(file, "--json", **{name: value})
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["unhashable"] == reason


def test_a_wrong_setting_stops_it_before_a_file_is_read(tmp_path: Path) -> None:
    result = run(tmp_path, VANGNET_MEDIA_FRAMES_MAX="none")
    assert isinstance(result.exception, InvalidSettings)
    assert "VANGNET_MEDIA_FRAMES_MAX" in str(result.exception)
