"""The mailbox for reports: what is unread there is kept here, and marked there once that is sure.

A message that was kept and not marked, because something died in between, comes again and is known by its bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from vangnet.audit.model import Actor, ActorKind
from vangnet.config import Settings
from vangnet.db import Database
from vangnet.errors import PartnerFailed
from vangnet.identity.permissions import Permission
from vangnet.jobs import service
from vangnet.jobs.workplace import Task, Workplace
from vangnet.keys import Keys
from vangnet.partners.mailbox import Mailbox, MailboxAddress, Message, open_mailbox
from vangnet.reports.formats.mail import MESSAGE_MAX
from vangnet.reports.formats.reading import Unreadable, UnreadableReason
from vangnet.reports.model.deliveries import DeliveryState
from vangnet.reports.model.drafts import Source
from vangnet.reports.service.intake import deliveries

FETCH = "fetch_mailbox"
_FETCHING = Actor(kind=ActorKind.SYSTEM, id=FETCH, permissions=frozenset({Permission.REPORT_TAKE}))
#: So many at a time; the next minute brings the next.
_MESSAGES_MAX = 500


@dataclass(slots=True)
class Fetched:
    """What came of looking into the mailbox."""

    taken: int = 0
    #: Came before, with the same bytes.
    again: int = 0
    #: Stay there, flagged.
    too_large: int = 0


def fetch_mailbox(work: Workplace) -> None:
    """Takes in what is unread in the mailbox. Where one failure waits for a person already, the next ones say nothing."""
    address = address_of(work.settings)
    if address is None:
        return
    try:
        take_mailbox(work.database, work.keys, address, actor=_FETCHING, clock=work.now)
    except PartnerFailed:
        with work.database.transaction() as conn:
            is_told = service.is_parked(conn, task=FETCH)
        if not is_told:
            raise


def take_mailbox(
    database: Database, keys: Keys, address: MailboxAddress, *, actor: Actor, clock: Callable[[], datetime]
) -> Fetched:
    """The same for whoever wants to know what came of it. Raises PartnerRefused, PartnerUnreachable."""
    fetched = Fetched()
    with open_mailbox(address) as mailbox:
        for message in mailbox.unseen(bytes_max=MESSAGE_MAX, limit=_MESSAGES_MAX):
            _take(database, keys, mailbox, message, fetched, actor=actor, now=clock())
    return fetched


def _take(
    database: Database, keys: Keys, mailbox: Mailbox, message: Message, fetched: Fetched, *, actor: Actor, now: datetime
) -> None:
    with database.transaction() as conn:
        delivery = deliveries.accept(conn, actor, keys=keys, source=Source.MAIL, content=message.content, now=now)
        if not message.is_whole and delivery.state is DeliveryState.WAITING:
            problem = (
                f"the mail has more than {MESSAGE_MAX} bytes; it stays in the mailbox, flagged, and here is its beginning"
            )
            too_large = Unreadable(reason=UnreadableReason.TOO_LARGE, where="", problem=problem)
            deliveries.finish(conn, actor, keys=keys, delivery_id=delivery.id, reports=0, bad=[too_large], now=now)
    # Only now: it is here, whatever happens.
    if not message.is_whole:
        mailbox.flag(message)
        fetched.too_large += 1
        return
    mailbox.mark_taken(message)
    fetched.again += delivery.state is DeliveryState.AGAIN
    fetched.taken += delivery.state is not DeliveryState.AGAIN


def address_of(settings: Settings) -> MailboxAddress | None:
    """Where the mailbox is; None where there is none."""
    if settings.mailbox_host is None or settings.mailbox_user is None or settings.mailbox_password is None:
        return None
    return MailboxAddress(
        host=settings.mailbox_host,
        port=settings.mailbox_port,
        user=settings.mailbox_user,
        password=settings.mailbox_password.get_secret_value(),
        folder=settings.mailbox_folder,
        taken_folder=settings.mailbox_taken_folder,
        ca_file=settings.partner_ca_file,
    )


TASKS: Mapping[str, Task] = {FETCH: fetch_mailbox}
SCHEDULE: Mapping[str, str] = {FETCH: "* * * * *"}
