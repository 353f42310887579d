"""An answer stands alone where no list is concerned; else two people answer who do not know of each other."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pictures import encoded, photo
from running.assessed_reports import (
    BLURRED,
    WHOLE,
    a_picture,
    a_report,
    asked,
    claimed,
    file_of,
    own_list,
    viewer_of,
)
from running.report_desk import CONSOLE, Desk

from vangnet.audit.model import Actor
from vangnet.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from vangnet.hashing.sandbox import Sandbox
from vangnet.identity.permissions import Role
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import EntryState
from vangnet.registry.service import disputes, entries
from vangnet.reports.model.facts import AgeClass
from vangnet.reports.rules.assessment.answers import STARTING, AssessedClass, FileState, NotListed, as_document
from vangnet.reports.rules.assessment.golden_pictures import is_drawn
from vangnet.reports.service.assessment import assessing, exposure, golden, likeness, proposing, sheets
from vangnet.reports.service.assessment.looking import Viewer
from vangnet.reports.service.desk import desk as desk_service
from vangnet.reports.service.desk import showing
from vangnet.reports.service.triage import placing
from vangnet.reports.store import files as file_store
from vangnet.vault.model import OpenReason

BASELINE = {"class": "baseline", "age": "infant", "gender": "female"}
NATIONAL = {"class": "national", "age": "pubescent"}
NOT_ILLEGAL = {"class": "not_illegal"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(processes=1) as sandbox:
        yield sandbox


@pytest.fixture
def viewer(desk: Desk, sandbox: Sandbox) -> Viewer:
    return viewer_of(desk, sandbox)


@pytest.fixture
def anna(desk: Desk) -> Actor:
    return desk.person(Role.STAFF)


def save(
    desk: Desk, actor: Actor, report_id: int, answers: dict[str, str], *, position: int = 0, golden_percent: int = 0
) -> FileState:
    with desk.database.transaction() as conn:
        return assessing.save(
            conn, actor, keys=desk.keys, report_id=report_id, position=position, answers=answers,
            golden_percent=golden_percent, now=desk.now,
        )  # fmt: skip


def sheet(desk: Desk, actor: Actor, report_id: int, position: int = 0, golden_percent: int = 0) -> sheets.Sheet:
    with desk.database.transaction() as conn:
        return sheets.open_sheet(
            conn, actor, keys=desk.keys, report_id=report_id, position=position, budget_minutes=90,
            golden_percent=golden_percent, now=desk.now,
        )  # fmt: skip


def look(desk: Desk, viewer: Viewer, *actors: Actor, report_id: int, position: int = 0) -> None:
    for actor in actors:
        viewer.look(actor, asked(report_id, position, BLURRED), now=desk.now)


def to_do(desk: Desk, actor: Actor, report_id: int, after: int = -1) -> int | None:
    with desk.database.transaction() as conn:
        return sheets.first_to_do(conn, actor, keys=desk.keys, report_id=report_id, golden_percent=0, after=after)


# --- one answer, two, three ---


def test_one_answer_is_enough_for_what_no_list_takes_and_every_report_hears_of_it(desk: Desk, anna: Actor) -> None:
    picture = a_picture(1)
    report_id, other = claimed(desk, anna, picture), claimed(desk, anna, picture)
    assert save(desk, anna, report_id, NOT_ILLEGAL) is FileState.STANDS
    file = file_of(desk, report_id)
    assert (file.classification, file.known) == (Classification.OTHER, True)
    with desk.database.transaction() as conn:
        for one in (report_id, other):
            report = showing.get_report(conn, CONSOLE, report_id=one)
            assert (report.unseen, report.known, report.facts.unseen_items) == (0, 1, 0)
    # The same bytes share the answer, wherever they came in.
    assert to_do(desk, anna, other) is None
    with pytest.raises(Conflict, match="decided already"):
        save(desk, anna, other, NOT_ILLEGAL)


def test_nobody_is_told_the_first_answer_before_theirs_is_kept_and_both_are_side_by_side_then(
    desk: Desk, viewer: Viewer, anna: Actor
) -> None:
    bram = desk.person()
    report_id = claimed(desk, anna, a_picture(2))
    look(desk, viewer, anna, report_id=report_id)
    assert save(desk, anna, report_id, BASELINE) is FileState.SECOND
    assert file_of(desk, report_id).classification is None
    seen = sheet(desk, bram, report_id)
    assert (seen.given, seen.assessed and seen.assessed.outcome) == ((), None)
    assert [one.assessed for one in sheet(desk, anna, report_id).given] == [AssessedClass.BASELINE]
    with desk.database.transaction() as conn:
        told = conn.execute("SELECT details::text FROM audit_event").fetchall()
        waiting = assessing.list_waiting(conn, bram), assessing.list_waiting(conn, anna)
    assert not any("baseline" in row[0] for row in told)
    assert [(one.report_id, one.position) for one in waiting[0]] == [(report_id, 0)]
    assert waiting[1] == []
    look(desk, viewer, bram, report_id=report_id)
    assert save(desk, bram, report_id, BASELINE) is FileState.STANDS
    assert len(sheet(desk, bram, report_id).given) == len(sheet(desk, anna, report_id).given) == 2
    assert file_of(desk, report_id).classification is Classification.BASELINE
    with desk.database.transaction() as conn:
        facts = showing.get_report(conn, CONSOLE, report_id=report_id).facts
    assert (facts.classification, facts.age) == (Classification.BASELINE, AgeClass.INFANT)


def test_where_two_differ_a_third_person_decides_and_no_one_answers_twice(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    bram, chris = desk.person(), desk.person()
    report_id = claimed(desk, anna, a_picture(3))
    look(desk, viewer, anna, report_id=report_id)
    save(desk, anna, report_id, BASELINE)
    look(desk, viewer, bram, report_id=report_id)
    assert save(desk, bram, report_id, NATIONAL) is FileState.THIRD
    for twice in (anna, bram):
        with pytest.raises(Conflict, match="waits for a colleague"):
            save(desk, twice, report_id, BASELINE)
    assert sheet(desk, chris, report_id).given == ()
    assert len(sheet(desk, bram, report_id).given) == 2
    look(desk, viewer, chris, report_id=report_id)
    assert save(desk, chris, report_id, BASELINE) is FileState.STANDS
    assert file_of(desk, report_id).classification is Classification.BASELINE


def test_only_whoever_works_on_the_report_answers_first(desk: Desk, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(4))
    with pytest.raises(Conflict, match="claim it first"):
        save(desk, desk.person(), report_id, NOT_ILLEGAL)
    for role in (Role.ADMINISTRATOR, Role.AUDITOR, Role.CURATOR):
        with pytest.raises(PermissionDenied):
            save(desk, desk.person(role), report_id, NOT_ILLEGAL)


def test_a_class_that_a_list_takes_needs_a_look_and_each_answer_is_one_that_is_offered(desk: Desk, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(5))
    for answers, field in (
        (BASELINE, "class"),
        ({}, "class"),
        ({"class": "worse"}, "class"),
        (NOT_ILLEGAL | {"age": "x"}, "age"),
    ):
        with pytest.raises(InvalidInput) as raised:
            save(desk, anna, report_id, answers)
        assert raised.value.field == field


def test_an_answer_is_undone_and_with_it_what_stood_by_it(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    bram = desk.person()
    report_id = claimed(desk, anna, a_picture(6), a_picture(7))
    save(desk, anna, report_id, NOT_ILLEGAL)
    with desk.database.transaction() as conn:
        assert assessing.undo(conn, anna, report_id=report_id, now=desk.now) == 0
    assert file_of(desk, report_id).classification is None
    with desk.database.transaction() as conn:
        assert showing.get_report(conn, CONSOLE, report_id=report_id).unseen == 2
    look(desk, viewer, anna, report_id=report_id)
    save(desk, anna, report_id, BASELINE)
    look(desk, viewer, bram, report_id=report_id)
    save(desk, bram, report_id, NATIONAL)
    with desk.database.transaction() as conn, pytest.raises(Conflict, match="answered after you"):
        assessing.undo(conn, anna, report_id=report_id, now=desk.now)
    with desk.database.transaction() as conn, pytest.raises(Conflict, match="nothing of yours"):
        assessing.undo(conn, bram, report_id=report_id, now=desk.now + timedelta(days=2))
    with desk.database.transaction() as conn:
        assessing.undo(conn, bram, report_id=report_id, now=desk.now)
    assert sheet(desk, bram, report_id).given == ()
    save(desk, bram, report_id, BASELINE)
    with desk.database.transaction() as conn:
        assert showing.get_report(conn, CONSOLE, report_id=report_id).facts.classification is Classification.BASELINE
        assessing.undo(conn, bram, report_id=report_id, now=desk.now)
        facts = showing.get_report(conn, CONSOLE, report_id=report_id).facts
    assert (facts.classification, facts.age, facts.unseen_items) == (None, None, 2)


def test_the_next_item_is_the_next_that_waits_for_this_person(desk: Desk, anna: Actor) -> None:
    report_id = claimed(desk, anna, *(a_picture(10 + number) for number in range(3)))
    save(desk, anna, report_id, NOT_ILLEGAL, position=1)
    assert [to_do(desk, anna, report_id, after) for after in (-1, 0, 1, 2)] == [0, 2, 2, 0]
    assert [one.state.value for one in sheet(desk, anna, report_id).around] == ["to_do", "done", "to_do"]


# --- like pictures ---


def like(desk: Desk, anna: Actor) -> tuple[int, int, int]:
    """Two reports of like pictures in one cluster: the first report, and the files."""
    picture = photo(40, 400, 300)
    first = claimed(desk, anna, encoded(picture, "PNG"))
    other = claimed(desk, anna, encoded(picture.resize((380, 285)), "JPEG", quality=80))
    ids = (file_of(desk, first).id, file_of(desk, other).id)
    assert ids[0] != ids[1]
    with desk.database.transaction() as conn:
        file_store.update_cluster(conn, ids, ids[0])
    return first, *ids


def test_a_like_picture_is_proposed_and_shares_the_answer_once_a_person_who_saw_both_says_so(
    desk: Desk, viewer: Viewer, anna: Actor
) -> None:
    report_id, file_id, other_id = like(desk, anna)
    (neighbour,) = sheet(desk, anna, report_id).neighbours
    assert (neighbour.file_id, neighbour.same) == (other_id, None)
    assert 0 <= neighbour.distance <= 31

    def judge(same: bool | None) -> None:
        with desk.database.transaction() as conn:
            likeness.judge(
                conn, anna, keys=desk.keys, report_id=report_id, position=0, other_id=other_id, same=same, now=desk.now
            )

    viewer.look(anna, asked(report_id), now=desk.now)
    with pytest.raises(Conflict, match="look at both"):
        judge(True)
    with pytest.raises(Conflict, match="compared blurred"):
        viewer.look(anna, asked(report_id, wanted=WHOLE, neighbour_id=other_id), now=desk.now)
    with pytest.raises(Conflict, match="claim it first"):
        viewer.look(desk.person(), asked(report_id, neighbour_id=other_id), now=desk.now)
    assert viewer.look(anna, asked(report_id, neighbour_id=other_id), now=desk.now).png
    judge(True)
    judge(None)
    assert sheet(desk, anna, report_id).neighbours[0].same is None
    judge(True)
    save(desk, anna, report_id, NOT_ILLEGAL)
    with desk.database.transaction() as conn:
        both = file_store.list_files(conn, [file_id, other_id])
    assert [one.classification for one in both] == [Classification.OTHER] * 2
    with pytest.raises(Conflict, match="undo your answer first"):
        judge(False)
    with desk.database.transaction() as conn:
        assessing.undo(conn, anna, report_id=report_id, now=desk.now)
        both = file_store.list_files(conn, [file_id, other_id])
    assert [one.classification for one in both] == [None, None]


def test_what_is_not_near_is_no_neighbour(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(41), a_picture(42))
    ids = [file_of(desk, report_id, position).id for position in (0, 1)]
    with desk.database.transaction() as conn:
        file_store.update_cluster(conn, ids, ids[0])
    assert sheet(desk, anna, report_id).neighbours == []
    with pytest.raises(NotFound):
        viewer.look(anna, asked(report_id, neighbour_id=ids[1]), now=desk.now)


# --- to a list ---


def agree(desk: Desk, viewer: Viewer, *people: Actor, seed: int) -> int:
    """Two people agree on baseline; the report."""
    report_id = claimed(desk, people[0], a_picture(seed))
    for person in people:
        look(desk, viewer, person, report_id=report_id)
        save(desk, person, report_id, BASELINE)
    return report_id


def test_what_two_agree_on_is_proposed_to_our_own_list_with_both_their_words(
    desk: Desk, viewer: Viewer, anna: Actor
) -> None:
    bram = desk.person()
    list_id = own_list(desk, quorum=2)
    report_id = agree(desk, viewer, anna, bram, seed=50)
    assessed = sheet(desk, anna, report_id).assessed
    assert assessed is not None
    assert assessed.entry_id is not None
    with desk.database.transaction() as conn:
        entry = entries.get(conn, CONSOLE, assessed.entry_id)
        said = entries.list_opinions(conn, CONSOLE, entry.id)
        hashes = entries.open_hashes(conn, CONSOLE, keys=desk.keys, entry_id=entry.id, now=desk.now)
    assert (entry.list_id, entry.state) == (list_id, EntryState.ACTIVE)
    assert {one.by_person for one in said if one.agrees} == {f"person:{anna.id}", f"person:{bram.id}"}
    assert {one.algorithm.value for one in hashes} == {"md5", "sha1", "sha256", "pdq"}
    with desk.database.transaction() as conn, pytest.raises(Conflict, match="entry was proposed"):
        assessing.undo(conn, bram, report_id=report_id, now=desk.now)


def test_whoever_answers_a_dispute_is_shown_the_file_without_more_words(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    own_list(desk)
    report_id = agree(desk, viewer, anna, desk.person(), seed=54)
    look_again = replace(asked(report_id), known_reason=OpenReason.DISPUTE)
    with pytest.raises(InvalidInput, match="10 to 300"):
        viewer.look(anna, look_again, now=desk.now)
    assessed = sheet(desk, anna, report_id).assessed
    assert assessed is not None
    assert assessed.entry_id is not None
    with desk.database.transaction() as conn:
        disputes.open_dispute(
            conn, CONSOLE, keys=desk.keys, entry_id=assessed.entry_id, reason="it is a logo", now=desk.now
        )
    assert viewer.look(anna, look_again, now=desk.now).png


def test_a_list_that_asks_for_three_people_waits_for_the_third(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    own_list(desk, quorum=3)
    report_id = agree(desk, viewer, anna, desk.person(), seed=51)
    assessed = sheet(desk, anna, report_id).assessed
    assert assessed is not None
    assert assessed.entry_id is not None
    with desk.database.transaction() as conn:
        assert entries.get(conn, CONSOLE, assessed.entry_id).state is EntryState.PROPOSED


def test_without_a_list_of_our_own_it_is_said_and_a_choice_among_two_is_a_leads(
    desk: Desk, viewer: Viewer, anna: Actor
) -> None:
    report_id = agree(desk, viewer, anna, desk.person(), seed=52)
    assessed = sheet(desk, anna, report_id).assessed
    assert assessed is not None
    assert (assessed.entry_id, assessed.not_listed) == (None, NotListed.NO_LIST)
    chosen, other = own_list(desk), own_list(desk)
    with desk.database.transaction() as conn:
        assert proposing.list_choices(conn, CONSOLE, now=desk.now).taking[AssessedClass.BASELINE] is None
        lead = desk.person(Role.LEAD)
        proposing.choose_list(conn, lead, assessed=AssessedClass.BASELINE, list_id=chosen, now=desk.now)
        with pytest.raises(Conflict):
            proposing.choose_list(conn, lead, assessed=AssessedClass.NATIONAL, list_id=other, now=desk.now)
        with pytest.raises(PermissionDenied):
            proposing.choose_list(conn, anna, assessed=AssessedClass.BASELINE, list_id=other, now=desk.now)
    report_id = agree(desk, viewer, anna, desk.person(), seed=53)
    found = sheet(desk, anna, report_id).assessed
    assert found is not None
    assert found.entry_id is not None
    with desk.database.transaction() as conn:
        assert entries.get(conn, CONSOLE, found.entry_id).list_id == chosen


# --- questions, checks, agreement ---


def test_other_questions_can_be_chosen_as_data(desk: Desk, anna: Actor) -> None:
    document = as_document(STARTING[:1])
    document.append({"code": "place", "words": "Place", "required": True, "options": [
        {"code": "in", "words": "inside"}, {"code": "out", "words": "outside"},
    ]})  # fmt: skip
    with desk.database.transaction() as conn:
        with pytest.raises(PermissionDenied):
            assessing.choose_questions(conn, anna, document=document, now=desk.now)
        assert assessing.choose_questions(conn, desk.person(Role.LEAD), document=document, now=desk.now) == 1
    report_id = claimed(desk, anna, a_picture(60))
    assert [one.code for one in sheet(desk, anna, report_id).questions] == ["class", "place"]
    with pytest.raises(InvalidInput, match="answered"):
        save(desk, anna, report_id, {"class": "other"})
    assert save(desk, anna, report_id, {"class": "other", "place": "in"}) is FileState.STANDS


def test_a_generated_picture_is_mixed_in_behind_the_last_item_and_its_result_is_ones_own(
    desk: Desk, sandbox: Sandbox, anna: Actor
) -> None:
    viewer = viewer_of(desk, sandbox, golden_percent=100)
    report_id = claimed(desk, anna, a_picture(61))
    here = sheet(desk, anna, report_id, 1, golden_percent=100)
    assert (here.items, here.file, here.can_be_shown) == (2, None, True)
    assert viewer.look(anna, asked(report_id, 1), now=desk.now).png[:4] == b"\x89PNG"
    with pytest.raises(NotFound):
        sheet(desk, anna, report_id, 1, golden_percent=0)
    with pytest.raises(Conflict, match="claim it first"):
        viewer.look(desk.person(), asked(report_id, 1), now=desk.now)
    save(desk, anna, report_id, {"class": "baseline"}, position=1, golden_percent=100)
    with desk.database.transaction() as conn:
        own = exposure.mine(conn, anna, budget_minutes=90, now=desk.now)
        lead = desk.person(Role.LEAD)
        assert assessing.checks_now(conn, lead, now=desk.now) is None
        report = showing.get_report(conn, CONSOLE, report_id=report_id)
    assert (own.checked, own.right) == (1, 0)
    assert golden.has_one(desk.keys, report, percent=100)
    assert not golden.has_one(desk.keys, report, percent=0)
    drawn = sum(is_drawn(number.to_bytes(8, "big"), percent=5) for number in range(100_000))
    assert drawn == 5_000


def test_agreement_is_told_from_twenty_pairs_on_and_to_leads(desk: Desk, anna: Actor) -> None:
    with desk.database.transaction() as conn:
        assert assessing.agreement_now(conn, desk.person(Role.LEAD), now=desk.now) is None
        with pytest.raises(PermissionDenied):
            assessing.agreement_now(conn, anna, now=desk.now)


def test_passing_a_report_on_keeps_what_was_answered(desk: Desk, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(62), a_picture(63))
    save(desk, anna, report_id, NOT_ILLEGAL)
    with desk.database.transaction() as conn:
        desk_service.release(conn, anna, report_id=report_id, now=desk.now)
    assert file_of(desk, report_id).classification is Classification.OTHER


def test_reports_beyond_the_newest_hear_of_an_answer_by_the_job_that_places_them(
    desk: Desk, anna: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assessing, "_TOLD_AT_ONCE", 1)
    picture = a_picture(64)
    older = a_report(desk, picture)
    save(desk, anna, claimed(desk, anna, picture), NOT_ILLEGAL)
    with desk.database.transaction() as conn:
        assert showing.get_report(conn, CONSOLE, report_id=older).unseen == 1
        assert placing.place_anew(conn, now=desk.now) == 1
        assert showing.get_report(conn, CONSOLE, report_id=older).unseen == 0


def test_what_was_found_of_age_stays_when_the_report_is_placed_anew(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    report_id = agree(desk, viewer, anna, desk.person(), seed=65)
    with desk.database.transaction() as conn:
        facts = placing.renew(conn, report_id=report_id, now=desk.now).facts
    assert facts.age is AgeClass.INFANT


def test_a_generated_picture_comes_when_all_else_is_answered(desk: Desk, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(66))

    def following(after: int = -1) -> int | None:
        with desk.database.transaction() as conn:
            return sheets.first_to_do(conn, anna, keys=desk.keys, report_id=report_id, golden_percent=100, after=after)

    assert following() == 0
    save(desk, anna, report_id, NOT_ILLEGAL)
    assert (following(0), following()) == (1, 1)
    save(desk, anna, report_id, NOT_ILLEGAL, position=1, golden_percent=100)
    assert (following(1), following()) == (None, None)
