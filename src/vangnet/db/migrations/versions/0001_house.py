"""Runs 0001_house.sql."""

from vangnet.db.alembic_runner import apply_file

revision = "0001"
down_revision = None


def upgrade() -> None:
    apply_file(revision)
