"""The index in memory answers as the database would, whatever happened; at rest it is sealed."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from running.registry import TestList, made_up_hash, near
from running.registry_truth import Truth
from running.states import PATIENCE_S, wait_until

from vangnet.db import Database
from vangnet.errors import IndexUnusable
from vangnet.hashing.model import Convention
from vangnet.keys import Keys
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.effects import Effect, effect
from vangnet.registry.model.entries import EntryState, HashAlgorithm, ListedHash
from vangnet.registry.model.lists import Choice, ListState
from vangnet.registry.service import feed
from vangnet.registry.service.live import LiveIndex

_STATES = (EntryState.PROPOSED, EntryState.ACTIVE, EntryState.DISPUTED, EntryState.SUSPENDED, EntryState.WITHDRAWN)


def some_hashes(dice: random.Random) -> tuple[ListedHash, ...]:
    """Hashes of a made-up picture, of several kinds."""
    kinds = [
        ListedHash(algorithm=HashAlgorithm.PDQ, value=made_up_hash(dice), convention=Convention.FLOOR512),
        ListedHash(algorithm=HashAlgorithm.PDQ, value=made_up_hash(dice)),
        ListedHash(algorithm=HashAlgorithm.MD5, value=dice.randbytes(16)),
        ListedHash(algorithm=HashAlgorithm.SHA1, value=dice.randbytes(20)),
        ListedHash(algorithm=HashAlgorithm.SHA256, value=dice.randbytes(32)),
        ListedHash(algorithm=HashAlgorithm.PHOTODNA, value=dice.randbytes(dice.choice([144, 1000]))),
    ]  # fmt: skip
    return tuple(dice.sample(kinds, dice.randint(1, len(kinds))))


def follows(live: LiveIndex, database: Database) -> Callable[[], bool]:
    def level() -> bool:
        with database.transaction() as conn:
            return live.sequence == feed.head(conn).position

    return level


def require_true(live: LiveIndex, truth: Truth, dice: random.Random) -> None:
    """Every hash that is listed, and neighbours of it, is answered as by comparing with all."""
    for entry in truth.entries:
        for hash_ in entry.hashes:
            if hash_.algorithm is HashAlgorithm.PDQ:
                value = near(hash_.value, dice.choice([0, 1, 30, 31, 32]), dice)
                wanted = ListedHash(algorithm=HashAlgorithm.PDQ, value=value, convention=hash_.convention)
                matches = live.lookup(value, 31, hash_.convention or Convention.FULL, every=True)
                told = live.lookup(value, 31, hash_.convention or Convention.FULL)
            else:
                wanted = hash_
                matches = live.find_digest(hash_.algorithm, hash_.value, every=True)
                told = live.find_digest(hash_.algorithm, hash_.value)
            expected = truth.matches(wanted)
            assert {match.entry_id: (match.distance, match.effect) for match in matches} == expected
            assert len(matches) == len(expected), "each entry once"
            counting = {match.entry_id for match in matches if match.list_state in {ListState.TRIAL, ListState.ACTIVE}}
            assert {match.entry_id for match in told} == counting, "a gate hears of lists that match something only"


def test_it_answers_as_the_database_after_any_changes_and_restarts(
    database: Database, keys: Keys, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 (it shall be repeated)
    made = [TestList.create(database, keys, f"List {number}") for number in range(3)]
    made.append(TestList.create(database, keys, "Unmapped", classification=None))
    for listed in made[:2]:
        listed.add([made_up_hash(dice)])
        listed.activate()
    entries: list[tuple[TestList, int, EntryState]] = []
    live = LiveIndex(database, keys, tmp_path / "index", merge_from=30)
    live.start()
    try:
        for _ in range(12):
            for _ in range(dice.randint(1, 12)):
                change_something(dice, made, entries)
            if dice.random() < 0.4:
                live.stop()
                for _ in range(dice.randint(0, 8)):
                    change_something(dice, made, entries)
                live = LiveIndex(database, keys, tmp_path / "index", merge_from=30)
                live.start()
            assert live.wait_until_loaded(PATIENCE_S)
            wait_until(follows(live, database))
            require_true(live, Truth(database, keys), dice)
    finally:
        live.stop()


def change_something(dice: random.Random, made: list[TestList], entries: list[tuple[TestList, int, EntryState]]) -> None:
    listed = dice.choice(made)
    drawn = dice.random()
    if drawn < 0.5 or not entries:
        state = dice.choice([EntryState.ACTIVE, EntryState.ACTIVE, EntryState.PROPOSED])
        added = listed.add_entries([some_hashes(dice) for _ in range(dice.choice([1, 1, 10]))], state=state)
        entries += [(listed, entry_id, state) for entry_id in added]
    elif drawn < 0.9:
        number = dice.randrange(len(entries))
        listed, entry_id, before = entries[number]
        state = dice.choice([one for one in _STATES if one is not before])
        if before is EntryState.SUSPENDED and state is EntryState.DISPUTED:
            return  # No such step.
        listed.set_state(entry_id, state)
        entries[number] = (listed, entry_id, state)
        if state is EntryState.WITHDRAWN:
            del entries[number]
    else:
        # One of the two that were activated: suspended, or active again.
        listed = dice.choice(made[:2])
        if listed.is_active():
            listed.suspend()
        elif any(one is listed and state is EntryState.ACTIVE for one, _, state in entries):
            listed.activate()


def test_a_merged_index_is_sealed_at_rest_and_comes_back(database: Database, keys: Keys, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 (it shall be repeated)
    listed = TestList.create(database, keys, "Known")
    hashes = [made_up_hash(dice) for _ in range(200)]
    listed.add(hashes)
    folder = tmp_path / "index"
    file = folder / f"{listed.id}.sealed"
    with LiveIndex(database, keys, folder, merge_from=100) as live:
        wait_until(file.exists)
        assert live.lookup(hashes[7], 0, every=True)
    at_rest = file.read_bytes()
    assert len(at_rest) > 32 * 200
    assert not any(hash_ in at_rest or hash_.hex().encode() in at_rest for hash_ in hashes)
    assert file.stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o077 == 0
    listed.add([later := made_up_hash(dice)])
    with LiveIndex(database, keys, folder) as again:
        assert again.wait_until_loaded(PATIENCE_S)
        assert all(again.lookup(hash_, 0, every=True) for hash_ in [*hashes, later])


@pytest.mark.parametrize("damage", ["cut", "changed", "other_list", "other_keys", "empty"])
def test_a_damaged_file_is_made_anew_from_the_database(
    database: Database, keys: Keys, tmp_path: Path, seed: int, damage: str
) -> None:
    dice = random.Random(seed)  # noqa: S311 (it shall be repeated)
    listed, other = TestList.create(database, keys, "Known"), TestList.create(database, keys, "Other")
    hashes = [made_up_hash(dice) for _ in range(50)]
    listed.add(hashes)
    other.add([made_up_hash(dice) for _ in range(50)])
    folder = tmp_path / "index"
    file, others = folder / f"{listed.id}.sealed", folder / f"{other.id}.sealed"
    with LiveIndex(database, keys, folder, merge_from=20):
        wait_until(lambda: file.exists() and others.exists())
    data = bytearray(file.read_bytes())
    match damage:
        case "cut":
            file.write_bytes(data[: dice.randrange(len(data))])
        case "changed":
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            file.write_bytes(data)
        case "other_list":
            file.write_bytes(others.read_bytes())
        case "empty":
            file.write_bytes(b"")
        case "other_keys":
            with LiveIndex(database, Keys.open(tmp_path / "other-keys"), folder, merge_from=20) as live:
                assert not live.wait_until_loaded(1), "entries do not open with other keys, and nothing is served"
                assert live.status.problem
    with LiveIndex(database, keys, folder) as live:
        assert live.wait_until_loaded(PATIENCE_S)
        assert all(live.lookup(hash_, 0, every=True) for hash_ in hashes)


def test_before_it_is_loaded_it_says_so_and_answers_nothing(database: Database, keys: Keys, tmp_path: Path) -> None:
    live = LiveIndex(database, keys, tmp_path / "index")
    with pytest.raises(IndexUnusable, match="being loaded"):
        live.lookup(bytes(32))
    assert not live.status.loaded


_CHOICE = Choice(list_id=UUID(int=1))


@pytest.mark.parametrize(
    ("state", "proposed", "classification", "choice", "distance", "expected"),
    [
        (ListState.ACTIVE, False, Classification.BASELINE, _CHOICE, 31, Effect.DECIDES),
        (ListState.ACTIVE, False, Classification.BASELINE, _CHOICE, 32, Effect.NOTHING),
        (ListState.ACTIVE, False, None, _CHOICE, 0, Effect.NOTHING),
        (ListState.ACTIVE, False, Classification.OTHER, _CHOICE, 0, Effect.NOTHING),
        (ListState.ACTIVE, False, Classification.BASELINE, replace(_CHOICE, enabled=False), 0, Effect.NOTHING),
        (ListState.ACTIVE, True, Classification.BASELINE, _CHOICE, 0, Effect.HOLDS),
        (ListState.TRIAL, False, Classification.BASELINE, _CHOICE, 0, Effect.COUNTS),
        (ListState.TRIAL, True, Classification.BASELINE, _CHOICE, 0, Effect.COUNTS),
        (ListState.QUARANTINED, False, Classification.BASELINE, _CHOICE, 0, Effect.NOTHING),
        (ListState.SUSPENDED, False, Classification.BASELINE, _CHOICE, 0, Effect.NOTHING),
    ],
    ids=range(10),
)
def test_what_a_match_brings_about(
    *,
    state: ListState,
    proposed: bool,
    classification: Classification | None,
    choice: Choice,
    distance: int,
    expected: Effect,
) -> None:
    said = effect(state, proposed=proposed, classification=classification, choice=choice, distance=distance)
    assert said is expected
