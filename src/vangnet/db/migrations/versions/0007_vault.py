"""Runs 0007_vault.sql."""

from vangnet.db.alembic_runner import apply_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    apply_file(revision)
