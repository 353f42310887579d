"""Runs 0006_gate_follow_up.sql."""

from vangnet.db.alembic_runner import apply_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    apply_file(revision)
