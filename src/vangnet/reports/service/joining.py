"""Which reports belong together: links are found when a report comes in, and people can cut and join."""

from datetime import datetime

from vangnet.db import Connection
from vangnet.keys import Keys
from vangnet.reports.model.drafts import ReportDraft


def join(conn: Connection, keys: Keys, *, report_id: int, draft: ReportDraft, now: datetime) -> frozenset[int]:
    """Finds the links of a report that was just taken in, and the group to which it belongs.

    Returns the other reports whose group changed by that: they are to be placed anew.
    """
    del conn, keys, report_id, draft, now
    return frozenset()


def count_others(conn: Connection, group_id: int | None, report_id: int) -> int:
    """How many other reports belong to the same group."""
    del conn, group_id, report_id
    return 0
