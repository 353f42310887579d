"""Retention: chosen terms wait, then what has come to its end is erased through the vault; held media and figures stay."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from vangnet.audit.model import Actor, ActorKind
from vangnet.errors import InvalidInput, NotFound, PermissionDenied
from vangnet.identity.model import InstallationKind
from vangnet.identity.permissions import Permission
from vangnet.retention import service
from vangnet.retention.model import WAITS, State
from vangnet.retention.service import Step
from vangnet.retention.terms import STARTING, as_document
from vangnet.vault.model import Basis, EraseReason, HoldReason, MediumState
from vangnet.vault.service import keeping, looking

#: As conftest.py makes it.
Vault = Any

NOTHING = Step(moved=0, ended=0, erased=(), more=False)
JOB = Actor(
    kind=ActorKind.SYSTEM,
    id="erase_due",
    permissions=frozenset({Permission.VAULT_ERASE, Permission.VAULT_READ, Permission.VAULT_PUT}),
)


def document(**bases: tuple[int | None, str | None]) -> dict[str, Any]:
    """Terms for media, by the names of bases."""
    return {"medium": {name: {"days": days, "then": then, "source": "A paper"} for name, (days, then) in bases.items()}}


def choose(vault: Vault, **bases: tuple[int | None, str | None]) -> None:
    """Terms that count at once: they were chosen a week ago."""
    service.choose(vault.conn, vault.administrator, document=document(**bases), now=vault.now - WAITS)


def step(vault: Vault) -> Step:
    return service.erase_due(vault.conn, JOB, now=vault.now)


def test_nothing_is_erased_by_terms_that_nobody_chose_or_that_wait_yet(vault: Vault) -> None:
    put = vault.put()
    vault.later(days=10_000)
    assert step(vault) == NOTHING
    chosen = service.choose(vault.conn, vault.administrator, document=document(intake=(1, None)), now=vault.now)
    shown = service.show(vault.conn, vault.staff, now=vault.now)
    assert (shown.in_force, shown.waiting, shown.counts_at) == (None, chosen, vault.now + WAITS)
    vault.later(days=6.99)
    assert step(vault) == NOTHING
    vault.later(days=0.01)
    assert service.show(vault.conn, vault.staff, now=vault.now).in_force == chosen
    assert step(vault).erased == (put.medium.id,)


def test_what_has_come_to_its_end_is_erased_and_counted_still(vault: Vault) -> None:
    old = [vault.put(b"x" * size) for size in (1, 20, 300)]
    vault.later(days=20)
    young = vault.put()
    choose(vault, intake=(30, None))
    vault.later(days=10)
    done = step(vault)
    assert (done.moved, done.ended, set(done.erased), done.more) == (0, 3, {one.medium.id for one in old}, False)
    for medium_id in done.erased:
        assert vault.files.remove(medium_id)
        medium, keepings = looking.get_medium(vault.conn, vault.staff, medium_id=medium_id)
        assert (medium.state, medium.erase_reason, keepings) == (MediumState.ERASED, EraseReason.TERM_ENDED, [])
    assert vault.read(young.medium.id)
    counts = {one.state: (one.media, one.size_bytes) for one in looking.show(vault.conn, vault.staff).counts}
    assert counts == {MediumState.ERASED: (3, 321), MediumState.KEPT: (1, 1000)}
    assert [
        (actor, details["reason"], details["erased"]) for actor, _, details in vault.events(Permission.VAULT_ERASE)
    ] == [("system erase_due", "term_ended", True)] * 3
    assert step(vault) == NOTHING


def test_a_medium_stays_while_one_record_still_needs_it(vault: Vault) -> None:
    put = vault.put(b"generated", record_id="a")
    vault.put(b"generated", record_id="b", basis=Basis.INVESTIGATION)
    choose(vault, intake=(30, None), investigation=(None, None))
    vault.later(days=31)
    assert step(vault) == Step(moved=0, ended=1, erased=(), more=False)
    vault.later(days=5000)
    assert step(vault) == NOTHING
    assert vault.read(put.medium.id) == b"generated"


def test_the_next_term_runs_from_the_end_of_the_one_before_however_late_it_is_seen(vault: Vault) -> None:
    put = vault.put()
    begun = vault.now
    choose(vault, intake=(30, "accountability"), accountability=(100, None))
    vault.later(days=90)
    assert step(vault) == Step(moved=1, ended=0, erased=(), more=False)
    _, (kept,) = looking.get_medium(vault.conn, vault.staff, medium_id=put.medium.id)
    assert (kept.basis, kept.since) == (Basis.ACCOUNTABILITY, begun + timedelta(days=30))
    vault.later(days=40)
    assert step(vault).erased == (put.medium.id,)


def test_what_ended_twice_over_is_erased_in_one_step(vault: Vault) -> None:
    put = vault.put()
    choose(vault, intake=(30, "accountability"), accountability=(100, None))
    vault.later(days=131)
    assert step(vault) == Step(moved=1, ended=1, erased=(put.medium.id,), more=False)


def test_what_is_held_outlives_its_term_and_is_listed_as_held(vault: Vault) -> None:
    put = vault.put()
    keeping.hold(vault.conn, vault.staff, medium_id=put.medium.id, reason=HoldReason.COURT, now=vault.now)
    choose(vault, intake=(30, None))
    vault.later(days=31)
    assert step(vault) == NOTHING
    (due,) = service.list_due(vault.conn, vault.staff, now=vault.now)
    assert (due.keeping.medium_id, due.standing.state) == (put.medium.id, State.HELD)
    keeping.release(vault.conn, vault.staff, medium_id=put.medium.id, now=vault.now)
    assert step(vault).erased == (put.medium.id,)


def test_what_has_no_term_is_listed_and_not_erased(vault: Vault) -> None:
    ended, no_term, running = vault.put(), vault.put(basis=Basis.REMOVAL), vault.put()
    keeping.rest_on(
        vault.conn, vault.staff, medium_id=running.medium.id, record="report_item", record_id="3",
        basis=Basis.INVESTIGATION, now=vault.now,
    )  # fmt: skip
    choose(vault, intake=(30, None), investigation=(None, None))
    vault.later(days=400)
    due = {one.keeping.medium_id: one.standing.state for one in service.list_due(vault.conn, vault.staff, now=vault.now)}
    assert due == {ended.medium.id: State.DUE, no_term.medium.id: State.NO_TERM}
    assert step(vault).erased == (ended.medium.id,)


def test_a_preview_says_what_other_terms_would_end_and_changes_nothing(vault: Vault) -> None:
    for days in range(10):
        vault.put()
        vault.later(days=1 if days < 9 else 0)
    choose(vault, intake=(8, None))
    effects = {
        one.basis: one
        for one in service.try_out(vault.conn, vault.staff, document=document(intake=(3, None)), now=vault.now)
    }
    assert dataclasses.astuple(effects[Basis.INTAKE]) == (Basis.INTAKE, 10, 2, 7)
    assert dataclasses.astuple(effects[Basis.REFERRED]) == (Basis.REFERRED, 0, 0, 0)
    assert len(step(vault).erased) == 2


def test_many_that_are_due_are_erased_step_by_step(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "STEP", 3)
    for _ in range(7):
        vault.put()
    choose(vault, intake=(30, None))
    vault.later(days=30)
    done = []
    while not done or done[-1].more:
        done.append(step(vault))
    assert [len(one.erased) for one in done] == [3, 3, 1]


def test_terms_are_chosen_by_whoever_may_and_read_back_as_they_were(vault: Vault) -> None:
    whole = as_document(STARTING[InstallationKind.HOTLINE])
    assert service.starting(vault.conn, vault.staff) == STARTING[InstallationKind.HOTLINE]
    with pytest.raises(PermissionDenied):
        service.choose(vault.conn, vault.staff, document=whole, now=vault.now)
    with pytest.raises(InvalidInput):
        service.choose(vault.conn, vault.administrator, document={"medium": {"intake": {}}}, now=vault.now)
    first = service.choose(vault.conn, vault.administrator, document=whole, now=vault.now)
    second = service.choose(vault.conn, vault.administrator, document=document(intake=(1, None)), now=vault.later(days=8))
    shown = service.show(vault.conn, vault.staff, now=vault.now)
    assert (shown.in_force, shown.waiting) == (first, second)
    assert (first.version, second.version) == (1, 2)
    (one, other) = vault.events(Permission.RETENTION_CHOOSE)
    assert (one[1], other[1]) == ("retention_terms 1", "retention_terms 2")


def test_a_provider_has_no_terms_to_start_from(conn: Any, vault_on: Any) -> None:
    vault = vault_on(conn, InstallationKind.PROVIDER)
    with pytest.raises(NotFound):
        service.starting(conn, vault.administrator)


@pytest.mark.parametrize("missing", [Permission.VAULT_ERASE, Permission.VAULT_READ, Permission.VAULT_PUT])
def test_a_step_needs_every_permission_of_the_vault_that_it_uses(vault: Vault, missing: Permission) -> None:
    vault.put()
    choose(vault, intake=(30, "accountability"), accountability=(10, None))
    vault.later(days=50)
    actor = Actor(kind=ActorKind.SYSTEM, id="x", permissions=JOB.permissions - {missing})
    with pytest.raises(PermissionDenied, match=missing.value):
        service.erase_due(vault.conn, actor, now=vault.now)
