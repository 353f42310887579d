"""Single entries: agreed on, withdrawn, corrected, contested; what rested on them; choices and exports."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from running.hash_lists import ANNE, BRAM, CARL, GATE, draft, md5, near, pdq, rows

from vangnet.db import Connection, Database
from vangnet.errors import Conflict, InvalidInput, InvalidTransition, NotFound, PermissionDenied
from vangnet.keys import Keys
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.disputes import ANSWERED_WITHIN, DisputeState
from vangnet.registry.model.entries import Entry, EntryState
from vangnet.registry.model.lists import HashList, QuorumOf
from vangnet.registry.model.matches import NewMatch
from vangnet.registry.safeguards import FLOOD_LEAST
from vangnet.registry.service import choices, disputes, entries, exports, imports, known_good, lists, matches
from vangnet.registry.service.known_good import GoodPicture


@pytest.fixture
def made(conn: Connection, keys: Keys, now: datetime) -> HashList:
    return lists.create(conn, ANNE, keys=keys, name="Meldpunt", now=now)


@pytest.fixture
def entry(conn: Connection, keys: Keys, now: datetime, made: HashList) -> Entry:
    """An active entry that Anne listed."""
    return entries.propose(conn, ANNE, keys=keys, list_id=made.id, draft=draft("a"), now=now).entry


def last_events(conn: Connection, count: int) -> list[str]:
    found = conn.execute("SELECT action FROM audit_event ORDER BY id DESC LIMIT %s", [count]).fetchall()
    return [action for (action,) in found]


def count_events(conn: Connection) -> int:
    return int(conn.execute("SELECT count(*) FROM audit_event").fetchall()[0][0])


def told(entry: Entry, now: datetime, count: int = 1) -> list[NewMatch]:
    return [NewMatch(entry_id=entry.id, reference=f"upload {number}", distance=3, at=now) for number in range(count)]


def revise_all(conn: Connection, now: datetime) -> int:
    """What the job does with the changes it was deferred for."""
    jobs = conn.execute("SELECT args FROM procrastinate_jobs WHERE task_name = 'revise_matches' ORDER BY id").fetchall()
    return sum(matches.revise(conn, GATE, first=args["first"], last=args["last"], now=now) for (args,) in jobs)


# --- proposing and agreeing ---


def test_where_nobody_else_is_asked_a_proposed_entry_is_active(entry: Entry) -> None:
    assert (entry.state, entry.added_by) == (EntryState.ACTIVE, f"person:{ANNE.id}")


def test_a_quorum_of_two_people_takes_a_second_and_heeds_who_disagrees(conn: Connection, keys: Keys, now: datetime) -> None:
    made = lists.create(conn, ANNE, keys=keys, name="Two", quorum=2, quorum_of=QuorumOf.PEOPLE, now=now)
    entry = entries.propose(conn, ANNE, keys=keys, list_id=made.id, draft=draft("a"), now=now).entry
    assert entry.state is EntryState.PROPOSED

    def say(person: Any, *, agrees: bool, reason: str | None = None) -> EntryState:
        return entries.give_opinion(conn, person, keys=keys, entry_id=entry.id, agrees=agrees, reason=reason, now=now).state

    assert say(ANNE, agrees=True) is EntryState.PROPOSED
    assert say(BRAM, agrees=True) is EntryState.ACTIVE
    with pytest.raises(InvalidInput, match="reason"):
        say(CARL, agrees=False)
    assert say(CARL, agrees=False, reason="it is a car") is EntryState.PROPOSED
    assert say(CARL, agrees=True) is EntryState.ACTIVE
    assert len(entries.list_opinions(conn, ANNE, entry.id)) == 3
    with pytest.raises(Conflict, match="takes a person"):
        entries.give_opinion(
            conn, GATE.__class__(kind=GATE.kind, id="x", permissions=ANNE.permissions), keys=keys, entry_id=entry.id,
            agrees=True, now=now,
        )  # fmt: skip


def test_the_same_twice_is_refused(conn: Connection, keys: Keys, now: datetime, made: HashList, entry: Entry) -> None:
    with pytest.raises(Conflict, match="on the list already"):
        entries.propose(conn, BRAM, keys=keys, list_id=made.id, draft=draft("a"), now=now)


def test_a_proposed_entry_passes_the_safeguards(conn: Connection, keys: Keys, now: datetime, made: HashList) -> None:
    with pytest.raises(InvalidInput, match="quality below 50"):
        entries.propose(
            conn, ANNE, keys=keys, list_id=made.id, draft=draft("q", hashes=[pdq(bytes(range(32)), quality=3)]), now=now
        )
    good = GoodPicture(name="a.png", hashes=(md5("good"), pdq(bytes(range(32)))))
    known_good.add(conn, ANNE, keys=keys, set_name="cms", pictures=[good], now=now)
    near_it = draft("n", hashes=[pdq(near(bytes(range(32)), 5))])
    listed = entries.propose(conn, ANNE, keys=keys, list_id=made.id, draft=near_it, now=now)
    assert listed.entry.state is EntryState.SUSPENDED
    assert listed.collides is not None


# --- withdrawing and correcting ---


def test_a_withdrawal_is_for_good(conn: Connection, keys: Keys, now: datetime, entry: Entry) -> None:
    before = count_events(conn)
    gone = entries.withdraw(conn, BRAM, keys=keys, entry_id=entry.id, reason="a website's logo", now=now)
    assert (gone.state, gone.withdrawn_by, gone.withdrawn_why) == (
        EntryState.WITHDRAWN, f"person:{BRAM.id}", "a website's logo",
    )  # fmt: skip
    assert (count_events(conn) - before, last_events(conn, 1)) == (1, ["registry:withdraw"])
    with pytest.raises(InvalidTransition):
        entries.withdraw(conn, BRAM, keys=keys, entry_id=entry.id, reason="again", now=now)
    with pytest.raises(Conflict, match="withdrawn"):
        entries.give_opinion(conn, BRAM, keys=keys, entry_id=entry.id, agrees=True, now=now)
    with pytest.raises(NotFound):
        entries.withdraw(conn, BRAM, keys=keys, entry_id=10**9, reason="x", now=now)


def test_a_correction_puts_another_entry_in_the_place_of_the_old(
    conn: Connection, keys: Keys, now: datetime, made: HashList, entry: Entry
) -> None:
    new = entries.correct(
        conn, BRAM, keys=keys, entry_id=entry.id, draft=draft("a", category="B1"), reason="another category", now=now
    ).entry
    assert (new.replaces, new.state) == (entry.id, EntryState.ACTIVE)
    assert entries.get(conn, ANNE, entry.id).state is EntryState.WITHDRAWN
    overview = lists.overview(conn, ANNE, made.id, now=now)
    assert (overview.entries(EntryState.ACTIVE), overview.entries(EntryState.WITHDRAWN)) == (1, 1)


def test_one_person_suspends_an_entry_and_a_curator_decides(
    conn: Connection, keys: Keys, now: datetime, entry: Entry
) -> None:
    stopped = entries.suspend(conn, CARL, keys=keys, entry_id=entry.id, reason="false alarms", now=now)
    assert stopped.state is EntryState.SUSPENDED
    with pytest.raises(PermissionDenied):
        entries.resolve(conn, CARL, keys=keys, entry_id=entry.id, keep=True, reason="x", now=now)
    kept = entries.resolve(conn, ANNE, keys=keys, entry_id=entry.id, keep=True, reason="it is right", now=now)
    assert kept.state is EntryState.ACTIVE
    with pytest.raises(Conflict, match="nothing to decide"):
        entries.resolve(conn, ANNE, keys=keys, entry_id=entry.id, keep=False, reason="x", now=now)


def test_a_look_at_hashes_takes_a_permission_and_is_an_event(
    conn: Connection, keys: Keys, now: datetime, entry: Entry
) -> None:
    with pytest.raises(PermissionDenied):
        entries.open_hashes(conn, CARL, keys=keys, entry_id=entry.id, now=now)
    assert entries.open_hashes(conn, ANNE, keys=keys, entry_id=entry.id, now=now)[0] == md5("a")
    assert last_events(conn, 1) == ["registry:open"]


# --- disputes ---


def test_a_dispute_holds_the_entry_until_somebody_else_upholds_it(
    conn: Connection, keys: Keys, now: datetime, entry: Entry
) -> None:
    dispute = disputes.open_dispute(conn, CARL, keys=keys, entry_id=entry.id, reason="it is a car", now=now)
    assert entries.get(conn, ANNE, entry.id).state is EntryState.DISPUTED
    assert dispute.due_at == now + ANSWERED_WITHIN
    assert (dispute.is_late(dispute.due_at), dispute.is_late(dispute.due_at + timedelta(seconds=1))) == (False, True)
    with pytest.raises(Conflict, match="disputed"):
        disputes.open_dispute(conn, BRAM, keys=keys, entry_id=entry.id, reason="me too", now=now)
    with pytest.raises(Conflict, match="who listed the entry"):
        disputes.answer(conn, ANNE, keys=keys, dispute_id=dispute.id, outcome=DisputeState.UPHELD, reason="no", now=now)
    answered = disputes.answer(
        conn, BRAM, keys=keys, dispute_id=dispute.id, outcome=DisputeState.UPHELD, reason="it is none", now=now
    )
    assert (answered.state, answered.answer, answered.is_late(now + timedelta(days=9))) == (
        DisputeState.UPHELD, "it is none", False,
    )  # fmt: skip
    assert entries.get(conn, ANNE, entry.id).state is EntryState.ACTIVE
    with pytest.raises(InvalidTransition):
        disputes.answer(conn, BRAM, keys=keys, dispute_id=dispute.id, outcome=DisputeState.WITHDRAWN, reason="x", now=now)


@pytest.mark.parametrize("outcome", [DisputeState.WITHDRAWN, DisputeState.CORRECTED])
def test_a_conceded_dispute_withdraws_the_entry_and_what_rested_on_it(
    conn: Connection, keys: Keys, now: datetime, entry: Entry, outcome: DisputeState
) -> None:
    matches.record_matches(conn, GATE, keys=keys, matches=told(entry, now), now=now)
    dispute = disputes.open_dispute(conn, CARL, keys=keys, entry_id=entry.id, reason="it is a car", now=now)
    better = draft("better") if outcome is DisputeState.CORRECTED else None
    disputes.answer(conn, BRAM, keys=keys, dispute_id=dispute.id, outcome=outcome, reason="so it is", draft=better, now=now)
    assert entries.get(conn, ANNE, entry.id).state is EntryState.WITHDRAWN
    assert revise_all(conn, now) == 1
    (revised,) = matches.list_revised(conn, ANNE)
    assert (revised.reference, revised.revised_reason) == ("upload 0", "so it is")
    (record,) = disputes.supplier_records(conn, ANNE)
    assert (record.disputed, record.conceded, record.withdrawn) == (1, 1, 1)


def test_a_correction_comes_with_another_entry_and_nothing_else_does(
    conn: Connection, keys: Keys, now: datetime, entry: Entry
) -> None:
    dispute = disputes.open_dispute(conn, CARL, keys=keys, entry_id=entry.id, reason="it is a car", now=now)
    for outcome, other in ((DisputeState.CORRECTED, None), (DisputeState.UPHELD, draft("b"))):
        with pytest.raises(InvalidInput, match="outcome"):
            disputes.answer(conn, BRAM, keys=keys, dispute_id=dispute.id, outcome=outcome, reason="x", draft=other, now=now)


# --- what rested on entries ---


def test_a_flood_of_matches_suspends_the_entry_by_itself_and_a_kept_one_is_not_stopped_again(
    conn: Connection, keys: Keys, now: datetime, entry: Entry
) -> None:
    some = matches.record_matches(conn, GATE, keys=keys, matches=told(entry, now, FLOOD_LEAST - 1), now=now)
    assert some.suspended == ()
    more = matches.record_matches(conn, GATE, keys=keys, matches=told(entry, now), now=now)
    assert more.suspended == (entry.id,)
    assert entries.get(conn, ANNE, entry.id).state is EntryState.SUSPENDED
    (stopped,) = entries.list_collisions(conn, ANNE)
    assert stopped.against == "flood"
    entries.resolve(conn, ANNE, keys=keys, entry_id=entry.id, keep=True, reason="it spreads", now=now)
    again = matches.record_matches(conn, GATE, keys=keys, matches=told(entry, now, 50), now=now)
    assert again.suspended == ()


def test_a_suspended_list_revises_what_was_decided_by_it_and_the_owner_is_told_once(
    conn: Connection, keys: Keys, now: datetime, made: HashList, entry: Entry
) -> None:
    matches.record_matches(conn, GATE, keys=keys, matches=told(entry, now, 3), now=now)
    lists.start_trial(conn, ANNE, keys=keys, list_id=made.id, now=now)
    lists.suspend(conn, CARL, keys=keys, list_id=made.id, reason="false alarms", now=now)
    assert revise_all(conn, now) == 3
    revised = matches.list_revised(conn, ANNE)
    assert {one.revised_reason for one in revised} == {"false alarms"}
    assert matches.list_revised(conn, ANNE, after=(revised[0].revised_seq, revised[0].id)) == revised[1:]
    assert matches.count_untold(conn, ANNE) == 3
    ids = [one.id for one in revised]
    assert [matches.confirm_told(conn, GATE, ids=ids, now=now) for _ in range(2)] == [3, 0]
    assert matches.count_untold(conn, ANNE) == 0


def test_a_decision_told_late_is_revised_at_once(conn: Connection, keys: Keys, now: datetime, entry: Entry) -> None:
    entries.withdraw(conn, ANNE, keys=keys, entry_id=entry.id, reason="a mistake", now=now)
    matches.record_matches(conn, GATE, keys=keys, matches=told(entry, now), now=now)
    (revised,) = matches.list_revised(conn, ANNE)
    assert revised.revised_reason == "a mistake"


@pytest.mark.parametrize("wrong", [{"reference": ""}, {"reference": "two\nlines"}, {"distance": 257}])
def test_a_match_that_cannot_be_one_is_refused(
    conn: Connection, keys: Keys, now: datetime, entry: Entry, wrong: dict[str, Any]
) -> None:
    given = {"entry_id": entry.id, "reference": "upload", "distance": 0, "at": now, **wrong}
    with pytest.raises(InvalidInput):
        matches.record_matches(conn, GATE, keys=keys, matches=[NewMatch(**given)], now=now)


def test_a_match_of_no_entry_is_refused(conn: Connection, keys: Keys, now: datetime) -> None:
    one = NewMatch(entry_id=10**9, reference="upload", distance=0, at=now)
    with pytest.raises(NotFound):
        matches.record_matches(conn, GATE, keys=keys, matches=[one], now=now)
    with pytest.raises(InvalidInput, match="1 to"):
        matches.record_matches(conn, GATE, keys=keys, matches=[], now=now)


def test_a_trial_is_counted_by_the_hour_and_by_entry(
    conn: Connection, keys: Keys, now: datetime, made: HashList, entry: Entry
) -> None:
    matches.record_matches(conn, GATE, keys=keys, matches=told(entry, now, 2), now=now)
    matches.record_matches(conn, GATE, keys=keys, matches=told(entry, now + timedelta(hours=1)), now=now)
    since = now - timedelta(days=1)
    assert [one.matches for one in matches.hours(conn, ANNE, list_id=made.id, since=since)] == [2, 1]
    assert matches.most_matched(conn, ANNE, list_id=made.id, since=since) == [(entry.id, 3)]


# --- choices and exports ---


def test_a_choice_is_kept_and_wrong_ones_are_refused(conn: Connection, now: datetime, made: HashList) -> None:
    chosen = choices.choose(conn, ANNE, list_id=made.id, classifications=[Classification.BASELINE], radius=20, now=now)
    assert choices.list_choices(conn, ANNE) == {made.id: chosen}
    with pytest.raises(InvalidInput, match="radius"):
        choices.choose(conn, ANNE, list_id=made.id, radius=65, now=now)
    with pytest.raises(InvalidInput, match="classifications"):
        choices.choose(conn, ANNE, list_id=made.id, classifications=[], now=now)
    with pytest.raises(PermissionDenied):
        choices.choose(conn, CARL, list_id=made.id, now=now)


def test_an_export_takes_two_people_and_is_good_once(database: Database, keys: Keys, now: datetime) -> None:
    given = [draft("a", reference="A"), draft("b", reference="B"), draft("c", reference="C")]
    with database.transaction() as conn:
        made = lists.create(conn, ANNE, keys=keys, name="Meldpunt", now=now)
        batch = imports.start(conn, ANNE, list_id=made.id, format_="csv", source_digest=bytes(32), now=now)
        imports.take(conn, ANNE, keys=keys, batch_id=batch.id, after=0, rows=rows(given), done=True, now=now)
        (_, _, last) = entries.list_entries(conn, ANNE, list_id=made.id)
        entries.withdraw(conn, ANNE, keys=keys, entry_id=last.id, reason="a mistake", now=now)
        assert exports.agree(conn, ANNE, list_id=made.id, now=now) == 1
        with pytest.raises(Conflict, match="second person"):
            exports.agree(conn, ANNE, list_id=made.id, now=now)
        with pytest.raises(Conflict, match="two people must agree"):
            exports.begin(conn, ANNE, list_id=made.id, format_="csv", now=now)
        assert exports.agree(conn, BRAM, list_id=made.id, now=now) == 2
        export = exports.begin(conn, ANNE, list_id=made.id, format_="csv", now=now)
        with pytest.raises(Conflict, match="two people must agree"):
            exports.begin(conn, ANNE, list_id=made.id, format_="csv", now=now)
    assert export.entries == 2
    assert list(exports.read(database.transaction, keys, export)) == given[:2]
