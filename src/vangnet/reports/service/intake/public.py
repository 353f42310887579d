"""What somebody tells on the public page, and what they can learn of it later with their receipt: a word, and no more."""

import base64
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.identity.model import ANONYMOUS
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.reports.model.contents import packed
from vangnet.reports.model.drafts import ReportDraft, Source
from vangnet.reports.model.reports import Closing, Report, ReportState
from vangnet.reports.service.intake import deliveries
from vangnet.reports.service.secrets import secrets_of
from vangnet.reports.store import deliveries as store
from vangnet.reports.store import reports as report_store

#: Nobody that we know; the page lets them report, and nothing else.
_REPORTING = replace(ANONYMOUS, permissions=frozenset({Permission.REPORT_TAKE}))
#: 140 bits, in letters that cannot be taken for one another (Crockford's base 32).
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RFC_4648 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_RECEIPT_LETTERS = 28
_GROUP = 4
_WRITTEN = str.maketrans(_RFC_4648, _LETTERS)
#: What people write for a letter that there is not.
_MEANT = str.maketrans({"O": "0", "I": "1", "L": "1"})


class PublicState(StrEnum):
    """What somebody who reported can see of it. No more is told, to protect children."""

    RECEIVED = "received"  #: It is here.
    FORWARDED = "forwarded"  #: Another party has it.
    HANDLED = "handled"  #: The work on it has ended.


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A report as it was sent."""

    receipt: str = field(repr=False)
    #: Whether the same was sent before, by a second click or by loading the page again.
    again: bool


def tell(conn: Connection, *, keys: Keys, draft: ReportDraft, token: str, now: datetime) -> Told:
    """Keeps a report, and gives its receipt. The same words by the same form are the same report. Raises TooLarge.

    `token` is of the form that was shown; two people have two, and what they tell is counted twice.
    """
    if draft.source is not Source.PUBLIC:
        raise AssertionError("this is for the public page")
    content = packed(draft)
    mac = secrets_of(keys).receipt
    made = base64.b32encode(mac(b"made\0" + mac(token.encode("utf-8", "surrogatepass")) + content)).decode()
    receipt = made.translate(_WRITTEN)[:_RECEIPT_LETTERS]
    code_mac = _code(keys, receipt)
    store.lock_content(conn, code_mac)
    again = store.find_receipt(conn, code_mac) is not None
    if not again:
        delivery = deliveries.accept(conn, _REPORTING, keys=keys, source=Source.PUBLIC, content=content, now=now)
        store.add_receipt(conn, code_mac, delivery.id, now=now)
    return Told(receipt=grouped(receipt), again=again)


def look_up(conn: Connection, *, keys: Keys, receipt: str) -> PublicState:
    """What became of the report with this receipt. Raises NotFound."""
    letters = "".join(receipt.split()).replace("-", "").upper().translate(_MEANT)
    delivery_id = store.find_receipt(conn, _code(keys, letters)) if len(letters) == _RECEIPT_LETTERS else None
    if delivery_id is None:
        raise NotFound(record="receipt", key="that was entered")
    while (mended := store.get_delivery(conn, delivery_id).replaced_by) is not None:
        delivery_id = mended
    return state_of(report_store.list_reports(conn, store.list_reports_of(conn, delivery_id)))


def state_of(reports: list[Report]) -> PublicState:
    """What is told of the reports that came of one that somebody sent."""
    if not reports or any(one.state in {ReportState.WAITING, ReportState.CLAIMED, ReportState.ASIDE} for one in reports):
        return PublicState.RECEIVED
    if any(one.state is ReportState.REFERRED or one.closing is Closing.FORWARDED for one in reports):
        return PublicState.FORWARDED
    return PublicState.HANDLED


def grouped(receipt: str) -> str:
    """In groups, as people read it out."""
    return " ".join(receipt[start : start + _GROUP] for start in range(0, len(receipt), _GROUP))


def _code(keys: Keys, letters: str) -> bytes:
    return secrets_of(keys).receipt(b"code\0" + letters.encode("utf-8", "surrogatepass"))
