"""CyberTips with their files: archives and folders, sound, hostile and large."""

import io
import os
import re
import resource
import struct
import warnings
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running.lists import mutated

from vangnet.errors import AppError, InvalidInput
from vangnet.reports.formats import bundle
from vangnet.reports.formats.archives import Limits, harmless
from vangnet.reports.formats.bundle import Bundled
from vangnet.reports.formats.reading import Unreadable, UnreadableReason
from vangnet.reports.model.drafts import ItemKind
from vangnet.simulation import cybertips as made

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TIP = made.make_tip(7, now=NOW, files=3)


def archive(path: Path, members: dict[str, bytes] | list[tuple[str, bytes]]) -> Path:
    """An archive with these members, whatever they are called."""
    pairs = members.items() if isinstance(members, dict) else members
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate name")
        for name, content in pairs:
            written.writestr(zipfile.ZipInfo(name), content, compress_type=zipfile.ZIP_DEFLATED)
    return path


def read(path: Path, limits: Limits = bundle.STARTING) -> list[Bundled | Unreadable]:
    return list(bundle.read(path, now=NOW, limits=limits))


def only(path: Path) -> Bundled:
    (found,) = read(path)
    assert isinstance(found, Bundled), found
    return found


def refused(path: Path, limits: Limits = bundle.STARTING) -> Unreadable:
    (found,) = read(path, limits)
    assert isinstance(found, Unreadable), found
    return found


def said(found: Bundled) -> str:
    return "; ".join(found.draft.problems)


# --- what is read ---


def test_a_report_comes_with_each_of_its_files(tmp_path: Path) -> None:
    made.write_zip(TIP, tmp_path / "tip.zip")
    contents = []
    for found in bundle.read(tmp_path / "tip.zip", now=NOW):
        assert isinstance(found, Bundled)
        assert (found.draft.reference, found.draft.problems) == (TIP.report_id, ())
        for place, member in found.files.items():
            with member.open() as stream:
                contents.append((found.draft.items[place].reference, stream.read()))
            assert found.draft.items[place].size_bytes == member.size_bytes
    assert contents == [(file.file_id, file.content) for file in TIP.files]


def test_a_folder_is_read_as_an_archive_is(tmp_path: Path) -> None:
    made.write_zip(TIP, tmp_path / "tip.zip")
    made.write_folder(TIP, tmp_path / "tip")
    assert only(tmp_path / "tip").draft == only(tmp_path / "tip.zip").draft


def test_details_in_one_document_are_read_as_those_in_many(tmp_path: Path) -> None:
    made.write_zip(TIP, tmp_path / "a.zip")
    made.write_zip(TIP, tmp_path / "b.zip", one_document=True)
    assert only(tmp_path / "a.zip").draft == only(tmp_path / "b.zip").draft


def test_a_folder_of_many_deliveries_is_read_one_by_one(tmp_path: Path) -> None:
    tips = list(made.make_tips(4, 12, now=NOW, with_content=False))
    for number, tip in enumerate(tips):
        if number % 2:
            made.write_zip(tip, tmp_path / f"{number}.zip")
        else:
            made.write_folder(tip, tmp_path / f"month/{number}")
    found = read(tmp_path)
    assert {one.draft.reference for one in found if isinstance(one, Bundled)} == {tip.report_id for tip in tips}
    assert len(found) == 12


def test_a_folder_of_more_than_the_limit_is_read_folder_by_folder(tmp_path: Path) -> None:
    tips = list(made.make_tips(9, 6, now=NOW))
    for number, tip in enumerate(tips):
        made.write_folder(tip, tmp_path / f"{number}")
    most = max(len(tip.members()) for tip in tips)
    found = read(tmp_path, Limits(members=most))
    assert {one.draft.reference for one in found if isinstance(one, Bundled)} == {tip.report_id for tip in tips}


def test_a_document_alone_is_a_report_without_files(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(made.document(TIP.report))
    found = only(tmp_path / "a.xml")
    assert found.files == {}
    assert found.draft.people


def test_documents_and_files_in_folders_side_by_side_belong_together(tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    for seed in (1, 2):
        tip = made.make_tip(seed, now=NOW, files=2)
        for name, content in tip.members().items():
            kind = "xml" if name.endswith(".xml") else "media"
            members[f"{tip.report_id}/{kind}/{name.rpartition('/')[2]}"] = content
    found = read(archive(tmp_path / "both.zip", members))
    assert [len(one.files) for one in found if isinstance(one, Bundled)] == [2, 2]
    assert [one.draft.problems for one in found if isinstance(one, Bundled)] == [(), ()]


def test_the_number_of_a_report_that_does_not_say_it_is_that_of_its_delivery(tmp_path: Path) -> None:
    path = archive(tmp_path / "CyberTip_12345678.zip", {"report.xml": made.document(TIP.report)})
    assert only(path).draft.reference == "12345678"
    assert "the name of its delivery" in said(only(path))


def test_a_receipt_beside_a_report_gives_its_number(tmp_path: Path) -> None:
    receipt = "<reportDoneResponse><responseCode>0</responseCode><reportId>998877</reportId></reportDoneResponse>"
    path = archive(tmp_path / "a.zip", {"a.xml": made.document(TIP.report), "b.xml": made.document(receipt)})
    found = [one for one in read(path) if isinstance(one, Bundled)]
    assert [one.draft.reference for one in found] == ["998877"]


def test_a_file_is_known_by_its_original_name_where_only_one_has_it(tmp_path: Path) -> None:
    files = tuple(replace(file, stored_name=file.original_name) for file in TIP.files)
    tip = replace(TIP, files=files)
    made.write_zip(tip, tmp_path / "a.zip")
    assert len(only(tmp_path / "a.zip").files) == 3
    same = [text.replace(file.original_name, "image.png") for text, file in zip(TIP.details, files, strict=True)]
    tip = replace(
        tip, details=tuple(same), files=tuple(replace(file, stored_name="image.png") for file in files[:1]) + files[1:]
    )
    made.write_zip(tip, tmp_path / "b.zip")
    assert "it is not clear which" in said(only(tmp_path / "b.zip"))


def test_a_reported_file_may_be_xml_itself(tmp_path: Path) -> None:
    name = f"{TIP.files[0].file_id}.xml"
    tip = replace(TIP, files=(replace(TIP.files[0], stored_name=name, content=b"<html/>"), *TIP.files[1:]))
    members = {**made.MadeTip.members(tip), f"details/{TIP.files[0].file_id}.xml": made.document(TIP.details[0])}
    found = only(archive(tmp_path / "a.zip", members))
    assert len(found.files) == 3


def test_an_archive_that_a_report_speaks_of_is_its_file_and_no_delivery(tmp_path: Path) -> None:
    tip = replace(TIP, files=(replace(TIP.files[0], stored_name=f"{TIP.files[0].file_id}.zip"), *TIP.files[1:]))
    made.write_folder(tip, tmp_path / "tip")
    found = only(tmp_path / "tip")
    assert len(found.files) == 3
    made.write_zip(made.make_tip(8, now=NOW, files=1), tmp_path / "tip/other.zip")
    assert [type(one) for one in read(tmp_path / "tip")] == [Bundled, Bundled]


# --- nothing is lost ---


def test_a_file_that_did_not_come_along_is_told_and_its_details_stay(tmp_path: Path) -> None:
    members = dict(TIP.members())
    del members[f"files/{TIP.files[1].stored_name}"]
    found = only(archive(tmp_path / "a.zip", members))
    assert len([item for item in found.draft.items if item.kind is ItemKind.FILE]) == 3
    assert len(found.files) == 2
    assert "did not come along" in said(found)


def test_a_file_that_nobody_speaks_of_is_an_item(tmp_path: Path) -> None:
    found = only(archive(tmp_path / "a.zip", {**TIP.members(), "files/more.bin": b"more"}))
    assert (found.draft.items[-1].file_name, found.draft.items[-1].size_bytes) == ("more.bin", 4)
    assert "does not speak of" in said(found)
    assert len(found.draft.items) - 1 in found.files


def test_two_files_of_one_name_are_both_there(tmp_path: Path) -> None:
    twice = [*TIP.members().items(), (f"files/{TIP.files[0].stored_name}", b"another")]
    found = only(archive(tmp_path / "a.zip", twice))
    assert len(found.files) == 4


def test_a_broken_document_is_told_beside_the_good_ones(tmp_path: Path) -> None:
    members = {**TIP.members(), f"details/{TIP.files[0].file_id}.xml": b"<fileDetails><fileId>"}
    found = read(archive(tmp_path / "a.zip", members))
    assert [type(one) for one in found] == [Bundled, Unreadable]
    assert isinstance(found[0], Bundled)
    assert "a part of what was delivered was lost" in said(found[0])
    assert isinstance(found[1], Unreadable)
    assert (found[1].reason, found[1].where.rpartition("/")[2]) == (UnreadableReason.BROKEN, f"{TIP.files[0].file_id}.xml")


def test_an_archive_without_a_report_says_so(tmp_path: Path) -> None:
    assert refused(archive(tmp_path / "a.zip", {"a.jpg": b"x", "b.jpg": b"y"})).reason is UnreadableReason.NO_REPORT
    assert read(archive(tmp_path / "b.zip", {})) == []


def test_an_archive_inside_an_archive_is_named_and_not_opened(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as written:
        written.writestr("report.xml", made.document(TIP.report))
    assert refused(archive(tmp_path / "a.zip", {"inner.zip": inner.getvalue()})).reason is UnreadableReason.NESTED
    found = only(archive(tmp_path / "b.zip", {**TIP.members(), "inner.zip": inner.getvalue()}))
    assert found.draft.items[-1].file_name == "inner.zip"


# --- hostile ---


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("..\\..\\x.exe", "x.exe"),
        ("C:\\x\\y.jpg", "C:/x/y.jpg"),
        ("a/../../b", "a/b"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("a\0b.jpg", "a\ufffdb.jpg"),
        ("x" * 9000, "x" * 1000),
        ("a\u202egpj.exe", "a\ufffdgpj.exe"),
        ("a\x1b[2J.jpg", "a\ufffd[2J.jpg"),
    ],
)
def test_a_hostile_name_is_made_harmless_and_told(written: str, path: str) -> None:
    found, problems = harmless(written, now=NOW)
    assert found == path
    assert problems


def test_a_file_with_a_hostile_name_is_read_and_nothing_is_written(tmp_path: Path) -> None:
    below = tmp_path / "in"
    below.mkdir()
    members = {**TIP.members(), "../../outside.jpg": b"x"}
    found = only(archive(below / "a.zip", members))
    assert found.draft.items[-1].file_name == "outside.jpg"
    assert "points outside" in said(found)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert [path.name for path in below.iterdir()] == ["a.zip"]


def test_a_bomb_is_refused_by_what_it_says_of_itself(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"report.xml": b" " * 3_000_000})
    found = refused(path, Limits(ratio_from_bytes=1_000_000))
    assert found.reason is UnreadableReason.TOO_LARGE
    assert "3000000" in found.problem
    assert "200 times" in found.problem


def test_one_bomb_beside_a_report_is_an_item_that_is_not_opened(tmp_path: Path) -> None:
    noise = os.urandom(200_000)
    members = {**TIP.members(), "files/noise.bin": noise, "files/bomb.bin": b"\0" * 30_000_000}
    (found,) = read(archive(tmp_path / "a.zip", members), Limits(ratio_from_bytes=20_000_000))
    assert isinstance(found, Bundled)
    bomb = next(place for place, item in enumerate(found.draft.items) if item.file_name == "bomb.bin")
    assert bomb not in found.files
    assert "200 times" in said(found)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (Limits(members=3), "7 files, and 3 is the limit"),
        (Limits(total_bytes=1000), "1000 is the limit"),
        (Limits(directory_bytes=300), "directory of more than 300 bytes"),
    ],
)
def test_a_limit_is_told_with_what_was_found(tmp_path: Path, limits: Limits, says: str) -> None:
    made.write_zip(TIP, tmp_path / "a.zip")
    found = refused(tmp_path / "a.zip", limits)
    assert found.reason is UnreadableReason.TOO_LARGE
    assert says in found.problem


def test_a_file_over_the_limit_is_an_item_that_is_not_opened(tmp_path: Path) -> None:
    (found,) = read(
        archive(tmp_path / "a.zip", {**TIP.members(), "files/big": os.urandom(90_000)}), Limits(member_bytes=80_000)
    )
    assert isinstance(found, Bundled)
    assert found.draft.items[-1].size_bytes == 90_000
    assert len(found.files) == 3
    assert "80000 is the limit" in said(found)


def test_files_that_share_the_same_bytes_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"a.xml": b"<report/>" * 100, "b.xml": b"<report/>" * 100})
    data = bytearray(path.read_bytes())
    # Where the second entry of the directory says that its member begins: where the first does.
    second = data.rindex(b"PK\x01\x02")
    struct.pack_into("<L", data, second + 42, 0)
    path.write_bytes(data)
    assert refused(path).reason is UnreadableReason.FORBIDDEN


def test_a_password_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    made.write_zip(TIP, tmp_path / "a.zip")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    last = data.rindex(b"PK\x01\x02")
    data[last + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    found = only(tmp_path / "a.zip")
    assert len(found.files) == 2
    assert "has a password" in said(found)


def test_a_file_whose_bytes_are_damaged_raises_when_it_is_read(tmp_path: Path) -> None:
    made.write_zip(TIP, tmp_path / "a.zip")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    at = (
        data.index(TIP.files[2].content[100:140])
        if TIP.files[2].content[100:140] in data
        else data.rindex(b"PK\x03\x04") + 400
    )
    data[at] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(data)
    for found in bundle.read(tmp_path / "a.zip", now=NOW):
        assert isinstance(found, Bundled)
        *_, last = found.files.values()
        with last.open() as stream, pytest.raises(InvalidInput, match="damaged"):
            stream.read(last.size_bytes + 1)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_an_archive_that_is_cut_off_says_so(tmp_path: Path, share: float) -> None:
    made.write_zip(TIP, tmp_path / "a.zip")
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data[: max(4, int(len(data) * share))])
    assert refused(tmp_path / "a.zip").reason in {UnreadableReason.BROKEN, UnreadableReason.NOT_THIS_FORM}


def test_links_and_pipes_of_a_folder_are_never_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    folder = tmp_path / "tip"
    made.write_folder(TIP, folder)
    (folder / "files/link.jpg").symlink_to(secret)
    (folder / "elsewhere").symlink_to(tmp_path)
    os.mkfifo(folder / "files/pipe.jpg")
    found = read(folder)
    assert [type(one) for one in found] == [Unreadable, Bundled]
    assert isinstance(found[0], Unreadable)
    assert found[0].reason is UnreadableReason.NO_FILE
    assert found[0].problem.startswith("3 links")
    assert isinstance(found[1], Bundled)
    assert all(item.file_name not in {"link.jpg", "pipe.jpg"} for item in found[1].draft.items)


def test_a_link_put_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "tip"
    made.write_folder(TIP, folder)
    for found in bundle.read(folder, now=NOW):
        assert isinstance(found, Bundled)
        place = folder / "files" / str(TIP.files[0].stored_name)
        place.unlink()
        place.symlink_to("/etc/hostname")
        first, *_ = found.files.values()
        with pytest.raises(InvalidInput, match="a link"), first.open():
            pass


def test_names_that_are_no_utf_8_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "tip"
    made.write_folder(TIP, folder)
    (Path(os.fsdecode(os.fsencode(folder / "files") + b"/caf\xe9.jpg"))).write_bytes(b"x")
    assert only(folder).draft.items[-1].file_name == "caf\ufffd.jpg"


def test_folders_inside_folders_end_at_a_limit(tmp_path: Path) -> None:
    deep = tmp_path / "/".join("abcdefgh") / "more"
    made.write_folder(TIP, deep)
    found = refused(tmp_path, Limits(depth=5))
    assert "more than 5 folders deep" in found.problem


@pytest.mark.parametrize("kind", ["missing", "link", "pipe"])
def test_what_cannot_be_opened_at_all_is_an_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.zip"
    if kind == "link":
        path.symlink_to("/etc/hostname")
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(InvalidInput):
        read(path)


def test_a_report_of_ten_thousand_files_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as written:
        written.writestr("tip.xml", b"".join(made.many_details(10_000, report_id="123456789", now=NOW, seed=1)))
        for number in range(10_000):
            written.writestr(f"files/123456789-{number:05d}.png", b"\0" * 2000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = only(path)
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert len(found.files) == 10_000
    assert found.draft.problems == ()
    assert grown_mib < 120


# --- fuzz ---


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_any_change_to_an_archive_leaves_reports_and_what_could_not_be_read(tmp_path: Path, seed: int) -> None:
    made.write_zip(TIP, tmp_path / "a.zip")
    (tmp_path / "b.zip").write_bytes(mutated((tmp_path / "a.zip").read_bytes(), seed))
    for found in bundle.read(tmp_path / "b.zip", now=NOW):
        if isinstance(found, Bundled):
            for member in found.files.values():
                try:
                    with member.open() as stream:
                        while stream.read(65536):
                            pass
                except AppError:
                    pass


_NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20) | st.sampled_from(
    ["report.xml", "../report.xml", "a/b.xml", "a/b", "a", "a/c/d.zip", "/", "..", ".xml", "b/report.xml", "b/x.png"]
)
_CONTENTS = st.binary(max_size=50) | st.sampled_from([made.document(TIP.report), made.document(TIP.details[0]), b"<a/>"])


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(members=st.dictionaries(_NAMES, _CONTENTS, max_size=8))
def test_every_file_of_any_archive_is_an_item_or_told(tmp_path: Path, members: dict[str, bytes]) -> None:
    found = read(archive(tmp_path / "a.zip", members))
    written = [zipfile.ZipInfo(name).filename for name in members]
    files = [name for name, content in zip(written, members.values(), strict=True) if content or not name.endswith("/")]
    files = [name for name in files if not harmless(name, now=NOW)[0].lower().endswith(".xml")]
    items = sum(len(one.files) for one in found if isinstance(one, Bundled))
    counts = [re.match("[0-9]+", one.problem) for one in found if isinstance(one, Unreadable)]
    assert items + sum(int(count[0]) for count in counts if count is not None) >= len(files)
