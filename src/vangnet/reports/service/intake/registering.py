"""The files that reports hold or name, each known again however often it comes in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.service.live import LiveIndex
from vangnet.reports.model.drafts import ItemDraft
from vangnet.reports.model.reports import ReportItem
from vangnet.reports.service.intake.arriving import ArrivedFile
from vangnet.reports.service.intake.recognising import LookedUp, Recognised, as_bytes, from_bytes, recognise
from vangnet.reports.service.linking import joining
from vangnet.reports.service.secrets import Secrets, opened, place, secrets_of
from vangnet.reports.service.triage import placing
from vangnet.reports.store import files as file_store
from vangnet.reports.store import reports as store
from vangnet.reports.store.files import FileRow

#: The record that keeps media in the vault.
RECORD = "report"
#: By these a file is known again, surest first. MD5 and SHA-1 can be forged: they count where nothing better is given.
_DIGESTS = ("sha256", "sha1", "md5")


def looked_up(item: ItemDraft, file: ArrivedFile | None) -> LookedUp:
    """What the lists are asked about an item: of a file that came, what it really is, not what was said of it."""
    if file is not None:
        return LookedUp(digests=file.digests, pdq=file.trusted_pdq)
    digests = tuple((name, value) for name, value in item.hashes if name in _DIGESTS)
    return LookedUp(digests=digests, pdq=next((value for name, value in item.hashes if name == "pdq"), None))


def register(
    conn: Connection,
    secrets: Secrets,
    *,
    report_id: int,
    items: Sequence[ItemDraft],
    files: Mapping[int, ArrivedFile],
    media: Mapping[int, UUID],
    recognised: Sequence[Recognised | None] | None,
    is_new: bool,
    now: datetime,
) -> list[int | None]:
    """Writes the items of a report; returns the file of each, None for what is none.

    `recognised` says for each item what the lists say of it; None where they could not be asked.
    """
    different, of_item = _different(secrets, items, files, media)
    if recognised is not None:
        for number, one in zip(of_item, recognised, strict=True):
            if number is not None:
                different[number].recognised = different[number].recognised or one
    ids = _ids(conn, secrets, different, asked=recognised is not None, now=now)
    file_ids = [None if number is None else ids[number] for number in of_item]
    rows = [
        ReportItem(
            report_id=report_id, position=position, kind=item.kind, file_id=file_id, has_bytes=position in files,
            supplemental=item.supplemental, viewed=item.viewed,
        )
        for position, (item, file_id) in enumerate(zip(items, file_ids, strict=True))
    ]  # fmt: skip
    store.put_items(conn, report_id, rows, is_new=is_new)
    return file_ids


def holds(conn: Connection, secrets: Secrets, report_id: int, files: Mapping[int, ArrivedFile]) -> bool:
    """Whether a report holds all these files already, at these places, and has them in the vault if that takes files in."""
    if not files:
        return True
    codes = secrets.digests_of([dict(file.digests)["sha256"] for file in files.values()])
    kept = any(file.sealed is not None for file in files.values())
    return file_store.count_held(conn, report_id, list(zip(files, codes, strict=True)), kept=kept) == len(files)


def keep_recognised(
    conn: Connection, file_ids: Sequence[int | None], recognised: Sequence[Recognised | None], *, now: datetime
) -> None:
    """Writes what the lists say of each file."""
    found: dict[int, Recognised | None] = {}
    for file_id, one in zip(file_ids, recognised, strict=True):
        if file_id is not None and (one is not None or file_id not in found):
            found[file_id] = one
    if not found:
        return
    file_store.update_all_recognised(
        conn,
        [
            (file_id, None if one is None else one.entry_id, None if one is None else one.distance)
            for file_id, one in sorted(found.items())
        ],
        now=now,
    )


def recognise_report(conn: Connection, actor: Actor, *, keys: Keys, live: LiveIndex, report_id: int, now: datetime) -> bool:
    """Asks the lists about the files of a report; whether they could be asked. Raises PermissionDenied, NotFound."""
    actor.require(Permission.REPORT_TAKE)
    store.get_report(conn, report_id)
    file_ids = sorted({item.file_id for item in store.list_items(conn, report_id) if item.file_id is not None})
    asked = open_hashes(conn, keys, file_ids)
    found = recognise(live, list(asked.values()))
    if found is None:
        return False
    keep_recognised(conn, list(asked), found, now=now)
    listed = {file_id: said for (file_id, said), one in zip(asked.items(), found, strict=True) if one is not None}
    others = joining.doubt_listed(
        conn, keys, report_id=report_id,
        digests=[value for said in listed.values() for _, value in said.digests],
        clusters=[file.cluster_id for file in file_store.list_files(conn, listed) if file.cluster_id is not None],
        now=now,
    )  # fmt: skip
    for one_id in sorted({report_id, *others}):
        placing.renew(conn, report_id=one_id, now=now)
    audit.record(
        conn, actor, action=Permission.REPORT_TAKE, record="report", record_id=report_id, now=now,
        recognised=sum(one is not None for one in found),
    )  # fmt: skip
    return True


def open_hashes(conn: Connection, keys: Keys, file_ids: Collection[int]) -> dict[int, LookedUp]:
    """The digests and hashes of these files, for the rules of this package; nobody sees them, so there is no event."""
    sealer = secrets_of(keys).hash
    return {
        file_id: from_bytes(opened(sealer, sealed, file_id))
        for file_id, sealed in file_store.sealed_hashes(conn, file_ids).items()
    }


@dataclass(slots=True)
class _Different:
    """A file of a report, however often it stands there."""

    macs: list[bytes]
    said: LookedUp
    file: ArrivedFile | None
    medium_id: UUID | None
    recognised: Recognised | None = None


def _different(
    secrets: Secrets, items: Sequence[ItemDraft], files: Mapping[int, ArrivedFile], media: Mapping[int, UUID]
) -> tuple[list[_Different], list[int | None]]:
    """The different files of a report, and for each item which of them it is."""
    said = [looked_up(item, files.get(position)) for position, item in enumerate(items)]
    by_surety = [[value for wanted in _DIGESTS for name, value in one.digests if name == wanted] for one in said]
    codes = iter(secrets.digests_of([digest for one in by_surety for digest in one]))
    different: list[_Different] = []
    of_item: list[int | None] = []
    by_mac: dict[bytes, int] = {}
    for position, digests in enumerate(by_surety):
        macs = [next(codes) for _ in digests]
        number = next((by_mac[mac] for mac in macs if mac in by_mac), None)
        if number is None and macs:
            number = len(different)
            different.append(_Different(macs=[], said=said[position], file=None, medium_id=None))
        of_item.append(number)
        if number is not None:
            one = different[number]
            one.macs += [mac for mac in macs if mac not in one.macs]
            if one.file is None and position in files:
                one.said, one.file = said[position], files[position]
            one.medium_id = one.medium_id or media.get(position)
            by_mac.update(dict.fromkeys(macs, number))
    return different, of_item


def _ids(conn: Connection, secrets: Secrets, different: Sequence[_Different], *, asked: bool, now: datetime) -> list[int]:
    """The number of each file: one that is known by its surest digest, or a new one."""
    every = {mac for one in different for mac in one.macs}
    while True:
        known = file_store.find_by_digests(conn, every)
        found = [_find(known, one) for one in different]
        fresh = iter(file_store.next_ids(conn, found.count(None)))
        ids = [next(fresh) if file_id is None else file_id for file_id in found]
        new = [_row(secrets, id_, one) for id_, before, one in zip(ids, found, different, strict=True) if before is None]
        # A report can say of two files that one digest is both of theirs: it stays that of the first.
        more: dict[bytes, int] = {}
        for file_id, one in zip(ids, different, strict=True):
            for mac in one.macs:
                if mac not in known:
                    more.setdefault(mac, file_id)
        # Another report may bring the same new file at once: whoever is second sees what the first one wrote.
        if file_store.add_new(conn, new, more, asked=asked, now=now):
            break
    # Known by its name alone until now, and here it is.
    for id_, before, one in zip(ids, found, different, strict=True):
        if before is not None and one.medium_id is not None:
            file_store.complete(conn, _row(secrets, id_, one))
    if asked:
        before_known = {id_: one for id_, before, one in zip(ids, found, different, strict=True) if before is not None}
        keep_recognised(conn, list(before_known), [one.recognised for one in before_known.values()], now=now)
    return ids


def _find(known: Mapping[bytes, int], one: _Different) -> int | None:
    return next((known[mac] for mac in one.macs if mac in known), None)


def _row(secrets: Secrets, file_id: int, one: _Different) -> FileRow:
    file = one.file
    return FileRow(
        id=file_id,
        macs=tuple(one.macs),
        medium_id=one.medium_id,
        media_type=None if file is None else file.media_type,
        size_bytes=None if file is None else file.size_bytes,
        hashes=secrets.hash.seal(as_bytes(one.said), place(file_id)),
        pdq_quality=None if file is None else file.pdq_quality,
        unhashable=None if file is None else file.unhashable,
        entry_id=None if one.recognised is None else one.recognised.entry_id,
        distance=None if one.recognised is None else one.recognised.distance,
    )
