"""The gate's own pages: the live picture, the policy with its preview, false alarms, and who seems to try the lists out."""

import hashlib
import itertools
import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pictures import encoded, photo
from running import gate_routes
from running.gate_lists import hashes_of, list_files
from running.server import RunningServer, console, own_database, running
from running.states import wait_until

from vangnet.db.embedded import EmbeddedServer
from vangnet.gate.model import Door
from vangnet.gate.policy import STARTING, as_document
from vangnet.gate.probing import ProbeLimits
from vangnet.gate.service import decisions, policies, probes, reviews
from vangnet.gate.service.watch import Watch
from vangnet.identity.permissions import Permission, Role
from vangnet.registry.model.entries import HashAlgorithm

FILE = b"a listed text, for the gate's pages"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def provider(postgres: EmbeddedServer, logfile: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """An installation with a list of one file and one picture, whose limits on probing are low."""
    folder = tmp_path_factory.mktemp("gate_pages")
    with (
        own_database(postgres, "gate_pages") as database,
        running(
            database, folder, logfile, probing_uploader_variants=3, probing_uploader_matches=6, probing_key_matches=40
        ) as server,
    ):
        list_files(server, [FILE], name="of a file", algorithms=[HashAlgorithm.SHA256])
        list_files(server, [PICTURE], name="of a picture", algorithms=[HashAlgorithm.PDQ])
        yield server


PICTURE = encoded(photo(17, 320, 240), "PNG")


(LISTED,) = hashes_of(PICTURE, [HashAlgorithm.PDQ])


def pdq_of(distance: int) -> str:
    """The listed picture's hash with so many bits changed."""
    value = int.from_bytes(LISTED.value, "big")
    return (value ^ ((1 << distance) - 1)).to_bytes(32, "big").hex()


def check(client: httpx2.Client, **headers: str) -> Any:
    """The answer for the listed file under a name of its own."""
    name = {"Idempotency-Key": f"upload {next(_numbers)} {uuid.uuid4().hex[:4]}"}
    return client.post("/api/v1/check", content=FILE, headers=name | headers)


def test_the_policy_is_changed_by_a_form_after_its_preview_was_seen(provider: RunningServer) -> None:
    before = counted(provider)
    with provider.program(Permission.GATE_CHECK) as program:
        answer = check(program).json()
        assert answer["decision"] == "block"
        assert program.post("/api/v1/check", content=b"no picture").json()["decision"] == "allow"
    wait_until(lambda: counted(provider) >= before + 2)
    with provider.signed_in(Role.ADMINISTRATOR) as browser:
        shown = browser.get("/gate/policy").text
        assert "starting set" in shown
        form = browser.get("/gate/policy/change").text
        assert 'name="baseline.sha256"' in form
        draft = gate_routes.fields(**{"baseline.sha256": "hold", "unhashable.not_media": "hold"})
        seen = browser.post("/gate/policy/preview", data=draft)
        assert seen.status_code == 200
        assert f"/decisions/{answer['check_id']}" in seen.text  # Which would have been held, and links to it.
        assert "no picture or video" in seen.text
        with provider.transaction() as conn:
            assert policies.version(conn) == 0  # A look chooses nothing.
        chosen = browser.post("/gate/policy", data=confirmation(seen.text))
        assert (chosen.status_code, chosen.headers["location"]) == (303, "/gate/policy?done=policy-chosen")
        assert "Version 1" in browser.get("/gate/policy").text
        wait_until(lambda: provider.gate.policy_version == 1)
        with provider.program(Permission.GATE_CHECK) as program:
            assert check(program).json()["decision"] == "hold"
        # The same draft again would go over what somebody else chose.
        late = browser.post("/gate/policy", data=confirmation(seen.text))
        assert late.status_code == 409
        assert "in the meantime" in late.text
        again = browser.get("/gate/policy/change", params={"from": "starting"}).text
        assert re.search(r'name="baseline.sha256".*?value="block" selected', again, re.DOTALL)
        back = browser.post("/gate/policy/preview", data=gate_routes.fields(instead_of="1")).text
        assert browser.post("/gate/policy", data=confirmation(back)).status_code == 303
    wait_until(lambda: provider.gate.policy_version == 2)


def confirmation(page: str) -> dict[str, str]:
    """What the preview's button sends."""
    form = page[page.index('action="/gate/policy">') :]
    values = re.findall(r'name="(document|instead_of)" value="([^"]*)"', form)[:2]
    return {name: value.replace("&#34;", '"') for name, value in values}


@pytest.mark.parametrize(
    "changes",
    [
        {"baseline.sha256": "perhaps"},
        {"unavailable": "allow"},
        {"baseline.up_to": ["31", "63"], "baseline.band": ["hold", "hold"]},
        {"baseline.up_to": ["x", "64"], "baseline.band": ["hold", "hold"]},
        {"report_to": "no id"},
    ],
    ids=["no decision", "unavailable allowed", "a distance left out", "no distance", "no party"],
)
def test_a_form_that_says_no_policy_is_refused_and_kept(provider: RunningServer, changes: dict[str, Any]) -> None:
    with provider.signed_in(Role.ADMINISTRATOR) as browser:
        answer = browser.post("/gate/policy/preview", data=gate_routes.fields(**{"national.sha256": "hold"} | changes))
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert re.search(r'name="national.sha256".*?value="hold" selected', answer.text, re.DOTALL)
        sent = {"document": json.dumps(as_document(STARTING) | {"unavailable": "allow"}), "instead_of": "0"}
        assert browser.post("/gate/policy", data=sent).status_code == 422
        assert browser.post("/gate/policy", data={"document": "[]"}).status_code == 422


def test_the_live_picture_shows_what_was_checked(provider: RunningServer) -> None:
    before = counted(provider)
    with provider.program(Permission.GATE_CHECK) as program:
        check(program)
        program.post("/api/v1/check", content=b"")
    wait_until(lambda: counted(provider) >= before + 2)
    with provider.signed_in(Role.STAFF) as browser:
        for path in ("/gate", "/gate/live"):
            page = browser.get(path).text
            assert "answering" in page
            assert 'rect class="block"' in page
            assert "of a file" in page
            assert "no picture or video" in page
            assert re.search(r"\d ms", page)  # How quick it was.
        assert "<html" not in page


def counted(server: RunningServer) -> int:
    """How many checks the database knows of."""
    with server.transaction() as conn:
        sums = decisions.sum_counts(conn, console(), since=datetime.now(UTC) - timedelta(hours=1))
    return sum(number for *_, number in sums)


def test_whoever_changes_a_listed_picture_again_and_again_is_told_less(provider: RunningServer) -> None:
    asker, other = f"someone {uuid.uuid4()}", f"another {uuid.uuid4()}"
    with provider.program(Permission.GATE_CHECK) as program:

        def look(distance: int, uploader: str) -> Any:
            asked = {"checks": [{"pdq": pdq_of(distance), "uploader": uploader}]}
            return program.post("/api/v1/check/hashes", json=asked).json()["results"][0]

        told = [look(distance, asker) for distance in (2, 2, 4, 6, 8)]
        assert [one["withheld"] for one in told] == [False, False, False, True, True]
        assert told[0]["matches"][0]["distance"] == 2
        # Less is told, and the decision is the same.
        assert {one["decision"] for one in told} == {"hold"}
        assert {one["outcome"] for one in told} == {"match"}
        assert told[-1]["matches"] == [
            {
                "list": "of a picture", "list_id": told[0]["matches"][0]["list_id"], "entry_id": None,
                "classification": None, "algorithm": None, "distance": None, "view": None, "shadow": False,
            }
        ]  # fmt: skip
        assert look(10, other)["withheld"] is False

        def alarms() -> list[Any]:
            with provider.transaction() as conn:
                found = [one for one, _ in probes.list_probes(conn, console())]
            return [one for one in found if uuid.UUID(told[3]["check_id"]) in one.decisions]

        wait_until(lambda: bool(alarms()))
        (alarm,) = alarms()
        assert asker.encode() not in bytes(alarm.uploader)
        with provider.signed_in(Role.ADMINISTRATOR) as browser:
            page = browser.get("/gate/probes").text
            assert "many different look-alikes of one entry" in page
            assert f"/decisions/{told[3]['check_id']}" in page
            assert asker not in page
            assert browser.post(f"/gate/probes/{alarm.id}/lift").status_code == 303
            assert browser.post(f"/gate/probes/{alarm.id}/lift").status_code == 409
        wait_until(lambda: look(2, asker)["withheld"] is False)


def test_the_same_picture_sent_again_is_no_probing(provider: RunningServer) -> None:
    with provider.program(Permission.GATE_CHECK) as program:
        asked = {"checks": [{"pdq": pdq_of(3), "uploader": f"someone {uuid.uuid4()}"}]}
        told = [program.post("/api/v1/check/hashes", json=asked).json()["results"][0] for _ in range(4)]
    assert not any(one["withheld"] for one in told)


def test_an_uploader_who_is_limited_is_not_the_whole_key(provider: RunningServer) -> None:
    with provider.program(Permission.GATE_CHECK) as program:
        asker = f"someone {uuid.uuid4()}"
        answers = [check(program, Uploader=asker) for _ in range(7)]
        assert [one.status_code for one in answers] == [200] * 7
        assert answers[-1].json()["withheld"] is True
        assert check(program).json()["withheld"] is False
        for wrong in ("", "x" * 201):
            assert check(program, Uploader=wrong).status_code == 422


def test_where_that_was_chosen_an_uploader_is_refused_in_every_process(provider: RunningServer) -> None:
    key, other = str(uuid.uuid4()), str(uuid.uuid4())
    now = datetime.now(UTC)
    limits = ProbeLimits(uploader_matches=2, refuses_uploaders=True)
    here, there = Watch(provider.keys, limits), Watch(provider.keys, limits)
    asked: dict[str, Any] = {"door": Door.API, "provider_key": key, "now": now}
    for _ in range(2):
        here.answered([gate_routes.a_match(provider)], uploaders=["someone"], seconds=0.001, **asked)
    assert here.refused_for_s(uploader="someone", **asked) > 3_000
    assert there.refused_for_s(uploader="someone", **asked) == 0
    for watch in (here, there):
        watch.write(provider.database, now=now)
    assert there.refused_for_s(uploader="someone", **asked) > 3_000
    assert there.refused_for_s(uploader="somebody else", **asked) == 0
    assert there.refused_for_s(uploader="someone", **asked | {"provider_key": other}) == 0
    assert there.refused_for_s(uploader=None, **asked) == 0
    # Tomorrow nobody is recognised, and what is kept of the pseudonym is erased.
    tomorrow = now + timedelta(days=1, seconds=1)
    with provider.transaction() as conn:
        probes.forget_uploaders(conn, now=tomorrow)
        found = [one for one, _ in probes.list_probes(conn, console()) if one.asker == key]
    assert [(one.of_uploader, one.uploader) for one in found] == [(True, None)]
    there.write(provider.database, now=now)
    assert there.refused_for_s(uploader="someone", **asked) == 0


def test_a_false_alarm_is_marked_and_leads_to_the_dispute(provider: RunningServer) -> None:
    with provider.program(Permission.GATE_CHECK) as program:
        first, second = check(program).json(), check(program).json()
    with provider.signed_in(Role.STAFF) as browser:
        page = browser.get("/gate/review").text
        assert 'action="/gate/review/' in page
        assert "<img" not in page
        for answer, wrong in ((first, "true"), (second, "false")):
            done = browser.post(f"/gate/review/{answer['check_id']}", data={"false_alarm": wrong})
            assert done.status_code == 303
        page = browser.get("/gate/review").text
        assert f"/decisions/{first['check_id']}#wrong" in page
        assert second["check_id"] not in page
        with provider.transaction() as conn:
            (rate,) = [one for one in reviews.rates(conn, console()) if one.list_name == "of a file"]
        assert (rate.looked_at, rate.false_alarms) == (2, 1)
        assert browser.post(f"/gate/review/{second['check_id']}", data={"false_alarm": "perhaps"}).status_code == 422
        assert browser.post(f"/gate/review/{uuid.uuid4()}", data={"false_alarm": "true"}).status_code == 404
    with provider.signed_in(Role.AUDITOR) as browser:
        assert browser.post(f"/gate/review/{second['check_id']}", data={"false_alarm": "true"}).status_code == 403


def test_prometheus_is_told_what_the_gate_did(provider: RunningServer) -> None:
    with provider.program(Permission.GATE_CHECK) as program:
        check(program)
    with provider.program(Permission.HEALTH_READ) as program:
        measures = program.get("/metrics").text
    assert re.search(r'vangnet_gate_checks_total\{decision="block",door="api",outcome="match"\} \d', measures)
    assert re.search(r'vangnet_gate_seconds_bucket\{door="api",le="\+Inf"\} [1-9]', measures)
    assert re.search(r'vangnet_gate_matches_total\{list="[0-9a-f-]{36}",shadow="false"\} [1-9]', measures)
    for name in ("spooled", "database_away", "limited", "probe_alarms_total"):
        assert re.search(rf"^vangnet_gate_{name} \d", measures, re.MULTILINE), name
    assert hashlib.sha256(FILE).hexdigest() not in measures
