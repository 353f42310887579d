"""Runs 0008_reports.sql."""

from vangnet.db.alembic_runner import apply_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    apply_file(revision)
