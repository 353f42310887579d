# ruff: noqa: ARG002, S311 (the gate's own shape; draws that a seed repeats)
"""Going through folders: what is found, what a name may hold, and that a scan which dies at any point ends whole."""

import errno
import json
import os
import random
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

import pytest
from running.states import PATIENCE_S

from vangnet.errors import Conflict
from vangnet.gate.model import OBJECT_ID_MAX, CheckAnswer, CheckMatch, Decision, Door, Outcome
from vangnet.gate.scan import Folders, Kept, Place, Scan, Scanned, Unread, scan_shard, shown
from vangnet.gate.scan_state import Run, ScanState, open_state, own_files
from vangnet.gate.scan_totals import Totals
from vangnet.hashing.model import Digests, Reason

NOW = datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC)
LIST = UUID(int=7)


class DigestGate:
    """Lists every file whose SHA-256 begins with a small byte; notes under which ids and names it was asked."""

    def __init__(self, *, listed_below: int = 64, unavailable: bool = False) -> None:
        self.asked: list[tuple[UUID | None, str | None, bool]] = []
        self.unavailable = unavailable
        self._listed_below = listed_below

    def check(
        self,
        data: bytes,
        *,
        door: Door,
        provider_key: str | None,
        object_id: str | None,
        now: datetime,
        check_id: UUID | None,
        keep: bool,
    ) -> CheckAnswer:
        """The answer for a whole file."""
        return self._answer(sha256(data).digest(), None, check_id, object_id, keep=keep)

    def check_unread(
        self,
        reason: Reason,
        *,
        digests: Digests | None,
        door: Door,
        provider_key: str | None,
        object_id: str | None,
        now: datetime,
        check_id: UUID | None,
        keep: bool,
    ) -> CheckAnswer:
        """The answer for a file of which there are digests."""
        assert digests is not None
        return self._answer(digests.sha256, reason, check_id, object_id, keep=keep)

    def _answer(
        self, digest: bytes, reason: Reason | None, check_id: UUID | None, object_id: str | None, *, keep: bool
    ) -> CheckAnswer:
        self.asked.append((check_id, object_id, keep))
        if self.unavailable:
            return CheckAnswer(check_id=check_id or uuid4(), outcome=Outcome.UNAVAILABLE, decision=Decision.HOLD)
        if digest[0] < self._listed_below:
            match = CheckMatch(
                list_id=LIST, list_name="listed", entry_id=digest[0], classification="baseline", algorithm="sha256",
                distance=0, view="original", shadow=False,
            )  # fmt: skip
            return CheckAnswer(
                check_id=check_id or uuid4(),
                outcome=Outcome.MATCH,
                decision=Decision.BLOCK,
                matches=(match,),
                reason=reason,
            )
        outcome = Outcome.NO_MATCH if reason is None else Outcome.UNHASHABLE
        return CheckAnswer(check_id=check_id or uuid4(), outcome=outcome, decision=Decision.ALLOW, reason=reason)


def a_scan(folders: Folders, gate: DigestGate, *, id_: UUID | None = None, keep: Kept = Kept.NAMED) -> Scan:
    return Scan(id=id_ or uuid4(), folders=folders, gate=gate, clock=lambda: NOW, bytes_max=10_000, keep=keep)


def walked(*roots: Path) -> list[tuple[int, bytes, Unread | None]]:
    with Folders(roots) as folders:
        return [
            (one.folder, one.path, None) if isinstance(one, Place) else (one.place.folder, one.place.path, one.unread)
            for one in folders.walk()
        ]


# --- finding files ------------------------------------------------------------------------------------------------


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder with everything that may lie in one."""
    root = tmp_path / "store"
    (root / "b" / "deep").mkdir(parents=True)
    (root / "b" / "deep" / "file").write_bytes(b"in the deep")
    (root / "b.txt").write_bytes(b"sorts after what lies in `b`, though not by its bytes")
    (root / "line\nbreak\x1b[31m").write_bytes(b"steers a terminal")
    (root / os.fsdecode(b"\xff\xfe latin")).write_bytes(b"no UTF-8")
    (root / "empty").mkdir()
    (root / "to the deep").symlink_to(root / "b" / "deep")
    (root / "out of it").symlink_to("/etc/hostname")
    (root / "broken").symlink_to("nowhere")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
    return root


def test_every_file_is_found_once_in_a_fixed_order_and_nothing_else_is_opened(odd: Path) -> None:
    found = walked(odd)
    assert [path for _, path, unread in found if unread is None] == [
        b"b/deep/file", b"b.txt", b"line\nbreak\x1b[31m", b"\xff\xfe latin",
    ]  # fmt: skip
    assert {path: unread for _, path, unread in found if unread is not None} == {
        b"to the deep": Unread.LINK, b"out of it": Unread.LINK, b"broken": Unread.LINK,
        b"pipe": Unread.NOT_A_FILE, b"socket": Unread.NOT_A_FILE,
    }  # fmt: skip
    assert walked(odd) == found
    places = [Place(folder=folder, path=path) for folder, path, _ in found]
    assert sorted(places, key=Place.order) == places


def test_several_folders_come_one_after_the_other_without_the_scan_s_own_files(odd: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    report = other / "report"
    for path in own_files(report):
        path.touch()
    (other / "report 2").touch()
    with Folders((odd, other), besides=own_files(report)) as folders:
        places = [one for one in folders.walk() if isinstance(one, Place)]
        assert [place.path for place in places if place.folder == 1] == [b"report 2"]
        assert folders.full(places[-1]) == os.fsencode(other / "report 2")


def test_a_tree_deeper_than_any_path_may_be_long_is_gone_through(tmp_path: Path) -> None:
    root = tmp_path / "deep"
    root.mkdir()
    at, step, depth = os.open(root, os.O_PATH), "d" * 200, 30
    for _ in range(depth):
        os.mkdir(step, dir_fd=at)
        below = os.open(step, os.O_PATH, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)
    with Folders((root,)) as folders:
        (place,) = folders.walk()
        assert isinstance(place, Place)
        assert len(place.path) == depth * 201 + 4
        assert a_scan(folders, DigestGate()).examine(place).answer is not None


def test_a_link_put_in_a_folder_s_place_leads_nowhere(odd: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep" / "file").write_bytes(b"not ours to look at")
    with Folders((odd,)) as folders:
        place = next(one for one in folders.walk() if isinstance(one, Place))
        (odd / "b").rename(odd / "elsewhere")
        (odd / "b").symlink_to(outside)
        scanned = a_scan(folders, DigestGate()).examine(place)
        assert (scanned.answer, scanned.unread) == (None, Unread.GONE)
        (odd / "b").unlink()
        (odd / "b" / "deep").mkdir(parents=True)
        (odd / "b" / "deep" / "file").symlink_to(outside / "deep" / "file")
        assert a_scan(folders, DigestGate()).examine(place).unread is Unread.LINK


def test_what_is_no_file_when_it_is_opened_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with Folders((tmp_path,)) as folders:
        scan = a_scan(folders, DigestGate())
        unread = [scan.examine(Place(folder=0, path=path)).unread for path in (b"pipe", b"folder", b"gone")]
    assert unread == [Unread.NOT_A_FILE, Unread.NOT_A_FILE, Unread.GONE]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (b"/a/b c.jpg", "/a/b c.jpg"),
        ("/a/ü日.jpg".encode(), "/a/ü日.jpg"),
        (b"/a\n\x1b[2J\x7f", "/a\\n\\x1b[2J\\x7f"),
        (b"/a\xff", "/a\\xff"),
        ("/a\u202egpj.exe".encode(), "/a\\u202egpj.exe"),
    ],
)
def test_a_path_is_shown_in_one_line_and_steers_nothing(path: bytes, text: str) -> None:
    assert shown(path) == text


# --- what a file comes to -----------------------------------------------------------------------------------------


class Locked(Folders):
    """Folders in which the system does not let one file be opened."""

    def open(self, place: Place) -> BinaryIO:
        if place.path == b"b.txt":
            raise PermissionError(errno.EACCES, "Permission denied")
        return super().open(place)


def test_a_file_that_is_refused_is_told_and_the_others_go_on(odd: Path) -> None:
    with Locked((odd,)) as folders:
        scanned = list(scan_shard(a_scan(folders, DigestGate(listed_below=0)), folders.walk(), jobs=2))
    (refused,) = [one for one in scanned if one.is_to_be_seen]
    assert (refused.place.path, refused.unread, refused.problem) == (b"b.txt", Unread.REFUSED, "Permission denied")
    assert len([one for one in scanned if one.answer is not None]) == 3


@pytest.mark.parametrize("keep", list(Kept))
def test_a_decision_has_the_path_where_that_was_chosen_and_is_the_same_when_asked_again(odd: Path, keep: Kept) -> None:
    gate = DigestGate()
    with Folders((odd,)) as folders:
        id_ = uuid4()
        for _ in range(2):
            list(scan_shard(a_scan(folders, gate, id_=id_, keep=keep), folders.walk(), jobs=1))
        first, second = gate.asked[:4], gate.asked[4:]
        assert first == second
        (odd / "b.txt").write_bytes(b"changed meanwhile, and longer than it was")
        list(scan_shard(a_scan(folders, gate, id_=id_, keep=keep), folders.walk(), jobs=1))
    changed = [before[0] != after[0] for before, after in zip(first, gate.asked[8:], strict=True)]
    assert changed == [False, True, False, False]
    names = {name for _, name, _ in gate.asked}
    assert {kept for _, _, kept in gate.asked} == {keep is not Kept.NOTHING}
    assert names == ({None} if keep is not Kept.NAMED else {shown(os.fsencode(odd) + b"/" + name) for name in (
        b"b/deep/file", b"b.txt", b"line\nbreak\x1b[31m", b"\xff\xfe latin")})  # fmt: skip


def test_a_long_path_is_kept_by_its_end(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 150) / ("e" * 150)
    deep.mkdir(parents=True)
    (deep / "name.jpg").touch()
    gate = DigestGate()
    with Folders((tmp_path,)) as folders:
        list(scan_shard(a_scan(folders, gate), folders.walk(), jobs=1))
    ((_, name, _),) = gate.asked
    assert name is not None
    assert (len(name), name[0], name.endswith("e/name.jpg")) == (OBJECT_ID_MAX, "…", True)


def test_a_slow_file_holds_up_no_order_and_a_scan_that_ends_early_begins_no_more(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number:03}").write_bytes(b"x")
    turn = threading.Event()
    gate = DigestGate()

    class Slow(Scan):
        def examine(self, place: Place) -> Scanned:
            if place.path == b"000":
                assert turn.wait(PATIENCE_S)
            return super().examine(place)

    with Folders((tmp_path,)) as folders:
        scan = Slow(id=uuid4(), folders=folders, gate=gate, clock=lambda: NOW, bytes_max=1000)
        results = scan_shard(scan, folders.walk(), jobs=2)
        threading.Timer(0.1, turn.set).start()
        first = [next(results).place.path for _ in range(3)]
        results.close()
    assert first == [b"000", b"001", b"002"]
    assert scan.stopping.is_set()
    assert len(gate.asked) < 100


# --- a scan that dies ---------------------------------------------------------------------------------------------


def run_once(root: Path, gate: DigestGate, *, dies_after: int | None = None) -> Totals | None:
    """One run of a scan with its report beside; None where it died. Dying leaves the files as a killed process does."""
    state = open_state(root.parent / "report", folders=(root,), keep=Kept.NAMED)
    with Folders((root,)) as folders:
        state.begin(Run(at=NOW, index_version=1))
        totals = Totals()
        results = scan_shard(a_scan(folders, gate, id_=state.header.id), state.merged(folders), jobs=2)
        for number, scanned in enumerate(results):
            if number == dies_after:
                results.close()
                state.close()
                return None
            state.add(scanned)
            totals.add(scanned)
        state.write_report(folders, totals.summary(folders=[], runs=[], now=NOW))
    if not totals.unavailable:
        state.forget()
    state.close()
    return totals


def reported(root: Path) -> list[dict[str, object]]:
    *lines, summary = map(json.loads, (root.parent / "report").read_text(encoding="utf-8").splitlines())
    assert "summary" in summary
    return lines


def expected(root: Path) -> list[str]:
    """Every file that the gate lists, found without the code that is tested."""
    files = [Path(folder, name) for folder, _, names in os.walk(root) for name in names]
    return sorted(str(path) for path in files if sha256(path.read_bytes()).digest()[0] < 64)


def some_files(root: Path, dice: random.Random) -> Path:
    for number in range(120):
        folder = root / f"{dice.randrange(4)}" / f"{dice.randrange(3)}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}").write_bytes(dice.randbytes(30))
    return root


def test_a_scan_that_dies_again_and_again_reports_each_file_once_as_it_is_in_the_end(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    for trial in range(6):
        root = some_files(tmp_path / str(trial) / "store", dice)
        deaths, gate = 0, DigestGate()
        while run_once(root, gate, dies_after=dice.choice([0, 1, *range(2, 120, 7)]) if deaths < 12 else None) is None:
            deaths += 1
            state = root.parent / "report.progress"
            if dice.random() < 0.3:  # A power cut: the end was never written, or only in part.
                os.truncate(state, dice.randrange(state.stat().st_size + 1))
            files = [path for path in sorted(root.rglob("*")) if path.is_file()]
            dice.choice(files).unlink()
            dice.choice(files[:-1]).with_name(f"new {deaths}").write_bytes(dice.randbytes(30))
            dice.choice(files).write_bytes(dice.randbytes(31))
        assert sorted(str(one["file"]) for one in reported(root)) == expected(root)
        assert not list(root.parent.glob("report.*"))


def test_what_did_not_change_is_not_checked_again(tmp_path: Path) -> None:
    root = some_files(tmp_path / "store", random.Random(1))
    gate = DigestGate()
    assert run_once(root, gate, dies_after=100) is None
    asked = len(gate.asked)
    totals = run_once(root, gate)
    assert totals is not None
    assert (totals.files, totals.taken_over) == (120, 100)
    assert len(gate.asked) == asked + 20


def test_what_the_gate_could_not_check_is_looked_at_again(tmp_path: Path) -> None:
    root = some_files(tmp_path / "store", random.Random(2))
    totals = run_once(root, DigestGate(unavailable=True))
    assert totals is not None
    assert (totals.unavailable, len(reported(root))) == (120, 120)
    totals = run_once(root, DigestGate())
    assert totals is not None
    assert (totals.unavailable, totals.taken_over) == (0, 0)
    assert sorted(str(one["file"]) for one in reported(root)) == expected(root)


def opened(report: Path, root: Path, keep: Kept = Kept.NAMED) -> ScanState:
    state = open_state(report, folders=(root,), keep=keep)
    state.begin(Run(at=NOW, index_version=1))
    return state


def test_a_report_that_is_there_another_scan_s_state_and_a_scan_that_runs_are_left_alone(tmp_path: Path) -> None:
    finished = tmp_path / "finished"
    finished.write_text("of last week")
    with pytest.raises(Conflict, match="is there already"):
        open_state(finished, folders=(tmp_path,), keep=Kept.NAMED)
    running = opened(tmp_path / "report", tmp_path)
    with pytest.raises(Conflict, match="another scan is writing"):
        open_state(tmp_path / "report", folders=(tmp_path,), keep=Kept.NAMED)
    running.close()
    with pytest.raises(Conflict, match="of other folders or with other options"):
        open_state(tmp_path / "report", folders=(tmp_path / "other",), keep=Kept.NAMED)
    with pytest.raises(Conflict, match="of other folders or with other options"):
        open_state(tmp_path / "report", folders=(tmp_path,), keep=Kept.NOTHING)
    again = open_state(tmp_path / "report", folders=(tmp_path,), keep=Kept.NAMED)
    assert again.goes_on
    again.close()


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_what_a_scan_writes_is_the_account_s_alone(tmp_path: Path, umask: None) -> None:
    root = some_files(tmp_path / "store", random.Random(3))
    assert run_once(root, DigestGate(), dies_after=10) is None
    assert (tmp_path / "report.progress").stat().st_mode & 0o777 == 0o600
    run_once(root, DigestGate())
    assert (tmp_path / "report").stat().st_mode & 0o777 == 0o600
