"""Runs 0003_handoff.sql."""

from vangnet.db.alembic_runner import apply_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    apply_file(revision)
