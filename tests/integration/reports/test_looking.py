"""Nobody is sent more of a picture than they asked for, and what they were shown is counted for their own good."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pictures import encoded, photo
from PIL import Image, ImageFilter
from running.assessed_reports import BLURRED, WHOLE, a_picture, asked, claimed, file_of, viewer_of
from running.report_desk import CONSOLE, Desk

from vangnet.audit.model import Actor
from vangnet.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from vangnet.hashing.sandbox import Sandbox
from vangnet.identity.permissions import Role
from vangnet.registry.model.classification import Classification
from vangnet.reports.model.drafts import Sign
from vangnet.reports.model.looks import BLURRED_SIDE, LookStep, Size, Wanted
from vangnet.reports.service.assessment import exposure, looking
from vangnet.reports.service.assessment.looking import Viewer
from vangnet.reports.store import files as file_store
from vangnet.reports.store import looks as look_store
from vangnet.vault.model import OpenReason

PART = Wanted(step=LookStep.PART, part=5, grey=False, size=Size.M)


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


def shown(viewer: Viewer, actor: Actor, desk: Desk, report_id: int, wanted: Wanted = BLURRED) -> Image.Image:
    made = viewer.look(actor, asked(report_id, wanted=wanted), now=desk.now)
    return Image.open(io.BytesIO(made.png))


def sharpness(image: Image.Image) -> float:
    """How much edge there is: the mean of what a filter for edges leaves."""
    edges = image.convert("L").filter(ImageFilter.FIND_EDGES).crop((2, 2, image.width - 2, image.height - 2))
    histogram = edges.histogram()
    return sum(value * count for value, count in enumerate(histogram)) / sum(histogram)


def test_a_blurred_picture_is_grey_and_has_no_more_pixels_than_its_strength(
    desk: Desk, viewer: Viewer, anna: Actor
) -> None:
    report_id = claimed(desk, anna, a_picture(1))
    for blur, side in BLURRED_SIDE.items():
        picture = shown(viewer, anna, desk, report_id, Wanted(step=LookStep.BLURRED, blur=blur))
        # Nothing is in it that so few pixels do not hold.
        few = photo(1, 320, 240).convert("L").resize((side, 240 * side // 320), Image.Resampling.BOX)
        expected = few.resize((160, round(few.height * 160 / side)), Image.Resampling.BICUBIC)
        assert (picture.mode, picture.size) == ("L", expected.size)
        assert picture.tobytes() == expected.tobytes()


def test_a_blurred_picture_is_smooth_where_the_whole_is_sharp(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(2))
    blurred = shown(viewer, anna, desk, report_id)
    whole = shown(viewer, anna, desk, report_id, WHOLE)
    assert sharpness(blurred) < sharpness(whole) / 3


def test_a_part_holds_a_ninth_of_the_picture_and_nothing_else(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(3))
    shown(viewer, anna, desk, report_id)
    part = shown(viewer, anna, desk, report_id, PART)
    assert part.tobytes() == photo(3, 320, 240).crop((106, 80, 213, 160)).tobytes()


def test_grey_is_its_own_switch(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(4))
    assert shown(viewer, anna, desk, report_id, replace(BLURRED, grey=False)).mode == "RGB"
    assert shown(viewer, anna, desk, report_id, replace(WHOLE, grey=True)).mode == "L"


def test_the_size_bounds_what_is_sent(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(5, 1600, 1000))
    shown(viewer, anna, desk, report_id)
    sides = {size: max(shown(viewer, anna, desk, report_id, replace(WHOLE, size=size)).size) for size in Size}
    assert sides == {Size.S: 160, Size.M: 480, Size.L: 1200}


def test_a_picture_is_shown_upright(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    report_id = claimed(desk, anna, encoded(photo(6, 320, 240), "JPEG", exif=exif))
    assert shown(viewer, anna, desk, report_id).size == (120, 160)


def test_what_is_no_picture_is_not_shown_and_counts_for_nothing(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    report_id = claimed(desk, anna, b"words, and no picture")
    with pytest.raises(Conflict, match="not_media"):
        viewer.look(anna, asked(report_id), now=desk.now)
    assert mine(desk, anna).days == [] or mine(desk, anna).days[0][1].looks == 0


def test_nothing_sharp_is_shown_before_the_blurred_picture_was(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(7))
    for wanted in (WHOLE, PART):
        with pytest.raises(Conflict, match="blurred first"):
            viewer.look(anna, asked(report_id, wanted=wanted), now=desk.now)
    viewer.look(anna, asked(report_id), now=desk.now)
    assert viewer.look(anna, asked(report_id, wanted=WHOLE), now=desk.now).png


def test_only_whoever_works_on_the_report_is_shown_its_pictures(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(8))
    with pytest.raises(Conflict, match="claim it first"):
        viewer.look(desk.person(), asked(report_id), now=desk.now)
    for role in (Role.ADMINISTRATOR, Role.AUDITOR, Role.CURATOR):
        with pytest.raises(PermissionDenied):
            viewer.look(desk.person(role), asked(report_id), now=desk.now)
    with pytest.raises(Conflict, match="one of our people"):
        viewer.look(CONSOLE, asked(report_id), now=desk.now)


def test_each_look_is_one_event_with_its_step_its_file_and_its_reason(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(9))
    shown(viewer, anna, desk, report_id)
    shown(viewer, anna, desk, report_id, WHOLE)
    with desk.database.transaction() as conn:
        rows = conn.execute(
            "SELECT record, details FROM audit_event WHERE action = 'vault:open' AND actor_id = %s ORDER BY id", [anna.id]
        ).fetchall()
    assert [record for record, _ in rows] == ["medium", "medium"]
    told = [(details["step"], details["reason"], details["file"], details["report"]) for _, details in rows]
    file = file_of(desk, report_id)
    assert told == [("blurred", "assessment", file.id, report_id), ("whole", "assessment", file.id, report_id)]


def test_a_file_is_viewed_once_somebody_saw_it_whole_and_sharp(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(10))
    file = file_of(desk, report_id)
    for wanted in (BLURRED, PART):
        shown(viewer, anna, desk, report_id, wanted)
        with desk.database.transaction() as conn:
            assert look_store.list_viewed(conn, [file.id]) == {}
    shown(viewer, anna, desk, report_id, WHOLE)
    with desk.database.transaction() as conn:
        assert look_store.list_viewed(conn, [file.id]) == {file.id: desk.now}


# --- what is known is not shown ---


def test_a_classified_file_is_shown_only_with_a_typed_reason(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(11))
    file = file_of(desk, report_id)
    with desk.database.transaction() as conn:
        file_store.update_classification(conn, file.id, Classification.NATIONAL, now=desk.now)
    look = asked(report_id)
    with pytest.raises(Conflict, match="only with a reason"):
        viewer.look(anna, look, now=desk.now)
    with pytest.raises(Conflict, match="only with a reason"):
        viewer.look(anna, replace(look, known_reason=OpenReason.ASSESSMENT, why="to see it once more"), now=desk.now)
    with pytest.raises(InvalidInput, match="10 to 300"):
        viewer.look(anna, replace(look, known_reason=OpenReason.CONTROL, why="because"), now=desk.now)
    words = "kanarie: the colours are in doubt"
    assert viewer.look(anna, replace(look, known_reason=OpenReason.CONTROL, why=words), now=desk.now).png
    with desk.database.transaction() as conn:
        (sealed,) = conn.execute("SELECT sealed FROM report_look ORDER BY id DESC LIMIT 1").fetchone() or (None,)
        (reason,) = conn.execute("SELECT details->>'reason' FROM audit_event ORDER BY id DESC LIMIT 1").fetchone() or ("",)
    assert sealed
    assert b"kanarie" not in bytes(sealed)
    assert reason == "control"


# --- time ---


def mine(desk: Desk, actor: Actor, *, later_s: float = 0, budget_minutes: int = 90) -> exposure.MyExposure:
    with desk.database.transaction() as conn:
        return exposure.mine(conn, actor, budget_minutes=budget_minutes, now=desk.now + timedelta(seconds=later_s))


def test_a_look_counts_until_it_is_covered_and_ten_seconds_at_most(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(12))
    shown(viewer, anna, desk, report_id)
    first = viewer.look(anna, asked(report_id, wanted=WHOLE), now=desk.now)
    assert mine(desk, anna, later_s=4).meter.sharp_seconds == 4
    assert mine(desk, anna, later_s=400).meter.sharp_seconds == 10
    with desk.database.transaction() as conn:
        looking.cover(conn, anna, look_id=first.look_id, now=desk.now + timedelta(seconds=3))
        looking.cover(conn, anna, look_id=first.look_id, now=desk.now + timedelta(seconds=9))
    assert mine(desk, anna, later_s=400).meter.sharp_seconds == 3


def test_more_time_ends_at_a_minute_and_only_for_a_look_of_ones_own_that_is_open(
    desk: Desk, viewer: Viewer, anna: Actor
) -> None:
    report_id = claimed(desk, anna, a_picture(13))
    look = viewer.look(anna, asked(report_id), now=desk.now)
    with desk.database.transaction() as conn:
        ends = [looking.more(conn, anna, look_id=look.look_id, now=desk.now) - desk.now for _ in range(7)]
        assert [end.total_seconds() for end in ends] == [20, 30, 40, 50, 60, 60, 60]
        with pytest.raises(NotFound):
            looking.more(conn, desk.person(), look_id=look.look_id, now=desk.now)
        with pytest.raises(Conflict, match="covered already"):
            looking.more(conn, anna, look_id=look.look_id, now=desk.now + timedelta(seconds=61))


def test_ones_own_choice_of_time_counts_within_its_bounds(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    report_id = claimed(desk, anna, a_picture(14))
    with desk.database.transaction() as conn:
        for seconds in (2, 61):
            with pytest.raises(InvalidInput, match="3 to 60"):
                exposure.choose(conn, anna, seconds=seconds, blur=3, size="S", now=desk.now)
        exposure.choose(conn, anna, seconds=4, blur=5, size="M", now=desk.now)
    assert viewer.look(anna, asked(report_id), now=desk.now).seconds == 4


def test_with_the_days_time_used_nothing_is_shown_but_where_a_child_may_be_in_danger(
    desk: Desk, sandbox: Sandbox, anna: Actor
) -> None:
    viewer = viewer_of(desk, sandbox, budget_minutes=1)
    report_id = claimed(desk, anna, *(a_picture(20 + number) for number in range(7)))
    for position in range(6):
        viewer.look(anna, asked(report_id, position), now=desk.now)
        viewer.look(anna, asked(report_id, position, WHOLE), now=desk.now)
    desk.now += timedelta(seconds=61)
    assert mine(desk, anna, budget_minutes=1).meter.fill.value == "over"
    with pytest.raises(Conflict, match="today's time"):
        viewer.look(anna, asked(report_id, 6), now=desk.now)
    urgent = claimed(desk, anna, a_picture(27), signs=frozenset({Sign.DANGER_NOW}))
    assert viewer.look(anna, asked(urgent), now=desk.now).png
    desk.now += timedelta(days=1)
    assert viewer.look(anna, asked(report_id, 6), now=desk.now).png


def test_others_see_sums_of_five_people_or_more_and_nothing_of_this_week(desk: Desk, viewer: Viewer, anna: Actor) -> None:
    lead = desk.person(Role.LEAD)
    desk.now -= timedelta(days=7)
    people = [anna, *(desk.person() for _ in range(4))]
    for number, person in enumerate(people):
        report_id = claimed(desk, person, a_picture(30 + number))
        viewer.look(person, asked(report_id), now=desk.now)
        viewer.look(person, asked(report_id, wanted=WHOLE), now=desk.now)
        if number == 3:
            assert [week.sum for week in sums(desk, lead)] == [None] * exposure.WEEKS
    (last, *before) = sums(desk, lead)
    assert last.sum is not None
    assert (last.sum.people, last.sum.looks, last.sum.sharp_seconds) == (5, 10, 50)
    assert {week.sum for week in before} == {None}
    with desk.database.transaction() as conn, pytest.raises(PermissionDenied):
        exposure.sums(conn, anna, now=desk.now)


def sums(desk: Desk, lead: Actor) -> list[exposure.WeekOfMany]:
    with desk.database.transaction() as conn:
        return exposure.sums(conn, lead, now=desk.now + timedelta(days=7))
