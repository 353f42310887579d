"""Made-up reports at the demo's hotline and police: company reports with generated pictures, links from the public.

They come in by the same way as real ones: kept, read, examined in isolation, sealed into the vault, linked, ordered.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from vangnet.audit.model import Actor, ActorKind
from vangnet.config import Settings
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Limits
from vangnet.hashing.sandbox import Sandbox
from vangnet.identity.permissions import Permission
from vangnet.reports.model.contents import packed
from vangnet.reports.model.drafts import (
    Incident,
    ItemDraft,
    ItemKind,
    ReportDraft,
    Reporter,
    ReporterKind,
    Sign,
    Source,
)
from vangnet.reports.service.intake import deliveries
from vangnet.reports.service.intake.arriving import FileTaker
from vangnet.reports.service.intake.taking import Taker
from vangnet.simulation.cybertips import MadeTip, make_tip, small_picture, write_zip
from vangnet.simulation.gate import House
from vangnet.vault.files import VaultFiles
from vangnet.vault.service import switching

#: So many tips come to the police, and so many reports to the hotline.
TIPS, LINKS = 24, 12
_WORDS = (
    "Found by chance while looking for something else.",
    "Somebody sent me this link in a chat.",
    "The same pictures as on another page that is gone.",
    "",
)


def fill_police(house: House, settings: Settings, folder: Path, *, seed: int, now: datetime) -> None:
    """Company reports at the police, with files; a few are about the same person, one asks for haste. Done once."""
    if _has_reports(house):
        return
    drawn = random.Random(seed)  # noqa: S311 (made-up reports are no secret)
    circulating = [small_picture(drawn) for _ in range(20)]
    with _desk(house, settings, now) as taken:
        for number in range(TIPS):
            tip = make_tip(
                seed * 1000 + number,
                now=now,
                files=1 + min(9, int(drawn.paretovariate(1.2))),
                haste=number == TIPS - 1,
                circulating=circulating,
                person=drawn.randrange(5) if drawn.random() < 1 / 3 else None,
            )
            taken.take(_written(tip, folder), at=now - timedelta(hours=4 * (TIPS - 1 - number)))


def fill_hotline(house: House, settings: Settings, folder: Path, *, reported: bytes, seed: int, now: datetime) -> None:
    """Links from the public at the hotline, and a platform's report with the file `reported`. Done once."""
    if _has_reports(house):
        return
    drawn = random.Random(seed)  # noqa: S311 (made-up reports are no secret)
    with _desk(house, settings, now) as taken:
        for number in range(LINKS):
            taken.take_draft(_link_report(drawn), at=now - timedelta(hours=6 * (LINKS - number)))
        tip = make_tip(seed, now=now, haste=False, contents=[reported])
        taken.take(_written(tip, folder), at=now)


def _written(tip: MadeTip, folder: Path) -> Path:
    """The bundle of a tip, in a folder where a reader of the demo finds it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"CyberTip_{tip.report_id}.zip"
    write_zip(tip, path)
    return path


def _link_report(drawn: random.Random) -> ReportDraft:
    host = drawn.choice(("pictures.example", "board.example", "files.example"))
    return ReportDraft(
        source=Source.PUBLIC,
        reporter=Reporter(kind=ReporterKind.ANONYMOUS if drawn.random() < 0.8 else ReporterKind.CITIZEN),
        incident=Incident.MATERIAL,
        signs=frozenset({Sign.SPREAD_WIDELY}) if drawn.random() < 0.2 else frozenset(),
        items=tuple(
            ItemDraft(kind=ItemKind.ADDRESS, address=f"https://{host}/t/{drawn.randrange(40)}")
            for _ in range(1 + drawn.randrange(3))
        ),
        text=drawn.choice(_WORDS),
        language=drawn.choice(("nl", "en")),
    )


class _Desk:
    """A desk of the demo whose clock is set to each report's time."""

    def __init__(self, house: House, settings: Settings, sandbox: Sandbox, *, now: datetime) -> None:
        self._house = house
        self._at = now
        vault = VaultFiles(settings.vault_dir, house.keys, bytes_max=settings.vault_bytes_max)
        self._taker = Taker(
            house.database,
            house.keys,
            files=FileTaker(Hasher(sandbox), vault, bytes_max=settings.media_bytes_max),
            vault=vault,
            live=None,
            clock=lambda: self._at,
        )

    def take(self, path: Path, *, at: datetime) -> None:
        """Takes in what lies in a bundle, as if it came then."""
        self._at = at
        with self._house.database.transaction() as conn:
            delivery = deliveries.accept(
                conn, _actor(), keys=self._house.keys, source=Source.CYBERTIP, content=path.read_bytes(), now=at
            )
        self._taker.read_delivery(_actor(), delivery.id)

    def take_draft(self, draft: ReportDraft, *, at: datetime) -> None:
        """Takes a report in that was filled in on a page, as if it came then."""
        self._at = at
        with self._house.database.transaction() as conn:
            delivery = deliveries.accept(
                conn, _actor(), keys=self._house.keys, source=draft.source, content=packed(draft), now=at
            )
        self._taker.read_delivery(_actor(), delivery.id)


@contextmanager
def _desk(house: House, settings: Settings, now: datetime) -> Iterator[_Desk]:
    with house.database.transaction() as conn:
        if switching.find_choice(conn) is None:
            switching.enable(conn, _actor(), basis="Task of the party", reference="made up for the demo", now=now)
    with Sandbox(limits=Limits(**settings.media_limits)) as sandbox:
        yield _Desk(house, settings, sandbox, now=now)


def _has_reports(house: House) -> bool:
    with house.database.transaction() as conn:
        return bool(deliveries.list_deliveries(conn, _actor(), limit=1))


def _actor() -> Actor:
    return Actor(kind=ActorKind.SYSTEM, id="demo", permissions=frozenset(Permission))
