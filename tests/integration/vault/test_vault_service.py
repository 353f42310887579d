"""The vault: what is put is opened with a reason, kept once, held, and erased for good."""

import hashlib
import io
import os
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidTransition, MediumUnusable, NotFound, PermissionDenied
from vangnet.identity.model import InstallationKind
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.vault.files import PARTS, VaultFiles
from vangnet.vault.model import Basis, EraseReason, HoldReason, MediumState, OpenReason, SealedFile
from vangnet.vault.service import erasing, keeping, looking, opening, switching
from vangnet.vault.service.keeping import ToPut

#: As conftest.py makes it.
Vault = Any
VaultOn = Callable[..., Vault]


def of(sealed: SealedFile, record_id: str = "1", *, media_type: str = "image/png") -> ToPut:
    """A sealed file, for an item of a report."""
    return ToPut(sealed=sealed, media_type=media_type, record="report_item", record_id=record_id)


# --- enabling ---


@pytest.mark.parametrize("kind", [InstallationKind.PROVIDER, InstallationKind.AUTHORITY])
def test_a_provider_and_an_authority_cannot_enable_it(conn: Connection, vault_on: VaultOn, kind: InstallationKind) -> None:
    vault = vault_on(conn, kind)
    with pytest.raises(Conflict, match="keeps no media"):
        switching.enable(conn, vault.administrator, basis="A task", reference="A paper", now=vault.now)
    with pytest.raises(Conflict, match="not enabled"):
        vault.put()


def test_it_takes_nothing_in_before_it_is_enabled_and_after_it_was_disabled(conn: Connection, vault_on: VaultOn) -> None:
    vault = vault_on(conn, InstallationKind.POLICE)
    with pytest.raises(Conflict, match="not enabled"):
        vault.put()
    chosen = switching.enable(conn, vault.administrator, basis="Wpg", reference="Register 4", now=vault.now)
    assert (chosen.version, chosen.enabled, chosen.basis) == (1, True, "Wpg")
    put = vault.put(b"generated")
    assert switching.disable(conn, vault.administrator, now=vault.now).version == 2
    with pytest.raises(Conflict, match="not enabled"):
        vault.put()
    assert vault.read(put.medium.id) == b"generated"
    assert erasing.erase(
        conn, vault.administrator, medium_id=put.medium.id, reason=EraseReason.NOT_NEEDED, now=vault.now
    ).state is MediumState.ERASED  # fmt: skip
    assert [event[2] for event in vault.events(Permission.VAULT_ENABLE)] == [
        {"version": 1, "enabled": True}, {"version": 2, "enabled": False},
    ]  # fmt: skip


# --- putting and opening ---


def test_what_is_put_is_opened_with_a_reason_that_is_in_the_trail(vault: Vault) -> None:
    content = os.urandom(3_000_000)
    put = vault.put(content)
    assert put.added
    assert (put.medium.size_bytes, put.medium.state) == (3_000_000, MediumState.KEPT)
    assert vault.read(put.medium.id, OpenReason.SECOND_ASSESSMENT) == content
    assert vault.events(Permission.VAULT_OPEN) == [("person 7", f"medium {put.medium.id}", {"reason": "second_assessment"})]
    (event,) = vault.events(Permission.VAULT_PUT)
    assert event[2] == {"keeping": put.keeping.id, "basis": "intake", "added": True, "lost": None}


def test_the_database_holds_neither_the_content_nor_a_digest_of_it_nor_a_key(vault: Vault) -> None:
    content = b"a generated text that nobody may find again " * 10
    sealed = vault.files.seal(io.BytesIO(content))
    keeping.put(vault.conn, vault.staff, files=vault.files, to_put=of(sealed, media_type="text/plain"), now=vault.now)
    rows = vault.all_rows()
    assert "generated" not in rows
    for algorithm in ("md5", "sha1", "sha256"):
        assert hashlib.new(algorithm, content, usedforsecurity=False).hexdigest() not in rows
    assert sealed.content_mac.hex() in rows
    assert len(sealed.wrapped_key) == 60


def test_without_the_keys_folder_nothing_of_a_copy_opens(vault: Vault, tmp_path: Path) -> None:
    put = vault.put(b"generated")
    others = VaultFiles(vault.folder, Keys.open(tmp_path / "new-keys"), bytes_max=1024)
    leave = opening.open_medium(
        vault.conn, vault.staff, medium_id=put.medium.id, reason=OpenReason.ASSESSMENT, now=vault.now
    )
    with pytest.raises(MediumUnusable, match="does not open with the keys of this installation"):
        others.open(leave)


def test_a_sealed_key_that_was_moved_to_another_row_opens_nothing(vault: Vault) -> None:
    one, other = vault.put(b"generated 1"), vault.put(b"generated 2")
    vault.conn.execute("DELETE FROM vault_key WHERE medium_id = %s", [one.medium.id])
    vault.conn.execute(
        "INSERT INTO vault_key (medium_id, wrapped) SELECT %s, wrapped FROM vault_key WHERE medium_id = %s",
        [one.medium.id, other.medium.id],
    )
    with pytest.raises(MediumUnusable, match="its key does not open"):
        vault.read(one.medium.id)


def test_the_same_content_is_kept_once_and_each_record_has_its_keeping(vault: Vault) -> None:
    first = vault.put(b"generated", record_id="a")
    second = vault.put(b"generated", record_id="b")
    again = vault.put(b"generated", record_id="b")
    assert (first.added, second.added, again.added) == (True, False, False)
    assert first.medium.id == second.medium.id
    assert second.keeping == again.keeping
    medium, keepings = looking.get_medium(vault.conn, vault.staff, medium_id=first.medium.id)
    assert medium == first.medium
    assert [(one.record_id, one.basis) for one in keepings] == [("a", Basis.INTAKE), ("b", Basis.INTAKE)]


def test_the_files_of_a_report_are_put_together_or_not_at_all(vault: Vault) -> None:
    known = vault.put(b"generated 2")
    contents = [b"generated 1", b"generated 2", b"generated 3", b"generated 1"]
    to_put = [of(vault.files.seal(io.BytesIO(content)), f"r{number}") for number, content in enumerate(contents)]
    puts = keeping.put_many(vault.conn, vault.staff, files=vault.files, to_put=to_put, now=vault.now)
    assert [vault.read(one.medium.id) for one in puts] == contents
    assert [one.keeping.record_id for one in puts] == ["r0", "r1", "r2", "r3"]
    assert puts[1].medium.id == known.medium.id
    assert puts[0].medium.id == puts[3].medium.id
    assert sorted(one.added for one in puts) == [False, False, True, True]
    digest = hashlib.sha256("".join(f"{one.medium.id}\n" for one in puts).encode()).hexdigest()
    assert vault.events(Permission.VAULT_PUT)[1:] == [
        ("person 7", "vault this", {"media": 4, "added": 2, "lost": 0, "digest": digest})
    ]
    gone = vault.files.seal(io.BytesIO(b"generated 5"))
    vault.files.remove(gone.medium_id)
    sealed = [vault.files.seal(io.BytesIO(b"generated 4")), gone]
    with pytest.raises(Conflict, match="seal it again"), vault.conn.transaction():
        keeping.put_many(vault.conn, vault.staff, files=vault.files, to_put=[of(one) for one in sealed], now=vault.now)
    assert looking.show(vault.conn, vault.staff).counts[0].media == 3


def test_a_file_that_is_known_but_lost_is_not_relied_upon(vault: Vault) -> None:
    lost = vault.put(b"generated", record_id="a")
    vault.path(lost.medium.id).unlink()
    anew = vault.put(b"generated", record_id="b")
    assert anew.added
    assert vault.read(anew.medium.id) == b"generated"
    assert looking.get_medium(vault.conn, vault.staff, medium_id=lost.medium.id)[0].state is MediumState.LOST
    assert vault.events(Permission.VAULT_PUT)[-1][2]["lost"] == str(lost.medium.id)


def test_a_sealed_file_that_is_gone_makes_no_row(vault: Vault) -> None:
    sealed = vault.files.seal(io.BytesIO(b"generated"))
    vault.files.remove(sealed.medium_id)
    with pytest.raises(Conflict, match="seal it again"):
        keeping.put(vault.conn, vault.staff, files=vault.files, to_put=of(sealed, media_type="image/png"), now=vault.now)
    assert looking.list_media(vault.conn, vault.staff) == []


def test_nobody_opens_a_medium_without_the_permission_or_for_a_reason_that_is_not_theirs(vault: Vault) -> None:
    put = vault.put()
    nobody = Actor(kind=ActorKind.PERSON, id="8", permissions=frozenset({Permission.VAULT_READ}))
    with pytest.raises(PermissionDenied):
        opening.open_medium(vault.conn, nobody, medium_id=put.medium.id, reason=OpenReason.ASSESSMENT, now=vault.now)
    with pytest.raises(Conflict, match="for programs"):
        vault.read(put.medium.id, OpenReason.EXAMINATION)
    with pytest.raises(NotFound):
        vault.read(uuid.uuid4())
    assert vault.events(Permission.VAULT_OPEN) == []


USE_CASES = {
    Permission.VAULT_ENABLE: lambda v, a, _: switching.disable(v.conn, a, now=v.now),
    Permission.VAULT_HOLD: lambda v, a, m: keeping.hold(v.conn, a, medium_id=m, reason=HoldReason.COURT, now=v.now),
    Permission.VAULT_ERASE: lambda v, a, m: erasing.erase(v.conn, a, medium_id=m, reason=EraseReason.NOT_NEEDED, now=v.now),
    Permission.VAULT_READ: lambda v, a, m: looking.get_medium(v.conn, a, medium_id=m),
    Permission.VAULT_CHECK: lambda v, a, _: looking.check(v.conn, a, files=v.files, now=v.now),
    Permission.VAULT_PUT: lambda v, a, m: keeping.rest_on(
        v.conn, a, medium_id=m, record="report_item", record_id="1", basis=Basis.REMOVAL, now=v.now
    ),
    Permission.VAULT_OPEN: lambda v, a, m: opening.open_medium(
        v.conn, a, medium_id=m, reason=OpenReason.ASSESSMENT, now=v.now
    ),
}


@pytest.mark.parametrize("permission", USE_CASES)
def test_each_use_case_needs_its_permission_and_is_enough_with_it(vault: Vault, permission: Permission) -> None:
    put = vault.put()
    every = {one for one in Permission if one is not permission}
    with pytest.raises(PermissionDenied, match=permission.value):
        USE_CASES[permission](vault, Actor(kind=ActorKind.PERSON, id="9", permissions=frozenset(every)), put.medium.id)
    only = Actor(kind=ActorKind.PERSON, id="9", permissions=frozenset({permission}))
    assert USE_CASES[permission](vault, only, put.medium.id) is not None


# --- erasing and holding ---


def test_what_was_erased_is_opened_by_nobody_and_its_row_stays_for_the_figures(vault: Vault) -> None:
    put = vault.put(os.urandom(2_000_000), record_id="a")
    leave = opening.open_medium(
        vault.conn, vault.staff, medium_id=put.medium.id, reason=OpenReason.ASSESSMENT, now=vault.now
    )
    copy = vault.path(put.medium.id).read_bytes()
    erased = erasing.erase(
        vault.conn, vault.administrator, medium_id=put.medium.id, reason=EraseReason.ORDER, now=vault.later(hours=1)
    )
    assert vault.files.remove(put.medium.id)
    assert (erased.state, erased.size_bytes, erased.media_type) == (MediumState.ERASED, 2_000_000, "image/png")
    assert (erased.erased_at, erased.erase_reason) == (vault.now, EraseReason.ORDER)
    with pytest.raises(Conflict, match="erased"):
        vault.read(put.medium.id)
    with pytest.raises(MediumUnusable, match="not there"):
        vault.files.open(leave)
    # A copy of the file that somebody has does not help: the key is gone.
    vault.path(put.medium.id).write_bytes(copy)
    assert vault.conn.execute("SELECT count(*) FROM vault_key").fetchone() == (0,)
    with pytest.raises(Conflict, match="erased"):
        vault.read(put.medium.id)
    assert vault.conn.execute("SELECT content_mac FROM vault_medium").fetchone() == (None,)
    assert vault.events(Permission.VAULT_ERASE)[-1][2] == {"reason": "order", "erased": True, "ended": 1}
    with pytest.raises(InvalidTransition):
        erasing.erase(vault.conn, vault.administrator, medium_id=put.medium.id, reason=EraseReason.ORDER, now=vault.now)
    (count,) = looking.show(vault.conn, vault.staff).counts
    assert (count.state, count.media, count.size_bytes) == (MediumState.ERASED, 1, 2_000_000)


def test_the_same_content_after_an_erasure_is_a_new_medium(vault: Vault) -> None:
    first = vault.put(b"generated")
    erasing.erase(vault.conn, vault.administrator, medium_id=first.medium.id, reason=EraseReason.MISTAKE, now=vault.now)
    second = vault.put(b"generated")
    assert second.added
    assert second.medium.id != first.medium.id
    assert vault.read(second.medium.id) == b"generated"


def test_what_a_restored_backup_brings_back_is_lost_and_erased_again(vault: Vault) -> None:
    put = vault.put(b"generated")
    before = vault.conn.execute("SELECT content_mac, wrapped FROM vault_medium JOIN vault_key ON medium_id = id").fetchone()
    erasing.erase(vault.conn, vault.administrator, medium_id=put.medium.id, reason=EraseReason.ORDER, now=vault.now)
    vault.files.remove(put.medium.id)
    # The rows as a backup of the day before has them.
    vault.conn.execute(
        "UPDATE vault_medium SET state = 'kept', content_mac = %s, erased_at = NULL, erase_reason = NULL", [before[0]]
    )
    vault.conn.execute("INSERT INTO vault_key (medium_id, wrapped) VALUES (%s, %s)", [put.medium.id, before[1]])
    vault.conn.execute("UPDATE vault_keeping SET ended_at = NULL")
    with pytest.raises(MediumUnusable, match="not there"):
        vault.read(put.medium.id)
    (found,) = looking.check(vault.conn, vault.administrator, files=vault.files, now=vault.now).findings
    assert (found.medium_id, found.state) == (put.medium.id, MediumState.LOST)
    again = erasing.erase(
        vault.conn, vault.administrator, medium_id=put.medium.id, reason=EraseReason.RESTORED, now=vault.now
    )
    assert (again.state, again.erase_reason) == (MediumState.ERASED, EraseReason.RESTORED)


def test_a_medium_is_erased_with_the_last_record_that_needs_it(vault: Vault) -> None:
    first, second = vault.put(b"generated", record_id="a"), vault.put(b"generated", record_id="b")
    after_one = erasing.end_keeping(
        vault.conn, vault.administrator, keeping_id=first.keeping.id, reason=EraseReason.TERM_ENDED, now=vault.now
    )
    assert after_one.state is MediumState.KEPT
    assert vault.read(first.medium.id) == b"generated"
    with pytest.raises(Conflict, match="ended already"):
        erasing.end_keeping(
            vault.conn, vault.administrator, keeping_id=first.keeping.id, reason=EraseReason.TERM_ENDED, now=vault.now
        )
    after_both = erasing.end_keeping(
        vault.conn, vault.administrator, keeping_id=second.keeping.id, reason=EraseReason.TERM_ENDED, now=vault.now
    )
    assert (after_both.state, after_both.erase_reason) == (MediumState.ERASED, EraseReason.TERM_ENDED)


def test_what_is_held_is_not_erased_until_it_is_released(vault: Vault) -> None:
    put = vault.put(b"generated", record_id="a")
    vault.put(b"generated", record_id="b")
    held = keeping.hold(vault.conn, vault.staff, medium_id=put.medium.id, reason=HoldReason.COURT, now=vault.now)
    assert (held.hold, held.held_by, held.held_at) == (HoldReason.COURT, "person:7", vault.now)
    for attempt in (
        lambda: erasing.erase(
            vault.conn, vault.administrator, medium_id=put.medium.id, reason=EraseReason.NOT_NEEDED, now=vault.now
        ),
        lambda: erasing.end_keeping(
            vault.conn, vault.administrator, keeping_id=put.keeping.id, reason=EraseReason.TERM_ENDED, now=vault.now
        ),
    ):
        with pytest.raises(Conflict, match="held"):
            attempt()
    assert [one.id for one in looking.list_media(vault.conn, vault.staff, held=True)] == [put.medium.id]
    keeping.release(vault.conn, vault.staff, medium_id=put.medium.id, now=vault.now)
    with pytest.raises(Conflict, match="not held"):
        keeping.release(vault.conn, vault.staff, medium_id=put.medium.id, now=vault.now)
    erasing.erase(vault.conn, vault.administrator, medium_id=put.medium.id, reason=EraseReason.NOT_NEEDED, now=vault.now)
    assert [one[2]["held"] for one in vault.events(Permission.VAULT_HOLD)] == [True, False]


def test_another_basis_begins_another_term_and_the_same_one_does_not(vault: Vault) -> None:
    put = vault.put(record_id="a")
    begun = vault.now
    rest = {"medium_id": put.medium.id, "record": "report_item", "record_id": "a"}
    same = keeping.rest_on(vault.conn, vault.staff, **rest, basis=Basis.INTAKE, now=vault.later(days=1))
    assert (same.basis, same.since) == (Basis.INTAKE, begun)
    other = keeping.rest_on(vault.conn, vault.staff, **rest, basis=Basis.REFERRED, now=vault.later(days=1))
    assert (other.basis, other.since) == (Basis.REFERRED, vault.now)
    with pytest.raises(NotFound):
        keeping.rest_on(vault.conn, vault.staff, **(rest | {"record_id": "b"}), basis=Basis.INTAKE, now=vault.now)


# --- sweeping and checking ---


def swept(vault: Vault, now: datetime) -> erasing.Swept:
    """What a sweep of all parts removed."""
    found = [erasing.sweep(vault.conn, vault.administrator, files=vault.files, part=part, now=now) for part in range(PARTS)]
    return erasing.Swept(
        erased=sum(one.erased for one in found),
        unknown=sum(one.unknown for one in found),
        unfinished=sum(one.unfinished for one in found),
    )


def test_a_sweep_removes_what_nothing_opens_and_nothing_else(vault: Vault) -> None:
    kept, erased = vault.put(b"generated 1"), vault.put(b"generated 2")
    orphan = vault.files.seal(io.BytesIO(b"generated 3"))
    vault.path(kept.medium.id).with_name(".new-left").write_bytes(b"half")
    erasing.erase(vault.conn, vault.administrator, medium_id=erased.medium.id, reason=EraseReason.NOT_NEEDED, now=vault.now)
    soon = datetime.now(UTC)
    assert swept(vault, soon) == erasing.Swept(erased=1, unknown=0, unfinished=0)
    # By now nobody is about to make a row for it any more.
    later = soon + erasing.UNKNOWN_LASTS + timedelta(minutes=1)
    assert swept(vault, later) == erasing.Swept(erased=0, unknown=1, unfinished=1)
    assert swept(vault, later) == erasing.Swept(erased=0, unknown=0, unfinished=0)
    assert not vault.path(orphan.medium_id).exists()
    assert vault.read(kept.medium.id) == b"generated 1"


def test_a_check_finds_what_is_lost_and_what_is_there_again(vault: Vault) -> None:
    whole, gone, changed = vault.put(b"generated 1"), vault.put(b"generated 2"), vault.put(b"generated 3")
    vault.path(gone.medium.id).rename(vault.folder / "aside")
    content = vault.path(changed.medium.id).read_bytes()
    vault.path(changed.medium.id).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    def check(*, all_bytes: bool = False) -> dict[uuid.UUID, MediumState]:
        found = looking.check(vault.conn, vault.administrator, files=vault.files, whole=all_bytes, now=vault.now)
        assert found.after is None
        return {one.medium_id: one.state for one in found.findings}

    assert check() == {gone.medium.id: MediumState.LOST}
    assert check(all_bytes=True) == {gone.medium.id: MediumState.LOST, changed.medium.id: MediumState.LOST}
    with pytest.raises(Conflict, match="lost"):
        vault.read(gone.medium.id)
    (vault.folder / "aside").rename(vault.path(gone.medium.id))
    assert check() == {gone.medium.id: MediumState.KEPT, changed.medium.id: MediumState.LOST}
    assert vault.read(gone.medium.id) == b"generated 2"
    assert vault.read(whole.medium.id) == b"generated 1"
    assert [one[2] for one in vault.events(Permission.VAULT_CHECK)] == [
        {"media": 3, "whole": False, "lost": 1, "kept": 0},
        {"media": 3, "whole": True, "lost": 2, "kept": 0},
        {"media": 3, "whole": False, "lost": 1, "kept": 1},
    ]


def test_what_is_found_again_after_its_content_was_put_anew_stays_apart(vault: Vault) -> None:
    first = vault.put(b"generated", record_id="a")
    vault.path(first.medium.id).rename(vault.folder / "aside")
    second = vault.put(b"generated", record_id="b")
    (vault.folder / "aside").rename(vault.path(first.medium.id))
    (found,) = looking.check(vault.conn, vault.administrator, files=vault.files, now=vault.now).findings
    assert (found.medium_id, found.state) == (first.medium.id, MediumState.LOST)
    assert "another medium has its content" in found.problem
    assert vault.read(second.medium.id) == b"generated"
