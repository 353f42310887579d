"""Evidence that will be gone: a clock for each, from what a report says of addresses and times."""

from datetime import datetime

from vangnet.db import Connection
from vangnet.reports.model.drafts import ReportDraft


def start(conn: Connection, *, report_id: int, draft: ReportDraft, received_at: datetime, now: datetime) -> None:
    """Starts the clocks of a report that was just taken in."""
    del conn, report_id, draft, received_at, now


def next_expiry(conn: Connection, *, report_id: int, now: datetime) -> datetime | None:
    """When the next evidence of a report is gone that is still to be had and was not secured."""
    del conn, report_id, now
    return None
