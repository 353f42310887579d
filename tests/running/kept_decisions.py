"""Decisions of a gate, put into a database without a gate, for tests of what follows from them."""

import uuid
from datetime import UTC, datetime

from running.server import console
from vangnet.db import Database
from vangnet.gate.model import CheckAnswer, CheckMatch, Decision, Door, KeptDecision, Outcome
from vangnet.gate.policy import STARTING
from vangnet.gate.service import decisions
from vangnet.keys import Keys
from vangnet.registry.model.classification import Classification

#: A digest that nothing which is sent may hold.
SHA256 = bytes(range(32))


def kept_decision(
    decision: Decision = Decision.BLOCK,
    *,
    entry_id: int = 8841,
    list_id: uuid.UUID | None = None,
    object_id: str | None = "upload ab12",
    at: datetime | None = None,
    uploaded_at: datetime | None = None,
) -> KeptDecision:
    """A decision on one match."""
    match = CheckMatch(
        list_id=list_id or uuid.UUID(int=7), list_name="NL", entry_id=entry_id, algorithm="sha256", distance=0,
        classification=Classification.BASELINE.value, view="original", shadow=False,
    )  # fmt: skip
    answer = CheckAnswer(
        check_id=uuid.uuid4(), outcome=Outcome.MATCH, decision=decision, matches=(match,), checked=("sha256",)
    )
    return KeptDecision(
        answer=answer, door=Door.API, provider_key=None, object_id=object_id, at=at or datetime.now(UTC),
        digests=(("sha256", SHA256),), policy_version=0, uploaded_at=uploaded_at,
    )  # fmt: skip


def keep(database: Database, keys: Keys, kept: KeptDecision) -> uuid.UUID:
    """Keeps it; returns the check's id."""
    with database.transaction() as conn:
        decisions.keep(conn, console(), kept, policy=STARTING, keys=keys, now=datetime.now(UTC))
    return kept.answer.check_id
