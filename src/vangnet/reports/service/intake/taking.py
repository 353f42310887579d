"""Reading deliveries: from what came to reports, each in a transaction of its own.

A file is examined and sealed before the transaction of its report, the lists are asked before it too; in it everything is
written at once. After a kill the same delivery is read again: a report that came with it is passed over before its files
are opened, the rest is taken in then.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from vangnet.audit.model import Actor
from vangnet.db import Database
from vangnet.errors import InvalidInput
from vangnet.keys import Keys
from vangnet.registry.service.live import LiveIndex
from vangnet.reports.formats import api_form, bundle, csv, mail, xarf
from vangnet.reports.formats.bundle import Bundled
from vangnet.reports.formats.reading import Found, Unreadable, UnreadableReason
from vangnet.reports.model.contents import is_packed, unpacked
from vangnet.reports.model.deliveries import Delivery, DeliveryState
from vangnet.reports.model.drafts import ReportDraft, Reporter, Source
from vangnet.reports.service.intake import deliveries, intake
from vangnet.reports.service.intake.arriving import ArrivedFile, FileTaker
from vangnet.reports.service.intake.deliveries import Origin
from vangnet.reports.service.intake.intake import Arrival, TakenIn
from vangnet.reports.service.intake.recognising import recognise
from vangnet.vault.files import VaultFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of reading a delivery so far."""

    reports: int
    bad: tuple[Unreadable, ...]


class Taker:
    """Takes deliveries in, with what that needs. Any number of threads may call it."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        *,
        files: FileTaker,
        vault: VaultFiles | None,
        live: LiveIndex | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._keys = keys
        self._files = files
        self._vault = vault
        self._live = live
        self._clock = clock

    def read_delivery(self, actor: Actor, delivery_id: int) -> Delivery:
        """Reads a delivery that was kept, and writes down what came of it. Raises as `take_in`, NotFound."""
        with self._database.transaction() as conn:
            delivery = deliveries.get(conn, actor, delivery_id=delivery_id)
            if delivery.state is not DeliveryState.WAITING:
                return delivery
            content = deliveries.content_of(conn, actor, keys=self._keys, delivery_id=delivery_id)
            origin = deliveries.origin_of(conn, delivery)
        taken = self.take(actor, delivery, _read(content, delivery.source, origin.reporter, now=self._clock()), origin)
        with self._database.transaction() as conn:
            return deliveries.finish(
                conn, actor, keys=self._keys, delivery_id=delivery_id, reports=taken.reports, bad=taken.bad,
                now=self._clock(),
            )  # fmt: skip

    def take(
        self,
        actor: Actor,
        delivery: Delivery,
        found: Iterable[Bundled | Unreadable],
        origin: Origin,
        progress: Callable[[Bundled | Unreadable], None] | None = None,
    ) -> Taken:
        """Takes in what is read of a delivery, report by report; `progress` is told each when that is done."""
        reports, bad = 0, []
        with self._database.transaction() as conn:
            taken_before = set(intake.list_contents(conn, actor, delivery_id=delivery.id))
        for one in found:
            match one:
                case Unreadable():
                    bad.append(one)
                case Bundled():
                    content = intake.content_of(self._keys, one.draft) if taken_before else b""
                    if content in taken_before:
                        # Once: where a delivery holds the same words twice, the second may have other files.
                        taken_before.remove(content)
                    else:
                        self.take_one(actor, delivery.id, one, origin)
                    reports += 1
                case _ as never:
                    assert_never(never)
            if progress is not None:
                progress(one)
        return Taken(reports=reports, bad=tuple(bad))

    def take_one(self, actor: Actor, delivery_id: int, bundled: Bundled, origin: Origin) -> TakenIn:
        """Takes one report in, with its files."""
        arrival = self._arrived(bundled, origin)
        arrival = replace(arrival, recognised=recognise(self._live, intake.looked_up(arrival)))
        with self._database.transaction() as conn:
            taken = intake.take_in(
                conn, actor, keys=self._keys, vault=self._vault, arrival=arrival, delivery_id=delivery_id, now=self._clock()
            )
        if self._vault is not None:
            for medium_id in taken.not_needed:
                self._vault.remove(medium_id)
        return taken

    def _arrived(self, bundled: Bundled, origin: Origin) -> Arrival:
        files: dict[int, ArrivedFile] = {}
        draft = bundled.draft
        problems = list(draft.problems)
        for position, member in bundled.files.items():
            try:
                with ExitStack() as opened:
                    files[position] = self._files.take(opened.enter_context(member.open()))
            except InvalidInput as error:
                problems.append(f"file {position + 1} could not be taken: {error.problem}")
        draft = (
            replace(bundled.draft, problems=tuple(problems))
            if len(problems) > len(bundled.draft.problems)
            else bundled.draft
        )
        return Arrival(draft=draft, files=files, party_id=origin.party_id, case_number=origin.case_number)


def _read(content: bytes, source: Source, reporter: Reporter, *, now: datetime) -> Iterator[Bundled | Unreadable]:
    """The reports in what came by one way."""
    match source:
        case Source.CYBERTIP:
            yield from bundle.read_content(content, now=now)
        case Source.XARF:
            yield from without_files(xarf.read(io.BytesIO(content), now=now))
        case Source.MAIL:
            yield from without_files(mail.read(content, now=now))
        case Source.CSV:
            yield from without_files(_lines(content, reporter, now))
        # A program sends our form as JSON; what one of our own doors wrote is packed, and no JSON.
        case Source.API if not is_packed(content):
            yield from without_files([api_form.read(content, reporter=reporter, now=now)])
        case Source.PUBLIC | Source.API | Source.HANDOFF | Source.SCAN | Source.MEDIA_SET:
            yield from without_files([_own(content)])
        case _ as never:
            assert_never(never)


def without_files(found: Iterable[Found]) -> Iterator[Bundled | Unreadable]:
    """Reports to which no files belong, as they are taken in."""
    for one in found:
        yield one if isinstance(one, Unreadable) else Bundled(draft=one, files={}, where="")


def _lines(content: bytes, reporter: Reporter, now: datetime) -> Iterator[Found]:
    try:
        for line in csv.read(io.BytesIO(content), reporter=reporter, now=now):
            yield line.found
    except InvalidInput as error:
        yield Unreadable(reason=UnreadableReason.NOT_THIS_FORM, where="line 1", problem=f"the file {error.problem}")


def _own(content: bytes) -> Found:
    """A draft that one of our own doors wrote."""
    try:
        return unpacked(ReportDraft, content)
    except ValueError:
        problem = "it was written by another version of Vangnet: read it again after the update"
        return Unreadable(reason=UnreadableReason.BROKEN, where="", problem=problem)
