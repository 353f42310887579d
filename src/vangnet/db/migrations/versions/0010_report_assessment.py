"""Runs 0010_report_assessment.sql."""

from vangnet.db.alembic_runner import apply_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    apply_file(revision)
