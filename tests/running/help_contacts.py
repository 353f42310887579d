"""Made-up contacts for the public page."""

from datetime import UTC, date, datetime
from pathlib import Path

from vangnet.simulation.help_contacts import write_contacts


def made_up_contacts(folder: Path, *, day: date | None = None) -> Path:
    """A file of them, checked on that day, today without one."""
    return write_contacts(folder, checked_on=day or datetime.now(UTC).date())
