"""Runs 0002_identity.sql."""

from vangnet.db.alembic_runner import apply_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    apply_file(revision)
