"""The vault's rules: states, who may enable it, for what a medium is opened, and what holds it."""

import itertools
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from vangnet.errors import Conflict, InvalidInput, InvalidTransition
from vangnet.identity.model.installation import InstallationKind
from vangnet.identity.permissions import KEY_SCOPES, PARTY_KEY_SCOPES, ROLE_PERMISSIONS, Permission, Role
from vangnet.vault import model
from vangnet.vault.model import Basis, HoldReason, Medium, MediumState, OpenReason, VaultChoice

NOW = datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC)


def medium(**other: Any) -> Medium:
    values: dict[str, Any] = {
        "id": UUID(int=1), "state": MediumState.KEPT, "size_bytes": 9, "media_type": "image/png", "put_at": NOW,
        "hold": None, "held_at": None, "held_by": None, "erased_at": None, "erase_reason": None,
    }  # fmt: skip
    return Medium(**(values | other))


def test_what_is_erased_stays_erased() -> None:
    allowed = {
        (before, after) for before, after in itertools.product(MediumState, repeat=2) if after in model.TRANSITIONS[before]
    }
    assert allowed == {
        (MediumState.KEPT, MediumState.LOST), (MediumState.LOST, MediumState.KEPT),
        (MediumState.KEPT, MediumState.ERASED), (MediumState.LOST, MediumState.ERASED),
    }  # fmt: skip
    with pytest.raises(InvalidTransition):
        model.moved(MediumState.ERASED, MediumState.KEPT)


@pytest.mark.parametrize("kind", InstallationKind)
def test_only_a_hotline_and_the_police_keep_media(kind: InstallationKind) -> None:
    if kind in {InstallationKind.HOTLINE, InstallationKind.POLICE}:
        model.require_may_enable(kind)
    else:
        with pytest.raises(Conflict, match="only a hotline or the police"):
            model.require_may_enable(kind)


@pytest.mark.parametrize("enabled", [None, False])
def test_nothing_is_put_into_a_vault_that_is_not_enabled(enabled: bool | None) -> None:
    choice = None if enabled is None else VaultChoice(
        version=1, enabled=False, basis=None, reference=None, chosen_by="console:0", chosen_at=NOW
    )  # fmt: skip
    with pytest.raises(Conflict, match="not enabled"):
        model.require_enabled(choice)


@pytest.mark.parametrize("reason", OpenReason)
def test_what_is_out_of_the_work_is_opened_only_to_answer_for_it(reason: OpenReason) -> None:
    kept = {Basis.ACCOUNTABILITY}
    if reason in {OpenReason.COMPLAINT, OpenReason.COURT, OpenReason.CONTROL}:
        model.require_openable(medium(), kept, reason, by_person=True)
    else:
        with pytest.raises(Conflict, match="out of the work"):
            model.require_openable(medium(), kept, reason, by_person=False)
    model.require_openable(medium(), kept | {Basis.INTAKE}, reason, by_person=False)


def test_a_person_cannot_say_that_nobody_saw_it() -> None:
    with pytest.raises(Conflict, match="for programs"):
        model.require_openable(medium(), {Basis.INTAKE}, OpenReason.EXAMINATION, by_person=True)
    model.require_openable(medium(), {Basis.INTAKE}, OpenReason.EXAMINATION, by_person=False)


@pytest.mark.parametrize("state", [MediumState.LOST, MediumState.ERASED])
def test_what_is_not_there_is_not_opened(state: MediumState) -> None:
    with pytest.raises(Conflict, match=state.value):
        model.require_openable(medium(state=state), {Basis.INTAKE}, OpenReason.ASSESSMENT, by_person=True)


def test_what_is_held_is_not_erased() -> None:
    model.require_not_held(medium())
    with pytest.raises(Conflict, match="held"):
        model.require_not_held(medium(hold=HoldReason.COURT, held_at=NOW, held_by="person:1"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("image/PNG", "image/png"),
        (" video/mp4; codecs=x", "video/mp4"),
        ("application/vnd.x-y+zip", "application/vnd.x-y+zip"),
    ],
)
def test_a_media_type_is_kept_in_one_form(text: str, kept: str) -> None:
    assert model.checked_media_type(text) == kept


@pytest.mark.parametrize("text", ["", "image", "image/", "image/png\nx", "image/<b>", "i" * 70 + "/png", "\u202eimage/png"])
def test_what_is_no_media_type_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        model.checked_media_type(text)


@pytest.mark.parametrize(
    ("record", "record_id"), [("", "1"), ("Report", "1"), ("report", ""), ("report", "é"), ("r", "x" * 65)]
)
def test_a_record_that_nobody_could_find_again_is_refused(record: str, record_id: str) -> None:
    with pytest.raises(InvalidInput):
        model.checked_record(record, record_id)


def test_whoever_runs_the_machine_opens_no_medium_and_no_key_does() -> None:
    opens = {role for role in Role if Permission.VAULT_OPEN in ROLE_PERMISSIONS[role]}
    assert opens == {Role.STAFF, Role.LEAD}
    assert Permission.VAULT_OPEN not in KEY_SCOPES | PARTY_KEY_SCOPES
