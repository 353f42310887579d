"""Whether a report has a generated picture mixed in, at the place behind its last item."""

from vangnet.keys import Keys
from vangnet.reports.model.reports import Report
from vangnet.reports.rules.assessment.golden_pictures import is_drawn
from vangnet.reports.service.secrets import place, secrets_of


def code_of(keys: Keys, report: Report) -> bytes:
    """By what it is drawn and made: nobody without the keys can tell it."""
    return secrets_of(keys).check(place(report.id))


def has_one(keys: Keys, report: Report, *, percent: int) -> bool:
    """Whether this report has one."""
    return report.items > 0 and is_drawn(code_of(keys, report), percent=percent)


def is_at(keys: Keys, report: Report, position: int, *, percent: int) -> bool:
    """Whether it is the one at this place."""
    return position == report.items and has_one(keys, report, percent=percent)
