"""Runs 0011_report_follow_up.sql."""

from vangnet.db.alembic_runner import apply_file

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    apply_file(revision)
