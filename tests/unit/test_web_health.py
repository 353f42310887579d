"""What the health board makes of what it finds."""

import pytest
from structlog.testing import capture_logs

from vangnet.cli.serve import log_missing
from vangnet.hashing.sandbox import Features, features
from vangnet.web.health import Check, Condition, decoders_are_isolated


@pytest.mark.parametrize(
    ("found", "condition", "told"),
    [
        (Features(landlock=6, seccomp=True), Condition.OK, "both hold it"),
        (Features(landlock=0, seccomp=True), Condition.ATTENTION, "no Landlock"),
        (Features(landlock=6, seccomp=False), Condition.FAILING, "no picture is decoded"),
        (Features(landlock=0, seccomp=False), Condition.FAILING, "no picture is decoded"),
    ],
)
def test_what_the_kernel_lacks_for_isolation_is_said_with_a_remedy(
    found: Features, condition: Condition, told: str
) -> None:
    finding = decoders_are_isolated(found)
    assert (finding.check, finding.condition) == (Check.ISOLATION, condition)
    assert told in finding.told
    assert (finding.remedy is None) == (condition is Condition.OK) == found.complete


def test_what_the_kernel_lacks_is_logged_when_serving_begins() -> None:
    with capture_logs() as lines:
        log_missing(Features(landlock=6, seccomp=True))
        assert not lines
        log_missing(Features(landlock=0, seccomp=False))
    assert [(line["event"], line["log_level"]) for line in lines] == [("isolation_incomplete", "warning")] * 2


def test_this_kernel_is_judged_by_what_it_has() -> None:
    assert decoders_are_isolated(features()).failing is not features().seccomp
