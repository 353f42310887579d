"""Lists that are fetched from third parties: by the jobs themselves, from fakes over a socket."""

import hashlib
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from running.fake_ncmec import PASSWORD, USERNAME, FakeEntry, FakeNcmec
from running.fake_service import Fault
from running.fake_stopncii import FEEDBACK_KEY, FETCH_KEY, SUBSCRIPTION_KEY, FakeStopncii
from running.hash_lists import ANNE

from vangnet.config import Settings
from vangnet.db import Database
from vangnet.errors import Conflict, InvalidInput, NotFound, PartnerUnreachable, PermissionDenied
from vangnet.jobs import fetching, tasks
from vangnet.jobs.model import Pace
from vangnet.jobs.workplace import TryAgain, Workplace
from vangnet.keys import Keys
from vangnet.partners.transport import Transport
from vangnet.registry.formats.reading import Skipped, Taken, Withdrawn
from vangnet.registry.model.entries import EntryState
from vangnet.registry.model.matches import Batch, BatchState
from vangnet.registry.model.sources import FeedbackState, Source, SourceKind, SourceState
from vangnet.registry.service import imports, lists, sources
from vangnet.registry.store import entries as entry_store

NOW = datetime(2026, 11, 21, 13, 0, tzinfo=UTC)
AT = NOW - timedelta(days=30)
CREDENTIALS = {
    SourceKind.NCMEC: {"username": USERNAME, "password": PASSWORD},
    SourceKind.STOPNCII: {
        "subscription_key": SUBSCRIPTION_KEY, "fetch_key": FETCH_KEY, "feedback_key": FEEDBACK_KEY,
    },
}  # fmt: skip


@pytest.fixture
def ncmec() -> Iterator[FakeNcmec]:
    fake = FakeNcmec(size=4)
    with fake.running("/hashsharing"):
        yield fake


@pytest.fixture
def stop() -> Iterator[FakeStopncii]:
    fake = FakeStopncii(size=4)
    with fake.running("/v1"):
        yield fake


@pytest.fixture
def work(database: Database, keys: Keys, tmp_path: Path) -> Workplace:
    settings = Settings(data_dir=tmp_path / "data", keys_dir=tmp_path / "keys")
    return Workplace(database=database, keys=keys, settings=settings, transport=Transport(), pace=Pace())


@pytest.fixture
def source(work: Workplace) -> Callable[..., Source]:
    def add(kind: SourceKind, base_url: str) -> Source:
        with work.database.transaction() as conn:
            found = lists.create(conn, ANNE, keys=work.keys, name=f"list {kind}", now=NOW)
            return sources.add(
                conn, ANNE, keys=work.keys, kind=kind, name=f"the {kind}", list_id=found.id, base_url=base_url,
                credentials=CREDENTIALS[kind], now=NOW,
            )  # fmt: skip

    return add


def entry(number: int, kind: str = "image", **more: object) -> FakeEntry:
    fingerprints = {"MD5": f"{number:032x}", "SHA1": f"{number:040x}"}
    return FakeEntry(id=f"e{number}", kind=kind, at=AT, fingerprints=fingerprints, **more)  # type: ignore[arg-type]


def pdq(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def states(work: Workplace, list_id: UUID) -> dict[str | None, EntryState]:
    with work.database.transaction() as conn:
        return {
            found.reference: found.state
            for found in entry_store.list_entries(conn, list_id, state=None, after=0, limit=500)
        }


def last_batch(work: Workplace, list_id: UUID) -> Batch:
    with work.database.transaction() as conn:
        return imports.list_batches(conn, ANNE, list_id=list_id)[0]


def fetch(work: Workplace, source: Source) -> None:
    """As the worker does: again after each failure."""
    for _ in range(30):
        try:
            tasks.fetch_source(work, source_id=str(source.id))
        except TryAgain:
            continue
        return
    raise AssertionError("it never came to an end")


def test_a_list_is_fetched_whole_and_what_its_supplier_takes_back_is_withdrawn(
    work: Workplace, ncmec: FakeNcmec, source: Callable[..., Source]
) -> None:
    ncmec.entries = [entry(number) for number in range(1, 11)]
    added = source(SourceKind.NCMEC, ncmec.base_url)
    fetch(work, added)
    assert states(work, added.list_id) == {f"42/e{number}": EntryState.ACTIVE for number in range(1, 11)}
    ncmec.entries[2] = entry(3, kind="deletedImage")
    ncmec.entries.append(entry(11))
    with work.database.transaction() as conn:
        assert sources.find(conn, ANNE, "THE NCMEC").fetched_at is not None
    # All is asked for again, because the fake's times are old: as after an overlap.
    with work.database.transaction() as conn:
        sources.finish(conn, tasks._FETCHING, source_id=added.id, place=(AT - timedelta(days=1)).isoformat(), now=NOW)
    fetch(work, added)
    assert states(work, added.list_id)["42/e3"] is EntryState.WITHDRAWN
    assert states(work, added.list_id)["42/e11"] is EntryState.ACTIVE
    batch = last_batch(work, added.list_id)
    assert (batch.taken, batch.duplicates, batch.withdrawn) == (1, 9, 1)


@pytest.mark.parametrize("fault", list(Fault))
def test_a_pass_that_is_broken_off_goes_on_behind_the_last_whole_page(
    work: Workplace, ncmec: FakeNcmec, source: Callable[..., Source], fault: Fault
) -> None:
    ncmec.entries = [entry(number) for number in range(1, 15)]
    added = source(SourceKind.NCMEC, ncmec.base_url)
    ncmec.faults.extend([Fault.NONE, Fault.NONE, fault])
    fetch(work, added)
    assert len(states(work, added.list_id)) == 14
    batch = last_batch(work, added.list_id)
    assert (batch.taken, batch.duplicates, batch.state) == (14, 0, "done")
    starts = [asked.partition("start=")[2].partition("&")[0] for asked in ncmec.asked]
    assert starts == (["", "5", "9", "13"] if fault is Fault.NONE else ["", "5", "9", "9", "13"])


def test_however_often_it_breaks_off_nothing_is_lost_or_taken_twice(
    work: Workplace, ncmec: FakeNcmec, stop: FakeStopncii, source: Callable[..., Source], seed: int
) -> None:
    drawn = random.Random(seed)  # noqa: S311 (a test's own)
    ncmec.entries = [entry(number) for number in range(1, 30)]
    for number in range(1, 30):
        stop.add(pdq(str(number)))
    for fake, kind in ((ncmec, SourceKind.NCMEC), (stop, SourceKind.STOPNCII)):
        added = source(kind, fake.base_url)
        fake.faults.extend(drawn.choices(list(Fault), k=12))
        fetch(work, added)
        while (batch := last_batch(work, added.list_id)).state is BatchState.RUNNING:
            fetch(work, added)  # After five failures in a row it was left alone; now it is the next hour.
        assert (len(states(work, added.list_id)), batch.taken, batch.duplicates) == (29, 29, 0)


def test_a_failure_is_kept_with_its_code_and_forgotten_when_it_goes_well(
    work: Workplace, ncmec: FakeNcmec, source: Callable[..., Source]
) -> None:
    added = source(SourceKind.NCMEC, ncmec.base_url)
    ncmec.faults.append(Fault.OVERLOADED)
    with pytest.raises(TryAgain):
        tasks.fetch_source(work, source_id=str(added.id))
    with work.database.transaction() as conn:
        failed = sources.find(conn, ANNE, str(added.id))
    assert (failed.failures, failed.problem) == (1, "partner_unreachable")
    fetch(work, added)
    with work.database.transaction() as conn:
        assert sources.find(conn, ANNE, str(added.id)).problem is None


def test_after_some_failures_in_a_row_it_is_left_alone_until_the_next_hour(
    work: Workplace, ncmec: FakeNcmec, source: Callable[..., Source]
) -> None:
    added = source(SourceKind.NCMEC, ncmec.base_url)
    ncmec.faults.extend([Fault.OVERLOADED] * 20)
    fetch(work, added)
    assert len(ncmec.asked) == 5


def test_a_hash_that_its_person_withdraws_does_not_stay_listed(
    work: Workplace, stop: FakeStopncii, source: Callable[..., Source]
) -> None:
    stop.add(pdq("a"))
    stop.add(pdq("b"))
    added = source(SourceKind.STOPNCII, stop.base_url)
    fetch(work, added)
    stop.records.clear()
    stop.add(pdq("a"), "Withdrawn", at=200)
    # Listed and taken back on one page: the last word counts.
    stop.add(pdq("c"), "Active", at=201)
    stop.add(pdq("c"), "Deleted", at=202)
    fetch(work, added)
    assert sorted(states(work, added.list_id).values()) == [EntryState.ACTIVE, EntryState.WITHDRAWN]
    assert f"startTimestamp={100}" in stop.asked[-1]
    assert all(
        reference and pdq("a")[:8] not in reference and len(reference) == 32 for reference in states(work, added.list_id)
    )


def test_what_we_think_of_an_entry_reaches_whom_it_came_from(
    work: Workplace, ncmec: FakeNcmec, stop: FakeStopncii, source: Callable[..., Source]
) -> None:
    ncmec.entries = [entry(1)]
    stop.add(pdq("a"))
    given = []
    for kind, fake in ((SourceKind.NCMEC, ncmec), (SourceKind.STOPNCII, stop)):
        added = source(kind, fake.base_url)
        fetch(work, added)
        with work.database.transaction() as conn:
            [listed] = entry_store.list_entries(conn, added.list_id, state=None, after=0, limit=10)
            feedback = sources.give_feedback(
                conn, ANNE, entry_id=listed.id, agrees=False, reason="not what it SAYS", now=NOW
            )
        tasks.send_source_feedback(work, feedback_id=str(feedback.id))
        tasks.send_source_feedback(work, feedback_id=str(feedback.id))
        with work.database.transaction() as conn:
            given += sources.list_feedback(conn, ANNE, source_id=added.id)
    assert [(feedback.state, feedback.problem) for feedback in given] == [(FeedbackState.SENT, None)] * 2
    assert [(member, id_, type_) for member, id_, type_, _ in ncmec.feedback] == [("42", "e1", "MD5"), ("42", "e1", "SHA1")]
    assert [sent["feedbackValue"] for sent in stop.feedback] == ["NotBlocked"]


def test_feedback_with_a_reason_that_they_do_not_have_is_refused_and_kept(
    work: Workplace, ncmec: FakeNcmec, source: Callable[..., Source]
) -> None:
    ncmec.entries = [entry(1)]
    added = source(SourceKind.NCMEC, ncmec.base_url)
    fetch(work, added)
    with work.database.transaction() as conn:
        [listed] = entry_store.list_entries(conn, added.list_id, state=None, after=0, limit=10)
        feedback = sources.give_feedback(conn, ANNE, entry_id=listed.id, agrees=False, reason="unheard of", now=NOW)
        agreed = sources.give_feedback(conn, ANNE, entry_id=listed.id, agrees=True, now=NOW)
        with pytest.raises(InvalidInput):
            sources.give_feedback(conn, ANNE, entry_id=listed.id, agrees=False, now=NOW)
    tasks.send_source_feedback(work, feedback_id=str(feedback.id))
    ncmec.faults.append(Fault.OVERLOADED)
    with pytest.raises(PartnerUnreachable):
        tasks.send_source_feedback(work, feedback_id=str(agreed.id))
    with work.database.transaction() as conn:
        kept = {found.id: found for found in sources.list_feedback(conn, ANNE, source_id=added.id)}
    assert (kept[feedback.id].state, kept[feedback.id].problem) == (FeedbackState.REFUSED, "partner_refused")
    assert kept[agreed.id].state is FeedbackState.WAITING


def test_a_stopped_source_is_not_asked(work: Workplace, ncmec: FakeNcmec, source: Callable[..., Source]) -> None:
    added = source(SourceKind.NCMEC, ncmec.base_url)
    with work.database.transaction() as conn:
        assert sources.stop(conn, ANNE, source_id=added.id, now=NOW).state is SourceState.STOPPED
        assert sources.defer_all(conn, tasks._FETCHING) == 0
        with pytest.raises(Conflict):
            sources.fetch_now(conn, ANNE, source_id=added.id, now=NOW)
        with pytest.raises(Conflict):
            sources.stop(conn, ANNE, source_id=added.id, now=NOW)
    fetch(work, added)
    assert ncmec.asked == []
    with work.database.transaction() as conn:
        sources.resume(conn, ANNE, source_id=added.id, now=NOW)
    tasks.fetch_sources(work)
    fetch(work, added)
    assert len(ncmec.asked) == 1


def test_one_job_waits_for_a_source_however_often_it_is_asked_for(
    work: Workplace, ncmec: FakeNcmec, source: Callable[..., Source]
) -> None:
    added = source(SourceKind.NCMEC, ncmec.base_url)
    with work.database.transaction() as conn:
        sources.fetch_now(conn, ANNE, source_id=added.id, now=NOW)
        sources.defer_all(conn, tasks._FETCHING)
        waiting = conn.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = %s", [sources.FETCH]).fetchone()
    assert waiting == (1,)


def test_credentials_are_sealed_and_shown_by_nothing(
    work: Workplace, ncmec: FakeNcmec, source: Callable[..., Source]
) -> None:
    added = source(SourceKind.NCMEC, ncmec.base_url)
    with work.database.transaction() as conn:
        kept = conn.execute("SELECT row_to_json(s)::text FROM registry_source s").fetchone()
        fetch_ = sources.begin(conn, tasks._FETCHING, source_id=added.id, keys=work.keys, now=NOW)
        events = conn.execute("SELECT string_agg(e::text, '') FROM audit_event e").fetchone()
    assert fetch_ is not None
    for text in (str(kept), repr(added), repr(fetch_), str(events)):
        assert PASSWORD not in text
        assert ncmec.base_url not in text.replace(str(kept), "")


@pytest.mark.parametrize(
    "credentials",
    [
        {},
        {"username": "a"},
        {"username": "a", "password": "b", "more": "c"},
        {"username": "a", "password": ""},
        {"username": "a", "password": 7},
    ],
)
def test_credentials_of_another_form_are_refused(work: Workplace, credentials: dict[str, object]) -> None:
    with work.database.transaction() as conn:
        found = lists.create(conn, ANNE, keys=work.keys, name="x", now=NOW)
        with pytest.raises(InvalidInput):
            sources.add(
                conn, ANNE, keys=work.keys, kind=SourceKind.NCMEC, name="n", list_id=found.id, base_url="https://a.example",
                credentials=credentials, now=NOW,
            )  # fmt: skip


def test_only_who_may_read_lists_in_adds_a_source(work: Workplace, ncmec: FakeNcmec, source: Callable[..., Source]) -> None:
    added = source(SourceKind.NCMEC, ncmec.base_url)
    nobody = ANNE.__class__(kind=ANNE.kind, id=ANNE.id, permissions=frozenset())
    with work.database.transaction() as conn:
        for call in (sources.stop, sources.resume, sources.fetch_now):
            with pytest.raises(PermissionDenied):
                call(conn, nobody, source_id=added.id, now=NOW)
        with pytest.raises(NotFound):
            sources.find(conn, ANNE, "none")


def test_of_a_page_the_last_word_on_an_entry_counts() -> None:
    rows = [
        Withdrawn(position=1, reference="a"),
        Withdrawn(position=2, reference="b"),
        Withdrawn(position=3, reference="a"),
    ]
    first, second, third = fetching.last_words(rows)
    assert isinstance(first, Skipped)
    assert (second, third) == (rows[1], rows[2])
    assert not any(isinstance(row, Taken) for row in fetching.last_words([]))
