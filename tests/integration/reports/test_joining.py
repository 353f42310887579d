"""Links and groups kept in the database are those that the rules make of all reports from scratch."""

import contextlib
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import sql
from running.linked_reports import (
    FromScratch,
    LinkKey,
    account,
    drawn,
    email,
    file,
    group_of,
    key_of,
    picture,
    report,
    seen,
    take,
    take_on,
)
from running.report_desk import CONSOLE, Desk

from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput, NotFound
from vangnet.keys import Keys
from vangnet.reports.model.drafts import ItemDraft, ItemKind, ReportDraft
from vangnet.reports.rules.linking.features import FeatureKind
from vangnet.reports.rules.linking.grouping import Deed, Undone, standing
from vangnet.reports.rules.linking.links import STARTING, InMemory, link
from vangnet.reports.service.desk import showing
from vangnet.reports.service.intake.recognising import Recognised
from vangnet.reports.service.linking import groups, joining, links
from vangnet.reports.service.linking.shared_values import SharedValues, as_feature, coded
from vangnet.reports.service.secrets import opened, secrets_of
from vangnet.reports.store import link_deeds, values
from vangnet.reports.store import links as link_store

STEPS = 50


def all_deeds(conn: Connection) -> list[tuple[Deed, bool]]:
    numbers = [row[0] for row in conn.execute("SELECT id FROM report_link_deed ORDER BY id")]
    return [(row.deed, row.stands) for row in (link_deeds.get_deed(conn, number) for number in numbers)]


def kept(conn: Connection) -> tuple[set[LinkKey], dict[int, int | None], set[LinkKey]]:
    """Links, groups and held links as they are kept."""
    reports = [row[0] for row in conn.execute("SELECT id FROM report")]
    found = link_store.list_links_among(conn, reports)
    held = {key_of(one) for one in link_store.list_held(conn, reports)}
    return {key_of(one) for one in found}, dict(link_store.groups_of(conn, reports)), held


def same_as_from_scratch(desk: Desk, conn: Connection, world: FromScratch) -> None:
    done = all_deeds(conn)
    deeds = [deed for deed, _ in done]
    assert [deed for deed, stands in done if stands and not isinstance(deed, Undone)] == standing(deeds)
    links_, made = world.made(deeds, world.dismissed(desk, deeds))
    groups_ = {one: group[0] if len(group) > 1 else None for group in made.groups for one in group}
    assert kept(conn) == ({key_of(one) for one in links_}, groups_, {key_of(one) for one in made.held})


def some_deed(desk: Desk, conn: Connection, rng: random.Random, reports: list[int]) -> None:
    """Something that a person does, whatever is there."""
    acts: dict[str, Callable[[], object]] = {
        "cut": lambda: _cut(desk, conn, rng),
        "dismiss": lambda: _dismiss(desk, conn, rng, rng.choice(reports)),
        "merge": lambda: links.merge(
            conn, CONSOLE, keys=desk.keys, report_ids=set(rng.sample(reports, 2)), now=desk.now
        ),
        "split": lambda: _split(desk, conn, rng, rng.choice(reports)),
        "undo": lambda: _turn(desk, conn, rng),
    }  # fmt: skip
    # Perhaps there is nothing to do it to.
    with contextlib.suppress(Conflict, InvalidInput, NotFound):
        acts[rng.choice(list(acts))]()


def _cut(desk: Desk, conn: Connection, rng: random.Random) -> None:
    rows = conn.execute("SELECT a, b, kind FROM report_link ORDER BY a, b, kind").fetchall()
    if rows:
        a, b, kind = rng.choice(rows)
        wanted = rng.choice([None, FeatureKind(kind)])
        links.cut(conn, CONSOLE, keys=desk.keys, a=b, b=a, kind=wanted, now=desk.now)


def _dismiss(desk: Desk, conn: Connection, rng: random.Random, report_id: int) -> None:
    own = sorted(values.list_values(conn, report_id), key=lambda row: row.code)
    if own:
        links.dismiss(conn, CONSOLE, keys=desk.keys, report_id=report_id, code=rng.choice(own).code, now=desk.now)


def _split(desk: Desk, conn: Connection, rng: random.Random, report_id: int) -> None:
    group = link_store.groups_of(conn, [report_id])[report_id]
    if group is not None:
        members = sorted(link_store.list_members(conn, [group]))
        chosen = rng.sample(members, rng.randrange(1, len(members)))
        links.split(conn, CONSOLE, keys=desk.keys, report_id=report_id, chosen=chosen, now=desk.now)


def _turn(desk: Desk, conn: Connection, rng: random.Random) -> None:
    rows = conn.execute("SELECT id, stands FROM report_link_deed WHERE kind <> 'undone' ORDER BY id").fetchall()
    if rows:
        number, stands = rng.choice(rows)
        (links.undo if stands else links.redo)(conn, CONSOLE, keys=desk.keys, deed_id=number, now=desk.now)


@pytest.mark.parametrize("round_", range(2))
def test_whatever_comes_and_is_done_links_and_groups_are_those_made_from_scratch(
    desk: Desk, seed: int, round_: int
) -> None:
    rng, world = random.Random(seed + round_), FromScratch()  # noqa: S311
    references: list[str] = []
    for step in range(STEPS):
        with desk.database.transaction() as conn:
            if len(world.drafts) > 5 and rng.random() < 0.3:
                some_deed(desk, conn, rng, sorted(world.drafts))
            else:
                # Some come again, and say something else.
                again = references and rng.random() < 0.2
                references.append(rng.choice(references) if again else f"canary-{step}")
                draft = drawn(desk, rng, references[-1])
                world.add(take_on(conn, desk, draft), draft)
            same_as_from_scratch(desk, conn, world)
    with desk.database.transaction() as conn:
        made, of, _ = kept(conn)
        assert len(made) > 5
        assert any(of.values())


def test_whoever_looks_is_told_the_links_that_the_rules_find_in_memory(desk: Desk, seed: int) -> None:
    """Those that only point, too: with what very many have, the rarest first, and how many have it."""
    rng, secrets = random.Random(seed), secrets_of(desk.keys)  # noqa: S311
    drafts: dict[int, ReportDraft] = {}
    with desk.database.transaction() as conn:
        for step in range(45):
            draft = drawn(desk, rng, f"A-{rng.randrange(40) if step > 30 else step}")
            often = ItemDraft(kind=ItemKind.ADDRESS, address=f"https://often{step % 2}.example/{step}")
            draft = replace(draft, items=(*draft.items, often, file(99)))
            drafts[take_on(conn, desk, draft)] = draft
        world = _as_committed(conn, desk, drafts, _common(conn))
        memory = InMemory()
        for report_id in sorted(drafts):
            memory.add(report_id, coded(secrets, world.features(drafts[report_id])))
        memory.mark_common((FeatureKind.FILE, code) for code in _common(conn))
        memory.mark_common((FeatureKind.PICTURE, code) for code in _common(conn))
        for report_id in rng.sample(sorted(drafts), 8):
            own = [as_feature(secrets, row) for row in values.list_values(conn, report_id)]
            shared = SharedValues(conn, secrets, limits=STARTING)
            shared.load(own, of=report_id)
            found = link(report_id, own, shared, limits=STARTING).links
            assert found == link(report_id, own, memory, limits=STARTING).links
            assert {one.kind for one in found} >= {FeatureKind.HOST, FeatureKind.FILE}


def _common(conn: Connection) -> set[bytes]:
    return {bytes(row[0]) for row in conn.execute("SELECT code FROM report_value_many WHERE common")}


def test_two_at_once_lose_no_link_and_do_not_wait_for_each_other_for_ever(desk: Desk, seed: int) -> None:
    """Four threads, all of whose reports share values, with versions and deeds between."""
    drafts = [
        drawn(desk, random.Random(seed + number), f"A-{number % 30}")  # noqa: S311
        for number in range(60)
    ]
    failures: list[BaseException] = []

    def work(own: int) -> None:
        rng = random.Random(seed - own)  # noqa: S311 (no secret)
        try:
            for draft in drafts[own::4]:
                report_id = take(desk, draft)
                if rng.random() < 0.3:
                    with desk.database.transaction() as conn:
                        reports = [row[0] for row in conn.execute("SELECT id FROM report ORDER BY id")]
                        if len(reports) > 2:
                            some_deed(desk, conn, rng, [one for one in reports if one != report_id])
        except BaseException as error:  # noqa: BLE001 (told below)
            failures.append(error)

    threads = [threading.Thread(target=work, args=[own]) for own in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not failures, failures
    with desk.database.transaction() as conn:
        rows = conn.execute("SELECT id FROM report ORDER BY id").fetchall()
        # What came last of each report counts; in which order they came, nobody can say.
        latest = {
            row[0]: showing.read_draft(conn, desk.keys, showing.get_report(conn, CONSOLE, report_id=row[0])) for row in rows
        }
        world = _as_committed(conn, desk, latest, _common(conn))
        same_as_from_scratch(desk, conn, world)


def _as_committed(conn: Connection, desk: Desk, latest: dict[int, ReportDraft], common: set[bytes]) -> FromScratch:

    world = FromScratch()
    secrets = secrets_of(desk.keys)
    rows = conn.execute("SELECT id, leader FROM report_cluster ORDER BY id").fetchall()
    world.clusters.lead([(id_, opened(secrets.leader, leader, id_)) for id_, leader in rows])
    for report_id, draft in latest.items():
        world.drafts[report_id] = draft
        plain = world.features(draft)
        codes = coded(secrets, plain)
        world.common |= {(one.kind, one.key) for one, code in zip(plain, codes, strict=True) if code.key in common}
    return world


class RollBackError(Exception):
    """Raised so that a transaction is rolled back."""


def _take_and_fail(conn: Connection, desk: Desk, first: int) -> None:
    other = take_on(conn, desk, report(picture(1), picture(2), people=[account(1)]))
    assert link_store.groups_of(conn, [first, other]) == {first: first, other: first}
    raise RollBackError


def test_what_is_rolled_back_leaves_no_value_no_link_and_no_cluster(desk: Desk) -> None:
    first = take(desk, report(picture(1), people=[account(1)]))

    with pytest.raises(RollBackError), desk.database.transaction() as conn:
        _take_and_fail(conn, desk, first)
    assert group_of(desk, first) == [first]
    with desk.database.transaction() as conn:
        assert conn.execute("SELECT count(*) FROM report_cluster").fetchone() == (1,)
    # A number that was rolled back is given to another picture, here as well as in another process.
    second, third = take(desk, report(picture(3))), take(desk, report(picture(2)))
    assert group_of(desk, second) == [second]
    assert group_of(desk, third) == [third]
    assert group_of(desk, take(desk, report(picture(2, turned_bits=9)))) == [third, third + 1]


def test_a_process_that_begins_later_places_pictures_as_the_others_do(desk: Desk, tmp_path: Path) -> None:
    for number in range(5):
        take(desk, report(picture(number)))
    # The same keys, read anew: what this process remembers of the clusters goes with them.
    desk.keys = Keys.open(tmp_path / "keys")
    take(desk, report(picture(3, turned_bits=20)))
    with desk.database.transaction() as conn:
        clusters = conn.execute("SELECT count(*), count(DISTINCT cluster_id) FROM report_file").fetchone()
    assert clusters == (6, 5)


def test_nothing_by_which_reports_are_linked_lies_open(desk: Desk) -> None:
    drafts = [report(picture(1), file(7), people=[account(1), email(1)], traces=seen(desk, 7, 5)) for _ in range(2)]
    for draft in drafts:
        take(desk, draft)
    secret = [b"\x01" + (7).to_bytes(31, "big"), *(value for _, value in picture(1).hashes), bytes([192, 0, 2, 7])]
    with desk.database.transaction() as conn:
        tables = [row[0] for row in conn.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'report%'")]
        select = sql.SQL("SELECT t::text FROM {} t")
        rows = "\n".join(str(row) for name in tables for row in conn.execute(select.format(sql.Identifier(name)))).lower()
    for canary in ("canary", "mail.example", "192.0.2.7", *(value.hex() for value in secret)):
        assert canary not in rows


def test_the_same_value_of_another_kind_is_another_value(desk: Desk) -> None:
    first = take(desk, report(people=[account("7@mail.example")]))
    assert group_of(desk, take(desk, report(people=[email(7)]))) == [first + 1]


def test_a_new_version_leaves_the_group_that_only_its_old_values_joined(desk: Desk) -> None:
    first = take(desk, report(people=[account(1)], reference="A"))
    second = take(desk, report(people=[account(1)], reference="B"))
    assert group_of(desk, first) == [first, second]
    assert take(desk, report(people=[account(2)], reference="B")) == second
    assert group_of(desk, first) == [first]
    assert group_of(desk, second) == [second]


def test_a_file_that_turns_out_to_be_on_a_list_joins_nothing_any_more(desk: Desk) -> None:
    first, second = (take(desk, report(file(1), file(2))) for _ in range(2))
    third = take(desk, report(file(2)))
    digests = [value for _, value in file(1).hashes]
    with desk.database.transaction() as conn:
        others = joining.doubt_listed(conn, desk.keys, report_id=first, digests=digests, clusters=[], now=desk.now)
        # They are still joined by the other file.
        assert not others
        assert {one.because.values for one in link_store.list_links_among(conn, [first, second])} == {1}
        digests = [value for _, value in file(2).hashes]
        joining.doubt_listed(conn, desk.keys, report_id=first, digests=digests, clusters=[], now=desk.now)
    assert group_of(desk, first) == [first]
    assert group_of(desk, second) == [second, third]


def test_a_file_that_is_on_a_list_when_it_comes_joins_nothing(desk: Desk) -> None:
    first = take(desk, report(file(1)))
    with desk.database.transaction() as conn:
        entry = Recognised(entry_id=4711, distance=0)
        second = take_on(conn, desk, report(file(1)), recognised=[entry])
    assert group_of(desk, first) == [first]
    assert group_of(desk, second) == [second]


def test_a_picture_near_another_joins_and_one_that_is_only_near_enough_to_a_third_does_not(desk: Desk) -> None:
    first = take(desk, report(picture(1)))
    second = take(desk, report(picture(1, turned_bits=20)))
    third = take(desk, report(picture(1, turned_bits=40)))
    assert group_of(desk, first) == [first, second]
    assert group_of(desk, third) == [third]
    with desk.database.transaction() as conn:
        (only,) = link_store.list_links_among(conn, [first, second])
    assert (only.kind, only.because.by, only.because.bits_apart) == (FeatureKind.PICTURE, "pdq", 20)


def test_those_that_a_value_joined_are_parted_when_it_becomes_common(desk: Desk) -> None:
    reports = [take(desk, report(file(1))) for _ in range(5)]
    assert group_of(desk, reports[0]) == reports
    last = take(desk, report(file(1)))
    assert [group_of(desk, one) for one in (*reports, last)] == [[one] for one in (*reports, last)]


def test_others_are_placed_anew_as_their_number_doubles_and_not_each_time(desk: Desk) -> None:
    reports = [take(desk, report(people=[account(1)])) for _ in range(9)]
    with desk.database.transaction() as conn:
        facts = {
            one: showing.get_report(conn, CONSOLE, report_id=one).facts.same_subject.bit_length() for one in reports
        }  # fmt: skip
    assert set(facts.values()) == {(8).bit_length()}


def test_of_a_large_group_a_few_are_placed_at_once_and_the_others_by_the_job(desk: Desk) -> None:
    with desk.database.transaction() as conn:
        reports = [take_on(conn, desk, report(people=[account(1)])) for _ in range(32)]
        before = link_store.list_open(conn, reports, limit=100)
        at_once = joining.join(conn, desk.keys, report_id=reports[0], draft=report(people=[account(2)]), now=desk.now)
        assert before == reports
        assert not at_once
        last = take_on(conn, desk, report(people=[account(1)]))
        placed = groups.placed_soon(conn, reports, now=desk.now)
        assert len(placed) == groups.PLACED_AT_ONCE
        waits = conn.execute("SELECT count(*) FROM report WHERE changes_at <= %s AND id <> %s", [desk.now, last]).fetchone()
        assert waits is not None
        assert waits[0] >= 32 - groups.PLACED_AT_ONCE
