"""The triage policy as a document: what is read is what was written, and what cannot be is refused."""

import json
from dataclasses import replace
from typing import Any

import pytest

from vangnet.errors import InvalidInput
from vangnet.reports.model.drafts import Sign
from vangnet.reports.model.triage_policy import AGAINST, STARTING, as_document, evidence_points, read_document


def test_the_starting_set_is_read_as_it_was_written() -> None:
    assert read_document(json.loads(json.dumps(as_document(STARTING)))) == STARTING


def test_every_part_of_the_policy_is_in_the_document() -> None:
    for name in as_document(STARTING):
        document = as_document(STARTING)
        del document[name]
        with pytest.raises(InvalidInput, match="policy"):
            read_document(document)
    with pytest.raises(InvalidInput, match="policy"):
        read_document(as_document(STARTING) | {"urgent": 1})


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("unseen",), -1, "0 to 60"),
        (("unseen",), 61, "0 to 60"),
        (("unseen",), True, "whole number"),
        (("unseen",), 3.0, "whole number"),
        (("oldest_percent",), 0, "1 to 50"),
        (("last_hours_percent",), 91, "0 to 90"),
        (("drawn_permille",), 0, "1 to 200"),
        (("escalate_minutes",), 16, "danger_minutes"),
        (("danger",), [], "somebody has to be called"),
        (("danger",), ["extortion"], "danger_now"),
        (("danger",), ["danger_now", "spam"], "signs of urgency"),
        (("danger",), {"danger_now": 1}, "list"),
        (("deadline_hours",), {"spam": 4}, "signs of urgency"),
        (("deadline_hours",), {"harm": 0}, "1 to 8760"),
        (("deadline_hours",), 4, "table"),
        (("among_equals",), "loudest", "newest, oldest"),
        (("signs", "harm"), {"evidence": 4}, "consequence, evidence"),
        (("signs", "harm", "evidence"), "4", "whole number"),
        (("signs", "spam"), {"evidence": 4, "consequence": 4}, "exactly these"),
        (("trust", "police"), 201, "0 to 200"),
        (("against", "spam"), -4, "0 to 60"),
        (("incidents",), [], "table"),
    ],
)
def test_what_cannot_be_is_refused(path: tuple[str, ...], value: Any, problem: str) -> None:
    document = json.loads(json.dumps(as_document(STARTING)))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(InvalidInput, match=problem):
        read_document(document)


@pytest.mark.parametrize("document", [None, 4, "x", [], {}])
def test_what_is_no_policy_is_refused(document: object) -> None:
    with pytest.raises(InvalidInput):
        read_document(document)


def test_deadlines_may_be_none() -> None:
    without = replace(STARTING, deadline_hours={})
    assert read_document(as_document(without)) == without


@pytest.mark.parametrize(
    ("sensitivity", "false_alarms", "points"),
    [
        (0.8, 0.05, 19), (0.275, 0.05, 9), (0.46, 0.05, 12), (0.5, 1 / 11, 10), (0.5, 0.5, 0), (0.05, 0.8, 0),
        (0.0, 0.1, 0), (1.0, 0.1, 60), (0.9, 0.0, 60), (0.0, 0.0, 0), (1.0, 1.0, 0), (0.999, 1e-9, 60),
    ],
)  # fmt: skip
def test_a_sign_is_worth_what_it_tells_apart(sensitivity: float, false_alarms: float, points: int) -> None:
    assert evidence_points(sensitivity, false_alarms) == points


@pytest.mark.parametrize(("sensitivity", "false_alarms"), [(1.1, 0.1), (-0.1, 0.1), (0.5, -0.1), (0.5, 1.1)])
def test_shares_that_are_none_are_refused(sensitivity: float, false_alarms: float) -> None:
    with pytest.raises(InvalidInput):
        evidence_points(sensitivity, false_alarms)


def test_a_sign_speaks_for_haste_or_against_it() -> None:
    assert STARTING.signs.keys() | STARTING.against.keys() == set(Sign)
    assert not STARTING.signs.keys() & AGAINST
