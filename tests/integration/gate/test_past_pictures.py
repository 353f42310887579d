"""Pictures among accepted uploads: kept by perceptual hashes only by choice, found when one like them is listed."""

import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pictures import encoded, photo
from PIL import Image, ImageOps
from running.past_house import ENDS, NOW, House, opened_house
from running.server import console
from running.states import wait_until

from vangnet.db import Connection, programs
from vangnet.db.dumping import whole_dump
from vangnet.db.embedded import OWNER, EmbeddedServer
from vangnet.errors import InvalidInput
from vangnet.gate.model import CheckAnswer, Decision, Door, GivenHash, HashCheck, Outcome, PictureHash
from vangnet.gate.past import HELD, SEALED, KeptUpload, PastKind, may_hold, picture_label
from vangnet.gate.policy import STARTING, as_document
from vangnet.gate.service import past, past_following, policies
from vangnet.gate.service.past_following import Followed
from vangnet.gate.service.past_pictures import KeptPictures
from vangnet.gate.store import past as digest_store
from vangnet.gate.store import past_pictures as store
from vangnet.gate.store import past_places as places
from vangnet.gate.store.past_places import LookedUp
from vangnet.hashing.model import Convention
from vangnet.registry.model.entries import HashAlgorithm

REASON = "an opinion of 2026 covers them"
PDQ = [HashAlgorithm.PDQ]


@pytest.fixture(scope="module")
def house(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened_house(postgres, tmp_path_factory.mktemp("past"), "past_pictures") as house:
        yield house


@pytest.fixture(autouse=True)
def _keeping(request: pytest.FixtureRequest) -> None:
    """Whatever a test before chose, pictures are kept."""
    if "house" in request.fixturenames:
        house: House = request.getfixturevalue("house")
        if not house.gate.past.keeps_pictures:
            house.switch_on(pictures_reason=REASON)
            wait_until(lambda: house.gate.past.keeps_pictures)


def a_picture(seed: int) -> Image.Image:
    return photo(seed, 480, 360)


def as_jpeg(picture: Image.Image, quality: int = 90) -> bytes:
    return encoded(picture, "JPEG", quality=quality)


def alike(picture: Image.Image) -> bytes:
    """Another file of the same picture: smaller, and compressed harder."""
    return as_jpeg(picture.resize((240, 180)), 60)


def hashes_kept(house: House, name: str) -> int:
    """How many perceptual hashes of this upload are written."""
    with house.database.transaction() as conn:
        return int(conn.execute("SELECT count(*) FROM gate_past_picture WHERE object_id = %s", [name]).fetchall()[0][0])


def upload(house: House, data: bytes, name: str | None, *, at: datetime | None = None) -> Decision:
    """Uploads a file as a program does."""
    now = at or datetime.now(UTC)
    return house.gate.check(data, door=Door.API, provider_key=None, object_id=name, now=now).decision


def keep(house: House, data: bytes, name: str, *, at: datetime | None = None) -> None:
    """Uploads a picture, and waits until it is written."""
    assert upload(house, data, name, at=at) is Decision.ALLOW
    wait_until(lambda: hashes_kept(house, name) == 1)


def wait_for_later(house: House, name: str) -> None:
    wait_until(lambda: bool(house.later(name)))


def test_an_upload_that_looks_like_what_is_listed_later_waits_for_a_person(house: House) -> None:
    keep(house, alike(a_picture(1)), "like it", at=NOW - timedelta(days=20))
    keep(house, alike(a_picture(2)), "unlike it")
    document = as_document(STARTING) | {"perceptual_blocks": True}
    with house.database.transaction() as conn:
        version = policies.choose(conn, console(), document=document, now=datetime.now(UTC)).version
    wait_until(lambda: house.gate.policy_version == version)
    house.enlist(as_jpeg(a_picture(1)), algorithms=PDQ)
    wait_for_later(house, "like it")
    (found,) = house.later("like it")
    assert found.door is Door.PAST
    assert found.answer.decision is Decision.HOLD, "whatever the policy lets a picture do that is there"
    assert (found.answer.checked, found.uploaded_at) == (("pdq",), NOW - timedelta(days=20))
    (match,) = found.answer.matches
    assert (match.algorithm, match.view) == ("pdq", "original")
    assert 0 < match.distance <= 31
    assert found.wants_answer
    assert not house.later("unlike it")


def test_a_mirrored_copy_is_found(house: House) -> None:
    keep(house, as_jpeg(ImageOps.mirror(a_picture(3))), "mirrored")
    house.enlist(as_jpeg(a_picture(3)), algorithms=PDQ)
    wait_for_later(house, "mirrored")
    assert house.later("mirrored")[0].answer.matches[0].view == "flip_y"


def test_an_upload_that_was_a_crop_of_what_is_listed_later_is_found_where_the_original_was_in_hand(house: House) -> None:
    for seed in (21, 22):
        keep(house, as_jpeg(photo(seed, 800, 600).crop((40, 30, 760, 570))), f"crop {seed}")
    house.enlist(as_jpeg(photo(21, 800, 600)), as_jpeg(photo(23, 800, 600)), in_hand=True)
    house.enlist(as_jpeg(photo(22, 800, 600)), algorithms=PDQ)
    wait_for_later(house, "crop 21")
    (found,) = house.later("crop 21")
    assert found.answer.decision is Decision.HOLD
    assert found.answer.matches[0].algorithm == "pdq_window"
    assert not house.later("crop 22")


def test_a_list_that_begins_to_decide_in_the_middle_of_a_step_is_not_passed_over(house: House) -> None:
    keep(house, alike(a_picture(13)), "in the middle")
    list_id = house.enlist(as_jpeg(a_picture(13)), algorithms=PDQ, trial=True)
    house.wait_until_followed()
    house.wait_until_told()
    house.activate_while_followed(list_id, followers=2)
    wait_for_later(house, "in the middle")


def test_the_same_file_is_told_once_as_its_digests_have_it(house: House) -> None:
    keep(house, as_jpeg(a_picture(4)), "same file")
    house.enlist(as_jpeg(a_picture(4)), algorithms=[HashAlgorithm.SHA256, HashAlgorithm.PDQ])
    wait_for_later(house, "same file")
    with house.database.transaction() as conn:
        last = int(conn.execute("SELECT last FROM registry_sequence").fetchall()[0][0])

    def pictures_followed() -> bool:
        with house.database.transaction() as conn:
            return all(one.position >= last for one in places.list_looked_up(conn, PastKind.PICTURES).values())

    wait_until(pictures_followed)
    (found,) = house.later("same file")
    assert (found.answer.decision, found.answer.checked) == (Decision.BLOCK, ("sha256",))


def test_a_picture_that_is_listed_before_it_is_written_is_told_once(house: House) -> None:
    keeper = house.keeper()
    examined = house.gate._matcher.examine(as_jpeg(a_picture(5)), pictures=True)
    answer = CheckAnswer(check_id=uuid.uuid4(), outcome=Outcome.NO_MATCH, decision=Decision.ALLOW)
    keeper.offer(answer, (), object_id="in between", now=datetime.now(UTC), pictures=examined.pictures)
    house.enlist(alike(a_picture(5)), algorithms=PDQ)
    house.wait_until_followed()
    assert house.later("in between") == []
    keeper._write()
    assert len(house.later("in between")) == 1
    with house.database.transaction() as conn:
        places.lock_places(conn)
        conn.execute("DELETE FROM gate_past_list")

    def looked_up_again() -> bool:
        with house.database.transaction() as conn:
            return bool(places.list_looked_up(conn, PastKind.PICTURES))

    wait_until(looked_up_again)
    assert len(house.later("in between")) == 1


def test_a_pdq_hash_that_somebody_else_made_is_kept_unless_it_says_little(house: House) -> None:
    (made,) = house.gate._matcher.examine(as_jpeg(a_picture(6)), pictures=True).pictures
    checks = [
        HashCheck(hashes=(GivenHash(algorithm="pdq", value=made.value, quality=90),), object_id="given"),
        HashCheck(hashes=(GivenHash(algorithm="pdq", value=made.value, quality=10),), object_id="poor"),
    ]
    house.gate.check_hashes(checks, door=Door.HASHES, provider_key=None, now=datetime.now(UTC))
    wait_until(lambda: hashes_kept(house, "given") == 1)
    assert hashes_kept(house, "poor") == 0


def test_a_picture_with_little_to_see_is_not_kept(house: House) -> None:
    flat = as_jpeg(Image.new("RGB", (200, 200), (90, 90, 90)))
    upload(house, flat, "flat")
    wait_until(lambda: house.kept("flat") == 1)
    assert hashes_kept(house, "flat") == 0


def test_without_the_choice_no_perceptual_hash_is_kept_and_what_was_kept_is_erased(house: House) -> None:
    keep(house, as_jpeg(a_picture(7)), "while chosen")
    house.switch_on()
    assert hashes_kept(house, "while chosen") == 0
    assert house.kept("while chosen") == 1
    wait_until(lambda: not house.gate.past.keeps_pictures)
    upload(house, as_jpeg(a_picture(8)), "not chosen")
    wait_until(lambda: house.kept("not chosen") == 1)
    assert hashes_kept(house, "not chosen") == 0


def test_an_erased_picture_is_not_found_and_leaves_the_memory(house: House) -> None:
    keep(house, as_jpeg(a_picture(9)), "to erase")
    held = KeptPictures(house.keys)
    with house.database.transaction() as conn:
        assert held.catch_up(conn, now=NOW)
    (wanted,) = house.gate._matcher.examine(as_jpeg(a_picture(9)), pictures=True).pictures
    before = len(held)
    with house.database.transaction() as conn:
        assert [one.object_id for one, _ in held.find(conn, {wanted}, 31)] == ["to erase"]
        assert past.erase(conn, console(), object_ids=["to erase"], keys=house.keys, now=datetime.now(UTC)) == 1
        # At once, though it is in memory still.
        assert list(held.find(conn, {wanted}, 31)) == []
        held.catch_up(conn, now=NOW)
        assert len(held) == before - 1
        held.catch_up(conn, now=NOW + timedelta(hours=2))
        assert all(day.index.info().withdrawals == 0 for day in held._days.values()), "merged, so that nothing lies there"
        assert len(held) == before - 1


def test_hashes_are_sealed_for_their_day(house: House) -> None:
    keep(house, as_jpeg(a_picture(10)), "sealed")
    (made,) = house.gate._matcher.examine(as_jpeg(a_picture(10)), pictures=True).pictures
    with house.database.transaction() as conn:
        text, sealed, day = conn.execute(
            "SELECT gate_past_picture::text, sealed, day FROM gate_past_picture WHERE object_id = 'sealed'"
        ).fetchall()[0]
    assert made.value[:8].hex() not in text
    sealer = house.keys.sealer(SEALED)
    assert sealer.unseal(sealed, picture_label(day)) == made.value
    with pytest.raises(ValueError, match="does not open"):
        sealer.unseal(sealed, picture_label(day + timedelta(days=1)))


def test_a_backup_leaves_them_out(house: House, postgres: EmbeddedServer) -> None:
    keep(house, as_jpeg(a_picture(11)), "in no backup")
    with whole_dump(postgres.conninfo(OWNER, "past_pictures")) as dump:
        listed = subprocess.run(
            [str(programs.binary("pg_restore")), "--list"], stdin=dump, capture_output=True, text=True, check=True,
            env=programs.environment(),
        ).stdout  # fmt: skip
    assert "TABLE public gate_past_picture_day_" in listed
    assert "TABLE DATA public gate_past_picture_day_" not in listed


def test_one_process_at_a_time_has_them_in_memory(house: House) -> None:
    keep(house, as_jpeg(a_picture(12)), "of one")
    keeper = house.keeper()
    held, other = KeptPictures(house.keys), uuid.uuid4()
    wait_until(lambda: len(house.gate.past._pictures._held) > 0)

    def step(now: datetime) -> Followed:
        with house.database.transaction() as conn:
            places.lock_places(conn)
            return past_following.follow_pictures(
                conn, console(), held=held, holder=other, index=keeper._index(), policy=keeper._policy(), keys=house.keys,
                now=now,
            )  # fmt: skip

    assert step(datetime.now(UTC)) is Followed.NOT_NOW
    assert len(held) == 0
    # The first was not heard of for a while.
    step(datetime.now(UTC) + 2 * HELD)
    assert len(held) > 0
    with house.database.transaction() as conn:
        places.lock_places(conn)
        past_following.let_go(conn, holder=other, now=datetime.now(UTC))
    wait_until(lambda: len(house.gate.past._pictures._held) > 0)


def test_who_may_have_them_in_memory(now: datetime) -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    assert may_hold(None, None, one, now)
    assert may_hold(one, now, one, now)
    assert not may_hold(other, now - HELD, one, now)
    assert may_hold(other, now - HELD - timedelta(seconds=1), one, now)


def test_many_are_read_in_steps_and_found_by_the_day(conn: Connection, house: House) -> None:
    sealer = house.keys.sealer(SEALED)
    days = [(NOW - timedelta(days=ago)).date() for ago in (1, 0)]
    hashes = [uuid.uuid4().bytes * 2 for _ in range(60)]
    for place, day in enumerate(days):
        store.add_day(conn, day)
        at = datetime.combine(day, datetime.min.time(), UTC)
        store.add_pictures(conn, [
            (
                KeptUpload(check_id=uuid.uuid4(), object_id=f"{day} {number}", at=at),
                Convention.FLOOR512 if number == 0 else Convention.FULL,
                sealer.seal(hashes[30 * place + number], picture_label(day)),
            )
            for number in range(30)
        ])  # fmt: skip
    held = KeptPictures(house.keys)
    assert held.catch_up(conn, now=NOW)
    for number, convention in ((0, Convention.FLOOR512), (7, Convention.FULL), (37, Convention.FULL)):
        wanted = PictureHash(convention=convention, value=hashes[number])
        found = [upload.object_id for upload, _ in held.find(conn, {wanted}, 31)]
        assert found == [f"{days[number // 30]} {number % 30}"]
    otherwise = PictureHash(convention=Convention.FULL, value=hashes[0])
    assert list(held.find(conn, {otherwise}, 31)) == [], "hashes of two conventions are not compared"
    store.drop_days(conn, days[1])
    assert held.catch_up(conn, now=NOW)
    assert len(held) == 30


def test_an_entry_is_looked_up_among_pictures_after_its_digests(conn: Connection) -> None:
    known, counts_anew, unknown = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    for list_id in (known, counts_anew):
        places.put_looked_up(conn, PastKind.DIGESTS, list_id, LookedUp(counting="1", position=5))
    places.update_place(conn, PastKind.DIGESTS, position=9, altered=3)
    wanted = {
        list_id: LookedUp(counting=counting, position=0)
        for list_id, counting in ((known, "1"), (counts_anew, "1 2"), (unknown, "1"))
    }
    assert past_following._bounds(conn, PastKind.PICTURES, wanted, 9) == ({known: 5, counts_anew: 0, unknown: 0}, 3)
    assert past_following._bounds(conn, PastKind.DIGESTS, wanted, 9) == (dict.fromkeys(wanted, 9), 9)


def test_they_are_dropped_by_the_day_and_when_the_basis_ends(conn: Connection) -> None:
    past.switch_on(
        conn, console(), basis="consent", reference="terms 7", ends_on=ENDS, days=3, pictures_reason=REASON, now=NOW
    )
    for ago in range(5):
        digest_store.add_day(conn, (NOW - timedelta(days=ago)).date())
        store.add_day(conn, (NOW - timedelta(days=ago)).date())
    past.drop_old(conn, now=NOW)
    assert [day for day, _ in store.list_days(conn)] == [(NOW - timedelta(days=ago)).date() for ago in (2, 1, 0)]
    past.drop_old(conn, now=datetime.combine(ENDS, datetime.min.time(), UTC) + timedelta(days=2))
    assert store.list_days(conn) == []


def test_the_choice_has_a_reason_of_its_own(conn: Connection) -> None:
    with pytest.raises(InvalidInput) as refused:
        past.switch_on(conn, console(), basis="b", reference="r", ends_on=ENDS, pictures_reason=" ", now=NOW)
    assert refused.value.field == "pictures_reason"
    assert past.switch_on(conn, console(), basis="b", reference="r", ends_on=ENDS, now=NOW).pictures is None
    chosen = past.switch_on(conn, console(), basis="b", reference="r", ends_on=ENDS, pictures_reason=REASON, now=NOW)
    assert chosen.pictures == REASON
    assert past.switch_off(conn, console(), now=NOW).pictures is None
