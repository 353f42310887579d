"""Every door by which reports come in, from outside to the queue; and what is broken is kept, shown, and loses nothing.

The API is in test_report_api.py, the public page in test_public_page.py.
"""

import hashlib
import json
import os
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from running.commands import Commands
from running.fake_imap import PASSWORD, USER
from running.fake_imap import serving as serving_mail
from running.houses import ACTOR, House, house
from running.server import CANARY
from running.states import wait_until

from vangnet.audit.sealer import Sealer
from vangnet.audit.verification import verify
from vangnet.db.embedded import EmbeddedServer
from vangnet.identity.model import InstallationKind, PartyKind
from vangnet.identity.service import parties
from vangnet.reports.formats import media_set
from vangnet.reports.model.drafts import (
    ItemKind,
    ReportDraft,
    Reporter,
    ReporterKind,
    Source,
)
from vangnet.reports.model.reports import Report
from vangnet.reports.service.desk import desk, showing
from vangnet.reports.service.intake import deliveries
from vangnet.simulation.cybertips import make_tips, write_folder, write_zip
from vangnet.vault.service import switching

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LINK = f"https://{CANARY}.example/gallery/7"


@dataclass(frozen=True, kw_only=True)
class PoliceDesk:
    """A police installation, and `vangnet intake` on its machine."""

    house: House
    commands: Commands
    environ: dict[str, str]

    def intake(self, *arguments: object, code: int = 0, environ: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """What the command printed."""
        done = self.commands.run("intake", *arguments, "--json", environ=self.environ | dict(environ or {}))
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        found = json.loads(done.stdout)
        return found if isinstance(found, list) else [found]

    def drafts(self, delivery_id: int) -> list[tuple[Report, ReportDraft]]:
        """The reports of a delivery, as they stand in the queue."""
        with self.house.database.transaction() as conn:
            ids = deliveries.show(conn, ACTOR, keys=self.house.keys, delivery_id=delivery_id).reports
            found = [showing.get_report(conn, ACTOR, report_id=id_) for id_ in ids]
            return [(report, showing.read_draft(conn, self.house.keys, report)) for report in found]

    def count(self) -> int:
        """How many reports there are."""
        with self.house.database.transaction() as conn:
            return sum(desk.count_by_state(conn, ACTOR).values())


@pytest.fixture(scope="module")
def police(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Iterator[PoliceDesk]:
    folder = tmp_path_factory.mktemp("doors")
    with house(postgres, folder, "Politie Voorbeeld", InstallationKind.POLICE) as made:
        with made.database.transaction() as conn:
            switching.enable(conn, ACTOR, basis="Police task", reference="P-1", now=datetime.now(UTC))
        environ = {
            "VANGNET_DATABASE_URL": made.database.conninfo,
            "VANGNET_DATA_DIR": str(made.settings.data_dir),
            "VANGNET_KEYS_DIR": str(made.settings.keys_dir),
            # It starts processes of its own.
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }
        yield PoliceDesk(house=made, commands=commands, environ=environ)


# --- bundles ---


def test_a_folder_of_bundles_is_taken_in_once_with_its_files(police: PoliceDesk, tmp_path: Path) -> None:
    tips = list(make_tips(41, 6, now=NOW))
    for number, tip in enumerate(tips):
        if number % 2:
            write_zip(tip, tmp_path / f"{tip.report_id}.zip")
        else:
            write_folder(tip, tmp_path / tip.report_id)
    (delivery,) = police.intake("bundle", tmp_path)
    assert (delivery["state"], delivery["reports"], delivery["bad"]) == ("taken", 6, 0)
    taken = police.drafts(delivery["delivery"])
    assert {draft.reference for _, draft in taken} == {tip.report_id for tip in tips}
    assert {report.source for report, _ in taken} == {Source.CYBERTIP}
    files = sum(file.stored_name is not None for tip in tips for file in tip.files)
    with police.house.database.transaction() as conn:
        came = conn.execute(
            "SELECT count(*) FROM report_item WHERE has_bytes AND report_id = ANY(%s)", [[report.id for report, _ in taken]]
        ).fetchone()
    assert came == (files,)
    before = police.count()
    (again,) = police.intake("bundle", tmp_path)
    assert again["delivery"] == delivery["delivery"]
    # The same bundles again, written anew: another delivery of the same reports.
    anew = tmp_path.with_name("anew")
    shutil.copytree(tmp_path, anew, copy_function=shutil.copyfile)
    (other,) = police.intake("bundle", anew)
    assert other["reports"] == 6
    assert other["delivery"] != delivery["delivery"]
    assert police.count() == before


def test_many_bundles_are_taken_in_by_several_processes(police: PoliceDesk, tmp_path: Path) -> None:
    for tip in make_tips(42, 70, now=NOW, with_content=False):
        write_zip(tip, tmp_path / f"{tip.report_id}.zip", one_document=True)
    before = police.count()
    (delivery,) = police.intake("bundle", tmp_path, "--jobs", 2)
    assert (delivery["state"], delivery["reports"], delivery["bad"]) == ("taken", 70, 0)
    assert police.count() == before + 70


def test_what_of_a_folder_is_broken_is_told_kept_and_can_be_mended(police: PoliceDesk, tmp_path: Path) -> None:
    good, bad = make_tips(43, 2, now=NOW, with_content=False)
    write_zip(good, tmp_path / "good.zip")
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and then nothing")
    (tmp_path / "bomb").mkdir()
    (tmp_path / "bomb" / "report.xml").write_bytes(b'<!DOCTYPE r [<!ENTITY a "b">]><report>&a;</report>')
    delivery, *problems = police.intake("bundle", tmp_path, code=1)
    assert (delivery["state"], delivery["reports"], delivery["bad"]) == ("partly", 1, 2)
    assert {one["reason"] for one in problems} == {"broken", "forbidden"}
    with police.house.database.transaction() as conn:
        shown = deliveries.show(conn, ACTOR, keys=police.house.keys, delivery_id=delivery["delivery"])
        assert len(shown.problems) == 2
    # A folder as it was, once more: after Vangnet learned to read it.
    again, *_ = police.intake("bundle", tmp_path, "--again", code=1)
    assert (again["delivery"], again["state"]) == (delivery["delivery"], "partly")
    # Mended in its place: another delivery, of which the good one is known.
    (tmp_path / "bad.zip").unlink()
    (tmp_path / "bomb" / "report.xml").unlink()
    write_zip(bad, tmp_path / "bad.zip")
    before = police.count()
    (mended,) = police.intake("bundle", tmp_path)
    assert (mended["state"], mended["reports"]) == ("taken", 2)
    assert police.count() == before + 1


# --- files of other forms ---


def test_a_table_xarf_and_a_mail_are_taken_in_from_files(police: PoliceDesk, tmp_path: Path) -> None:
    with police.house.database.transaction() as conn:
        hotline = parties.add(conn, ACTOR, name="Meldpunt Voorbeeld", kind=PartyKind.HOTLINE, now=datetime.now(UTC))
    table = tmp_path / "table.csv"
    table.write_text(f"{LINK};;;R-1;web;image\nno address;;;;;\n{LINK}/2;;;R-2;web;image\n", encoding="utf-8")
    delivery, problem = police.intake("csv", table, "--party", "Meldpunt Voorbeeld", code=1)
    assert (delivery["reports"], delivery["bad"], problem["where"]) == (2, 1, "line 2")
    for report, draft in police.drafts(delivery["delivery"]):
        assert (report.party_id, draft.reporter.kind) == (hotline.id, ReporterKind.HOTLINE)
    xarf = tmp_path / "report.json"
    xarf.write_text(
        json.dumps({"xarf_version": "4.0.0", "category": "content", "type": "csam", "report_id": "x-1", "url": LINK}),
        encoding="utf-8",
    )
    (delivery,) = police.intake("xarf", xarf)
    assert [draft.items[0].address for _, draft in police.drafts(delivery["delivery"])] == [LINK]
    mail = tmp_path / "mail.eml"
    mail.write_bytes(f"From: a <a@mail.example>\r\nSubject: x\r\n\r\n{LINK}\r\n".encode())
    (delivery,) = police.intake("mail", mail)
    assert [draft.reporter.kind for _, draft in police.drafts(delivery["delivery"])] == [ReporterKind.CITIZEN]
    assert police.intake("mail", mail)[0]["state"] == "again"
    broken = tmp_path / "broken.eml"
    broken.write_bytes(b"\x00\x01 no mail")
    assert police.intake("mail", broken, code=1)[0]["state"] == "unreadable"


def test_what_a_scan_found_is_taken_in(police: PoliceDesk, tmp_path: Path) -> None:
    lines: list[dict[str, object]] = [
        {
            "file": f"/store/{number}.jpg", "check_id": f"c-{number}", "outcome": "match", "decision": "block",
            "matches": [{"list": "generated", "entry_id": number, "classification": "baseline"}],
        }
        for number in range(3)
    ]  # fmt: skip
    lines.append({"file": "/store/odd", "outcome": None, "unread": "refused", "problem": "x"})
    report = tmp_path / "scan.jsonl"
    report.write_text("".join(json.dumps(line) + "\n" for line in [*lines, {"summary": {}}]), encoding="utf-8")
    (delivery,) = police.intake("scan", report)
    ((found, draft),) = police.drafts(delivery["delivery"])
    assert (found.source, draft.reporter.kind, len(draft.items)) == (Source.SCAN, ReporterKind.POLICE, 3)
    assert [item.file_name for item in draft.items] == [f"/store/{number}.jpg" for number in range(3)]
    assert draft.items[0].classified is not None
    assert "1" in str(len(draft.problems))
    report.write_text(json.dumps(lines[0]) + "\nnonsense\n", encoding="utf-8")
    delivery, *problems = police.intake("scan", report, code=1)
    assert (delivery["reports"], delivery["bad"]) == (1, 2)
    assert {one["where"] for one in problems} == {"line 2", "the end"}


def vics(cases: Sequence[Sequence[dict[str, object]]]) -> str:
    context = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/NL/$metadata#Cases"
    return json.dumps({"@odata.context": context, "value": [{"Media": list(media)} for media in cases]})


def medium(number: int, **other: object) -> dict[str, object]:
    md5 = hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()
    return {"MediaID": number, "Category": 1, "MD5": md5, "MimeType": "image/jpeg", **other}


def test_a_media_set_is_taken_in_case_by_case_with_its_provenance(police: PoliceDesk, tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_text(vics([[medium(1), medium(2, MD5="nonsense"), medium(3)], [medium(4)]]), encoding="utf-8")
    (delivery,) = police.intake("media-set", path, "--provenance", "Seizure 2026-7")
    taken = police.drafts(delivery["delivery"])
    assert [[item.reference for item in draft.items] for _, draft in taken] == [["1", "3"], ["4"]]
    assert all(draft.text == "provenance: Seizure 2026-7" for _, draft in taken)
    assert all(item.kind is ItemKind.HASH and dict(item.hashes)["md5"] for _, draft in taken for item in draft.items)
    assert len(taken[0][1].problems) == 1
    assert police.intake("media-set", path, "--provenance", "Seizure 2026-7")[0]["delivery"] == delivery["delivery"]
    path.write_text(vics([[medium(5)]])[:-4], encoding="utf-8")
    broken, problem = police.intake("media-set", path, "--provenance", "Seizure 2026-8", code=1)
    assert (broken["state"], broken["reports"], problem["reason"]) == ("partly", 1, "broken")


def test_a_large_set_is_cut_in_the_same_parts_each_time() -> None:
    seen = []
    rows = [medium(number, **({"MD5": ""} if number % 7 == 0 else {})) for number in range(2 * media_set.ITEMS_MAX + 10)]
    for _ in range(2):
        content = vics([rows]).encode()
        parts = media_set.read(
            _Stream(content),
            reporter=Reporter(kind=ReporterKind.POLICE),
            provenance="x",
            reference="set",
            country=None,
            now=NOW,
        )
        seen.append(
            [
                (part.draft.reference, len(part.draft.items), part.position, part.skipped)
                for part in parts
                if part.draft is not None
            ]
        )
    assert seen[0] == seen[1]
    assert [position for _, _, position, _ in seen[0]] == [5000, 10_000, 10_010]
    assert sum(items + skipped for _, items, _, skipped in seen[0]) == len(rows)


class _Stream:
    """Gives its bytes in odd pieces."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._dice = random.Random(1)  # noqa: S311 (sizes of pieces are no secret)

    def read(self, size: int = -1, /) -> bytes:
        length = self._dice.randrange(1, max(2, size if size > 0 else 70_000))
        piece, self._content = self._content[:length], self._content[length:]
        return piece


# --- the mailbox ---


def test_the_mailbox_is_looked_into_and_tried_out(police: PoliceDesk, tmp_path: Path) -> None:
    with serving_mail(tmp_path) as mailbox:
        environ = {
            "VANGNET_MAILBOX_HOST": "127.0.0.1", "VANGNET_MAILBOX_PORT": str(mailbox.port), "VANGNET_MAILBOX_USER": USER,
            "VANGNET_MAILBOX_PASSWORD": PASSWORD, "VANGNET_PARTNER_CA_FILE": str(mailbox.ca_file),
        }  # fmt: skip
        mailbox.put(f"From: a <a@mail.example>\r\nSubject: from the mailbox\r\n\r\n{LINK}\r\n".encode())
        before = police.count()
        assert police.intake("mailbox", environ=environ) == [{"taken": 1, "again": 0, "too_large": 0}]
        with police.house.working():
            wait_until(lambda: police.count() == before + 1)
        refused = police.commands.run(
            "intake", "mailbox", environ=police.environ | environ | {"VANGNET_MAILBOX_PASSWORD": "wrong-one"}
        )
    assert refused.returncode == 3
    assert "refuses the name and password" in refused.stderr
    assert USER not in refused.stderr


def test_the_trail_of_the_desk_verifies(police: PoliceDesk) -> None:
    house_, heads = police.house, police.house.settings.audit_heads_dir
    heads.parent.mkdir(parents=True, exist_ok=True)
    with Sealer(house_.database, house_.keys, heads):
        wait_until(lambda: verify(house_.database, heads, [house_.keys.public_key]).ok)
