"""What the doors are made of: our own JSON, help contacts, shares of a delivery, listings of what lies at a path."""

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.errors import InvalidInput
from vangnet.reports.formats import api_form, bundle, scan
from vangnet.reports.formats.bundle import Bundled
from vangnet.reports.formats.listing import list_path
from vangnet.reports.formats.reading import Unreadable
from vangnet.reports.formats.shares import Share
from vangnet.reports.model.contents import is_packed, packed, unpacked
from vangnet.reports.model.drafts import Incident, ReportDraft, Reporter, ReporterKind, Source
from vangnet.reports.rules.intake.help_contacts import HelpFor, read_contacts
from vangnet.simulation.cybertips import make_tips, write_folder, write_zip
from vangnet.simulation.help_contacts import CONTACTS

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
COMPANY = Reporter(kind=ReporterKind.COMPANY, name="Host Example")
_NAMES = st.sampled_from([
    "reference", "reported_at", "incident", "signs", "people", "traces", "places", "items", "text", "language", "kind",
    "identifiers", "address", "hashes", "classified", "scheme", "code", "viewed", "port", "at", "value", "country", "md5",
])  # fmt: skip
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(list(Incident)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES | st.text(max_size=5), inner, max_size=6),
    max_leaves=30,
)


@given(st.dictionaries(_NAMES, _JSON, max_size=12))
def test_whatever_a_program_sends_is_a_report_or_is_told(sent: dict[str, Any]) -> None:
    found = api_form.read(json.dumps(sent).encode(), reporter=COMPANY, now=NOW)
    if isinstance(found, ReportDraft):
        assert found.items or found.people or found.traces or found.text
        assert found.source is Source.API


@given(st.binary(max_size=400))
def test_bytes_of_any_kind_are_answered(content: bytes) -> None:
    assert isinstance(api_form.read(content, reporter=COMPANY, now=NOW), ReportDraft | Unreadable)
    for found in scan.read(_Once(content), reporter=COMPANY, reference="x", now=NOW):
        assert isinstance(found, ReportDraft | Unreadable)


class _Once:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, size: int = -1, /) -> bytes:  # noqa: ARG002 (all of it, once)
        """All of it, once."""
        content, self._content = self._content, b""
        return content


def test_json_is_never_taken_for_what_our_own_doors_pack() -> None:
    assert is_packed(packed(ReportDraft(source=Source.PUBLIC, reporter=COMPANY, incident=Incident.OTHER)))
    for text in (b"", b"{}", b"[]", b"x", b"x{}", b"xyz", b" {}", b"\xef\xbb\xbf{}"):
        assert not is_packed(text)


@pytest.mark.parametrize("length", [0, 1, 100, 300, 400, 500, 511, 512, 513, 2000, 100_000])
def test_what_is_packed_opens_again_however_long_it_is(length: int) -> None:
    draft = ReportDraft(source=Source.PUBLIC, reporter=COMPANY, incident=Incident.OTHER, text="né" * (length // 2))
    written = packed(draft)
    assert is_packed(written)
    assert unpacked(ReportDraft, written) == draft


# --- help contacts ---


def test_contacts_are_for_somebody_and_grow_old() -> None:
    found = read_contacts(CONTACTS.format(day="2026-11-01"))
    assert [one.name["en"] for one in found.of(HelpFor.ME)] == ["Example Youth Chat"]
    assert found.to_be_checked(date(2026, 11, 1) + timedelta(days=90)) == 0
    assert found.to_be_checked(date(2026, 11, 1) + timedelta(days=91)) == 3


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("[[contact]]", "[contact]", "TOML"),
        ('for = ["me"]', 'for = ["you"]', "contact 2 that is not `for`"),
        ('for = ["me"]', 'for = ["care"]', "none for me"),
        ('chat = "https://chat.example/"', 'chat = "http://chat.example/"', "https://"),
        ('name_nl = "Hulplijn Voorbeeld"', "", "contact 1 that has no name_nl"),
        ('name_nl = "Hulplijn Voorbeeld"', 'name_nl = " "', "empty"),
        ('phone = "0800 0000"', "", "no phone, web or chat"),
        ("checked_on = 2026-11-01", 'checked_on = "lately"', "no day"),
        ('leave_to = "https://weather.example/"', 'leave_to = "javascript:1"', "leave_to"),
        ('leave_to = "https://weather.example/"', "other = 1", "nothing else"),
        ('phone = "0800 0000"', 'phone = "0800 0000"\nfax = "1"', "something else than"),
    ],
)
def test_a_file_that_would_send_people_nowhere_is_refused(was: str, becomes: str, said: str) -> None:
    text = CONTACTS.format(day="2026-11-01")
    assert was in text
    with pytest.raises(InvalidInput, match=said):
        read_contacts(text.replace(was, becomes))


# --- shares and listings ---


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_every_report_is_in_one_share_and_a_report_that_came_twice_in_the_same(tmp_path: Path, of: int) -> None:
    for number, tip in enumerate(make_tips(61, 9, now=NOW, with_content=False)):
        match number % 3:
            case 0:
                write_zip(tip, tmp_path / f"{tip.report_id}.zip")
            case 1:
                write_folder(tip, tmp_path / "in" / tip.report_id)
            case _:
                (tmp_path / "again").mkdir(exist_ok=True)
                write_zip(tip, tmp_path / f"{tip.report_id}.zip")
                write_zip(tip, tmp_path / "again" / f"{tip.report_id}.zip")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04")
    whole = list(bundle.read(tmp_path, now=NOW))
    shares = [list(bundle.read(tmp_path, now=NOW, share=Share(number=number, of=of))) for number in range(of)]
    assert sorted(map(_named, whole)) == sorted(_named(one) for share in shares for one in share)
    references = [{one.draft.reference for one in share if isinstance(one, Bundled)} for share in shares]
    assert sum(map(len, references)) == len(set.union(*references)) == 9


def _named(one: Bundled | Unreadable) -> str:
    return f"{one.where} {one.draft.reference if isinstance(one, Bundled) else one.reason}"


def test_the_same_folder_has_the_same_listing_until_something_in_it_changes(tmp_path: Path) -> None:
    for tip in make_tips(62, 3, now=NOW, with_content=False):
        write_folder(tip, tmp_path / tip.report_id)
    first = list_path(tmp_path)
    assert first.reports == 3
    assert list_path(tmp_path) == first
    changed = next(tmp_path.rglob("report.xml"))
    os.utime(changed, ns=(1, 1))
    assert list_path(tmp_path).digest != first.digest
    (tmp_path / "link").symlink_to("/")
    assert list_path(tmp_path).reports == 3
    with pytest.raises(InvalidInput):
        list_path(tmp_path / "link")
