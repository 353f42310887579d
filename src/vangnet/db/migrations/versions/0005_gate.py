"""Runs 0005_gate.sql."""

from vangnet.db.alembic_runner import apply_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    apply_file(revision)
