"""Runs 0009_report_links.sql."""

from vangnet.db.alembic_runner import apply_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    apply_file(revision)
