"""The page of what a report is linked with, as people use it."""

import re
from collections.abc import Callable

import httpx2
from running.link_routes import a_group, code_of, members_on, named, take
from running.server import RunningServer

from vangnet.identity.model import Language
from vangnet.identity.permissions import Role

Visitor = Callable[..., httpx2.Client]


def words_of(page: httpx2.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def pair(one: int, other: int) -> str:
    return f"{one} \u2013 {other}"


def send(client: httpx2.Client, report_id: int, what: str, **form: object) -> httpx2.Response:
    """The page after a button was used."""
    answer = client.post(f"/reports/{report_id}/links/{what}", data=form)
    return client.get(answer.headers["location"]) if answer.status_code == 303 else answer


def test_a_link_says_why_in_both_languages(server: RunningServer, visitor: Visitor) -> None:
    first = take(server, named("u-why", files=3, minute=5))
    second = take(server, named("u-why", files=3, minute=17))
    page = visitor(Role.STAFF).get(f"/reports/{first}/links")
    assert page.status_code == 200
    text = words_of(page)
    assert "It belongs with 1 other report." in text
    assert re.search(rf"{pair(first, second)} same account", text)
    assert re.search(rf"{pair(first, second)} same file ?, 3 of them sha256", text)
    assert re.search(rf"{pair(first, second)} network address seen 12 minutes apart ipv6", text)
    dutch = words_of(visitor(Role.STAFF, language=Language.NL).get(f"/reports/{first}/links"))
    assert "hetzelfde account" in dutch
    assert "12 minuten na elkaar gezien" in dutch


def test_the_drawing_says_what_the_table_says(server: RunningServer, visitor: Visitor) -> None:
    group = a_group(server)
    page = visitor(Role.STAFF).get(f"/reports/{group[0]}/links")
    assert members_on(page.text) == group
    assert page.text.count("<line ") == 3
    assert {int(number) for number in re.findall(r"<text [^>]+>(\d+)</text>", page.text)} == set(group)
    assert "<script" not in page.text.partition("<main")[2].partition("</main>")[0]


def test_no_value_stands_in_an_address(server: RunningServer, visitor: Visitor) -> None:
    first = take(server, named("canary-value"))
    take(server, named("canary-value"))
    page = visitor(Role.STAFF).get(f"/reports/{first}/links")
    assert "canary-value (chat.example)" in page.text
    addresses = re.findall(r'(?:href|action)="([^"]+)"', page.text)
    assert not [one for one in addresses if "canary" in one or code_of(server, first) in one]


def test_a_cut_parts_a_group_and_can_be_undone_and_done_again(server: RunningServer, visitor: Visitor) -> None:
    first, second = a_group(server, 2)
    client = visitor(Role.STAFF)
    page = send(client, first, "cut", a=first, b=second, kind="account")
    assert "This link joins nothing any more." in page.text
    assert members_on(page.text) == []
    assert f"{pair(first, second)} same account" in words_of(page), "what was cut is still told"
    deed = re.findall(r'name="deed" value="(\d+)"', page.text)[0]
    assert members_on(send(client, first, "undo", deed=deed).text) == [first, second]
    assert send(client, first, "undo", deed=deed).status_code == 409
    again = send(client, second, "redo", deed=deed)
    assert "It is done again." in again.text
    assert members_on(again.text) == []


def test_a_value_that_says_nothing_is_dismissed_for_all_reports(server: RunningServer, visitor: Visitor) -> None:
    group = a_group(server)
    client = visitor(Role.STAFF)
    page = send(client, group[1], "dismiss", value=code_of(server, group[0]))
    assert "This value joins nothing any more" in page.text
    assert members_on(page.text) == []
    assert "a colleague said that it says nothing" in page.text
    assert members_on(client.get(f"/reports/{group[2]}/links").text) == []
    assert send(client, group[1], "dismiss", value=code_of(server, group[0])).status_code == 409
    assert send(client, group[1], "dismiss", value="0" * 32).status_code == 409


def test_reports_are_joined_by_their_numbers_with_their_groups(server: RunningServer, visitor: Visitor) -> None:
    one, other = a_group(server), a_group(server, 2)
    client = visitor(Role.STAFF)
    page = send(client, one[0], "merge", reports=f"{other[1]}, {one[1]}")
    assert members_on(page.text) == [*one, *other]
    assert f"{pair(one[-1], other[0])} a colleague joined them" in words_of(page)
    assert send(client, one[0], "merge", reports=str(other[0])).status_code == 409


def test_what_is_no_number_of_a_report_is_refused_and_kept_in_the_form(server: RunningServer, visitor: Visitor) -> None:
    (report_id,) = a_group(server, 1)
    client = visitor(Role.STAFF)
    for given in ("", "abc", "12 of ons", "999999999999"):
        page = send(client, report_id, "merge", reports=given)
        assert page.status_code == 422
        assert 'class="problem"' in page.text
        assert f'value="{given}"' in page.text


def test_chosen_reports_are_kept_apart_also_when_something_joins_both_sides(
    server: RunningServer, visitor: Visitor
) -> None:
    group = a_group(server, 4)
    client = visitor(Role.STAFF)
    page = send(client, group[0], "split", chosen=[group[2], group[3]])
    assert members_on(page.text) == group[:2]
    assert "held back" in page.text
    assert members_on(client.get(f"/reports/{group[3]}/links").text) == group[2:]
    for chosen in ([], [group[0], group[1]], [group[0], group[2]]):
        assert send(client, group[0], "split", chosen=chosen).status_code in {409, 422}


def test_what_only_points_says_what_speaks_against_it_and_can_be_joined(server: RunningServer, visitor: Visitor) -> None:
    # The same address, so long apart that it may be another customer's by then.
    first = take(server, named("u-points", minute=1, address="203.0.113.77"))
    second = take(server, named("u-other", minute=1, days=3, address="203.0.113.77"))
    client = visitor(Role.STAFF)
    text = words_of(client.get(f"/reports/{first}/links"))
    assert re.search(rf"{second} [^.]* network address seen 3 days apart ipv4 2 seen too long apart", text)
    assert members_on(send(client, first, "merge", reports=second).text) == [first, second]


def test_a_report_that_belongs_with_none_says_so(server: RunningServer, visitor: Visitor) -> None:
    (report_id,) = a_group(server, 1)
    page = visitor(Role.STAFF).get(f"/reports/{report_id}/links")
    assert "It belongs with no other report so far." in page.text
    assert "<svg viewBox" not in page.text.replace('<svg class="icon"', "").partition("<main")[2].partition("Join with")[0]


def test_whoever_does_not_work_on_reports_sees_no_links(server: RunningServer, visitor: Visitor) -> None:
    (report_id,) = a_group(server, 1)
    for role in (Role.AUDITOR, Role.ADMINISTRATOR, Role.CURATOR):
        assert visitor(role).get(f"/reports/{report_id}/links").status_code == 403
    assert visitor(Role.STAFF).get("/reports/999999999/links").status_code == 404
