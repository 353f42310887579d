"""Tasks about what follows from reports: referrals and their answers, evidence that is gone."""

from collections.abc import Mapping
from uuid import UUID

from vangnet.audit.model import Actor, ActorKind
from vangnet.handoff.model.referrals import ReferralOutcome
from vangnet.identity.permissions import Permission
from vangnet.jobs.workplace import Task, Workplace
from vangnet.reports.service.desk import desk
from vangnet.reports.service.evidence import clocks, preserving
from vangnet.reports.service.referral import outcomes, referred, referring
from vangnet.reports.service.triage import placing

_REFERRING = Actor(
    kind=ActorKind.SYSTEM,
    id="refer_reports",
    permissions=frozenset({
        Permission.HANDOFF_READ, Permission.HANDOFF_SEND, Permission.REPORT_REFER, Permission.REPORT_TAKE,
        Permission.VAULT_PUT,
    }),
)  # fmt: skip


def send_referral(work: Workplace, *, referral_id: str) -> None:
    """Signs what was referred; its delivery is a job of its own."""
    with work.database.transaction() as conn:
        referring.send(conn, _REFERRING, keys=work.keys, referral_id=UUID(referral_id), now=work.now())


def take_referral(work: Workplace, *, received_id: str) -> None:
    """Makes a report of what another party referred to us."""
    with work.database.transaction() as conn:
        referred.take(conn, _REFERRING, keys=work.keys, received_id=UUID(received_id), now=work.now())


def take_referral_outcome(work: Workplace, *, received_id: str) -> None:
    """Keeps what became of a report that we referred."""
    with work.database.transaction() as conn:
        referring.take_answer(conn, _REFERRING, received_id=UUID(received_id), now=work.now())


def answer_referral(work: Workplace, *, report_id: int) -> None:
    """Tells whoever referred a report to us how the work on it ended."""
    with work.database.transaction() as conn:
        referred.answer(conn, _REFERRING, keys=work.keys, report_id=report_id, now=work.now())


def tell_referral_outcome(work: Workplace, *, report_id: int, outcome: str) -> None:
    """Tells whoever referred a report to us what an investigation came to."""
    with work.database.transaction() as conn:
        referred.tell(
            conn, _REFERRING, keys=work.keys, report_id=report_id, outcome=ReferralOutcome(outcome), now=work.now()
        )


def take_match_report(work: Workplace, *, received_id: str) -> None:
    """Makes a report of listed material that was met at a gate."""
    with work.database.transaction() as conn:
        referred.take_match(conn, _REFERRING, keys=work.keys, received_id=UUID(received_id), now=work.now())


def expire_evidence(work: Workplace) -> None:
    """Writes of evidence that its time is over, and puts its reports where they belong then."""
    for ended in (clocks.expire, preserving.lapse):
        while True:
            with work.database.transaction() as conn:
                reports = sorted(set(ended(conn, now=work.now())))
                for report_id in reports:
                    placing.renew(conn, report_id=report_id, now=work.now())
            if not reports:
                break


TASKS: Mapping[str, Task] = {
    referring.SEND: send_referral,
    referring.TAKE_ANSWER: take_referral_outcome,
    referred.TAKE: take_referral,
    referred.TAKE_MATCH: take_match_report,
    desk.ANSWER: answer_referral,
    outcomes.TELL: tell_referral_outcome,
    "expire_evidence": expire_evidence,
}
SCHEDULE: Mapping[str, str] = {"expire_evidence": "*/10 * * * *"}
