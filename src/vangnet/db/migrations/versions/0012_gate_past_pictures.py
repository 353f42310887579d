"""Runs 0012_gate_past_pictures.sql."""

from vangnet.db.alembic_runner import apply_file

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    apply_file(revision)
