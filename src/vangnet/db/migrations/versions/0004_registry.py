"""Runs 0004_registry.sql."""

from vangnet.db.alembic_runner import apply_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    apply_file(revision)
