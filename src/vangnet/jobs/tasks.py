"""The tasks, by the names under which services defer them.

Each is a plain function that runs in a thread: it asks a service what to do, speaks to the third party outside any
transaction, and records the answer through the service. It may be run twice and must then have one effect.
"""

import secrets
from collections.abc import Mapping
from uuid import UUID

from vangnet.audit.model import Actor, ActorKind
from vangnet.errors import PartnerFailed, PartnerRefused, PartnerUnreachable
from vangnet.gate.service import decisions, past, picture, probes, webhooks
from vangnet.gate.webhooks import message_id
from vangnet.handoff.model import SentState
from vangnet.handoff.service import sending
from vangnet.identity.permissions import Permission
from vangnet.identity.service import expiry
from vangnet.jobs import desk as desk_tasks
from vangnet.jobs import erasure, fetching, follow_up, mailbox, service
from vangnet.jobs import reports as report_tasks
from vangnet.jobs.workplace import Task, TryAgain, Workplace
from vangnet.partners import installation, webhook
from vangnet.registry.model.sources import FeedbackState
from vangnet.registry.service import contesting, disputes, imports, known_good, matches, sources

#: A job acts for the installation itself, with what it needs and no more.
_DELIVERY = Actor(kind=ActorKind.SYSTEM, id="deliver_handoff", permissions=frozenset({Permission.HANDOFF_SEND}))
_REPORTING = Actor(
    kind=ActorKind.SYSTEM,
    id="report_match",
    permissions=frozenset({Permission.HANDOFF_SEND, Permission.REGISTRY_READ}),
)
_TELLING = Actor(kind=ActorKind.SYSTEM, id="send_webhooks", permissions=frozenset({Permission.GATE_TELL}))
_CURATION = Actor(kind=ActorKind.SYSTEM, id="recheck_known_good", permissions=frozenset({Permission.REGISTRY_KNOWN_GOOD}))
_REVISION = Actor(kind=ActorKind.SYSTEM, id="revise_matches", permissions=frozenset({Permission.REGISTRY_MATCH}))
_FETCHING = Actor(kind=ActorKind.SYSTEM, id="fetch_source", permissions=frozenset({Permission.REGISTRY_IMPORT}))
_FEEDBACK = Actor(kind=ActorKind.SYSTEM, id="send_source_feedback", permissions=frozenset({Permission.REGISTRY_PROPOSE}))
#: After so many failures in a row a service is left alone until the next hour.
_TRIES_A_PASS = 5
_CONTESTING = Actor(
    kind=ActorKind.SYSTEM,
    id="contest_registry",
    permissions=frozenset({Permission.HANDOFF_READ, Permission.HANDOFF_SEND}),
)


def deliver_handoff(work: Workplace, *, handoff_id: str) -> None:
    """Sends one hand-off and keeps the receipt, the refusal, or that there was no answer. Raises TryAgain."""
    id_ = UUID(handoff_id)
    with work.database.transaction() as conn:
        delivery = sending.due(conn, _DELIVERY, handoff_id=id_, now=work.now())
    if delivery is None:
        return
    try:
        answer = installation.deliver(
            work.transport, delivery.base_url, delivery.body, partner=f"party {delivery.party_id}"
        )
        with work.database.transaction() as conn:
            match answer:
                case installation.Accepted(receipt=receipt):
                    sending.acknowledge(conn, _DELIVERY, handoff_id=id_, receipt=receipt, now=work.now())
                case installation.Refused(reason=reason):
                    sending.refuse(conn, _DELIVERY, handoff_id=id_, reason=reason, now=work.now())
    except PartnerFailed as error:
        next_try_at = work.next_try_at(failures=delivery.tries + 1)
        with work.database.transaction() as conn:
            sent = sending.no_answer(
                conn, _DELIVERY, handoff_id=id_, problem=error.code, next_try_at=next_try_at, now=work.now()
            )
        if sent.state is SentState.WAITING:
            raise TryAgain(next_try_at) from error


def report_match(work: Workplace, *, decision_id: str, party_id: str) -> None:
    """Signs the report of one decision of the gate to one party; its delivery is a job of its own."""
    with work.database.transaction() as conn:
        decisions.report(
            conn, _REPORTING, decision_id=UUID(decision_id), party_id=UUID(party_id), keys=work.keys, now=work.now()
        )


def send_webhooks(work: Workplace) -> None:
    """Sends what the provider's own system is to be told, until nothing is due. Raises TryAgain where something waits."""
    more = True
    while more:
        with work.database.transaction() as conn:
            due = webhooks.due(conn, _TELLING, keys=work.keys, now=work.now())
        more = due is not None and _send_webhook(work, due)
    with work.database.transaction() as conn:
        again = webhooks.next_try_at(conn)
    if again is not None:
        raise TryAgain(again)


def _send_webhook(work: Workplace, due: webhooks.DueDelivery) -> bool:
    """Whether the receiver answered, whatever it was."""
    jitter = 1 + secrets.randbelow(1001) / 10_000
    delays_s = [delay_s * jitter for delay_s in work.pace.webhook_retries_s]
    status, problem = None, None
    try:
        status = webhook.send(
            work.transport,
            due.url,
            id_=message_id(due.delivery.id),
            body=due.delivery.body,
            secrets=due.secrets,
            now=work.now(),
        )
    except PartnerUnreachable as error:
        with work.database.transaction() as conn:
            webhooks.no_answer(conn, _TELLING, problem=error.code, delays_s=delays_s, now=work.now())
        return False
    except PartnerRefused as error:
        problem = error.code
    with work.database.transaction() as conn:
        webhooks.answered(
            conn, _TELLING, delivery_id=due.delivery.id, status=status, problem=problem, delays_s=delays_s, now=work.now()
        )
    return True


def fetch_sources(work: Workplace) -> None:
    """Has every service of a third party asked for what is new on its list."""
    with work.database.transaction() as conn:
        sources.defer_all(conn, _FETCHING)


def fetch_source(work: Workplace, *, source_id: str) -> None:
    """Asks one service page by page; each page is taken in with the place behind it. Raises TryAgain."""
    id_ = UUID(source_id)
    with work.database.transaction() as conn:
        fetch = sources.begin(conn, _FETCHING, source_id=id_, keys=work.keys, now=work.now())
    if fetch is None:
        return
    mac, batch = work.keys.mac("registry source reference"), fetch.batch
    place: str | None = batch.checkpoint or fetching.first_place(fetch.source, now=work.now())
    try:
        while place is not None:
            page = fetching.fetch_page(
                work.transport, fetch, place, after=batch.position, name=lambda value: mac(value)[:16].hex()
            )
            with work.database.transaction() as conn:
                if page.then is None:
                    sources.finish(conn, _FETCHING, source_id=id_, place=page.next_pass, now=work.now())
                batch = imports.take(
                    conn, _FETCHING, keys=work.keys, batch_id=batch.id, after=batch.position, rows=page.rows,
                    done=page.then is None, checkpoint=page.then, now=work.now(),
                )  # fmt: skip
            place = page.then
    except PartnerFailed as error:
        with work.database.transaction() as conn:
            failed = sources.fail(conn, _FETCHING, source_id=id_, problem=error.code, now=work.now())
        if failed.failures % _TRIES_A_PASS:
            raise TryAgain(work.next_try_at(failures=failed.failures % _TRIES_A_PASS)) from error


def send_source_feedback(work: Workplace, *, feedback_id: str) -> None:
    """Tells whom an entry came from what we think of it. Fails where there is no answer, and is run again."""
    id_ = UUID(feedback_id)
    with work.database.transaction() as conn:
        due = sources.due_feedback(conn, _FEEDBACK, feedback_id=id_, keys=work.keys)
    if due is None:
        return
    state, problem = FeedbackState.SENT, None
    try:
        fetching.send_feedback(work.transport, due)
    except PartnerRefused as error:
        state, problem = FeedbackState.REFUSED, error.code
    with work.database.transaction() as conn:
        sources.answer_feedback(conn, _FEEDBACK, feedback_id=id_, state=state, problem=problem, now=work.now())


def recheck_known_good(work: Workplace, *, since: int) -> None:
    """Checks all that is listed against the known-good pictures that came behind `since`; what collides is suspended."""
    after, done = 0, False
    while not done:
        with work.database.transaction() as conn:
            step = known_good.recheck(conn, _CURATION, keys=work.keys, since=since, after=after, now=work.now())
        after, done = step.after, step.done


def revise_matches(work: Workplace, *, first: int, last: int) -> None:
    """Marks the decisions that rest on what ceased to stand by these changes."""
    more = True
    while more:
        with work.database.transaction() as conn:
            more = matches.revise(conn, _REVISION, first=first, last=last, now=work.now()) > 0


def send_registry_dispute(work: Workplace, *, dispute_id: str) -> None:
    """Hands a dispute about an entry of a followed list to whoever keeps it."""
    with work.database.transaction() as conn:
        contesting.send(conn, _CONTESTING, keys=work.keys, dispute_id=UUID(dispute_id), now=work.now())


def take_registry_dispute(work: Workplace, *, received_id: str) -> None:
    """Opens the dispute that arrived with a hand-off."""
    with work.database.transaction() as conn:
        contesting.take(conn, _CONTESTING, keys=work.keys, received_id=UUID(received_id), now=work.now())


def answer_registry_dispute(work: Workplace, *, dispute_id: str) -> None:
    """Hands the answer to a dispute to the party that opened it."""
    with work.database.transaction() as conn:
        contesting.send_answer(conn, _CONTESTING, keys=work.keys, dispute_id=UUID(dispute_id), now=work.now())


def take_registry_dispute_answer(work: Workplace, *, received_id: str) -> None:
    """Keeps the answer to a dispute of ours that arrived with a hand-off."""
    with work.database.transaction() as conn:
        contesting.take_answer(conn, _CONTESTING, received_id=UUID(received_id), now=work.now())


def forget_finished_jobs(work: Workplace) -> None:
    """Deletes jobs that were finished more than a day ago."""
    more = True
    while more:
        with work.database.transaction() as conn:
            more = service.forget_finished(conn, now=work.now()) > 0


def remove_expired(work: Workplace) -> None:
    """Removes what stopped counting: sessions, links, invitations, introductions that nobody accepted."""
    settings = work.settings
    with work.database.transaction() as conn:
        expiry.remove_expired(
            conn, now=work.now(), idle_minutes=settings.session_idle_minutes, hours=settings.session_hours
        )
    with work.database.transaction() as conn:
        decisions.forget_names(conn, now=work.now())
    with work.database.transaction() as conn:
        probes.forget_uploaders(conn, now=work.now())
        picture.forget_latencies(conn, now=work.now())
    with work.database.transaction() as conn:
        webhooks.forget_deliveries(conn, now=work.now())
    with work.database.transaction() as conn:
        past.drop_old(conn, now=work.now())


#: By name. A name that once stood here stays, or jobs that wait under it are parked at the next start.
TASKS: Mapping[str, Task] = {
    disputes.SEND: send_registry_dispute,
    contesting.TAKE: take_registry_dispute,
    disputes.SEND_ANSWER: answer_registry_dispute,
    contesting.TAKE_ANSWER: take_registry_dispute_answer,
    sending.DELIVER: deliver_handoff,
    decisions.REPORT: report_match,
    webhooks.SEND: send_webhooks,
    sources.FETCH: fetch_source,
    sources.FEEDBACK: send_source_feedback,
    "fetch_sources": fetch_sources,
    known_good.RECHECK: recheck_known_good,
    matches.REVISE: revise_matches,
    "forget_finished_jobs": forget_finished_jobs,
    "remove_expired": remove_expired,
    **report_tasks.TASKS,
    **mailbox.TASKS,
    **desk_tasks.TASKS,
    **erasure.TASKS,
    **follow_up.TASKS,
}
#: When tasks run by themselves, as cron has it, in UTC. Each time is run once, however many workers there are.
SCHEDULE: Mapping[str, str] = {
    "fetch_sources": "7 * * * *",
    "forget_finished_jobs": "17 * * * *",
    "remove_expired": "47 * * * *",
    **report_tasks.SCHEDULE,
    **mailbox.SCHEDULE,
    **desk_tasks.SCHEDULE,
    **erasure.SCHEDULE,
    **follow_up.SCHEDULE,
}
