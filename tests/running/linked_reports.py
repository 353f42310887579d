"""Made-up reports that share values, taken in for tests of links; and what is to come of them, worked out from scratch."""

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from running.report_desk import CONSOLE, Desk
from vangnet.db import Connection
from vangnet.reports.model.drafts import (
    Identifier,
    IdentifierKind,
    Incident,
    ItemDraft,
    ItemKind,
    NamedPerson,
    PersonRole,
    ReportDraft,
    Reporter,
    ReporterKind,
    Source,
    Trace,
)
from vangnet.reports.rules.linking.clustering import Clusters
from vangnet.reports.rules.linking.features import Feature, FeatureKind, Known, features
from vangnet.reports.rules.linking.grouping import Deed, Grouping, dismissed, grouped
from vangnet.reports.rules.linking.links import STARTING, InMemory, Link, link
from vangnet.reports.service.intake import deliveries, intake
from vangnet.reports.service.intake.intake import Arrival
from vangnet.reports.service.intake.recognising import Recognised
from vangnet.reports.service.linking.shared_values import coded
from vangnet.reports.service.secrets import secrets_of

JOINING = replace(STARTING, shown=0)
#: What a link is known again by: how many reports have its value by now grows with every report.
LinkKey = tuple[FeatureKind, int, int, int, int | None, int | None]


def account(number: int | str, role: PersonRole = PersonRole.REPORTED) -> NamedPerson:
    """Somebody known by an account."""
    return NamedPerson(role=role, identifiers=(Identifier(kind=IdentifierKind.ACCOUNT, value=f"canary-account-{number}"),))


def email(number: int | str) -> NamedPerson:
    """Somebody known by a mail address."""
    return NamedPerson(
        role=PersonRole.REPORTED,
        identifiers=(Identifier(kind=IdentifierKind.EMAIL, value=f"canary{number}@mail.example"),),
    )


def file(number: int, *algorithms: str) -> ItemDraft:
    """A file by its digests, made from its number."""
    lengths = {"md5": 16, "sha1": 20, "sha256": 32}
    return ItemDraft(
        kind=ItemKind.HASH,
        hashes=tuple((name, b"\x01" + number.to_bytes(lengths[name] - 1, "big")) for name in algorithms or ("sha256",)),
    )


def picture(number: int, *, turned_bits: int = 0) -> ItemDraft:
    """A file with a hash of its picture: those of one number look alike up to 31 bits, those of two do not."""
    bits = random.Random(number).getrandbits(256) ^ (2**turned_bits - 1)  # noqa: S311 (no secret)
    digest = random.Random(f"{number}/{turned_bits}").randbytes(32)  # noqa: S311
    return ItemDraft(kind=ItemKind.HASH, hashes=(("sha256", digest), ("pdq", bits.to_bytes(32, "big"))))


def seen(desk: Desk, number: int, *minutes: int) -> tuple[Trace, ...]:
    """An address on the network, seen so many minutes ago."""
    return tuple(Trace(address=f"192.0.2.{number}", at=desk.now - timedelta(minutes=one)) for one in minutes)


def report(
    *items: ItemDraft, people: Iterable[NamedPerson] = (), traces: Iterable[Trace] = (), reference: str | None = None
) -> ReportDraft:
    """A company's report."""
    return ReportDraft(
        source=Source.API, reporter=Reporter(kind=ReporterKind.COMPANY, name="Chat Example"), incident=Incident.MATERIAL,
        reference=reference, items=items, people=tuple(people), traces=tuple(traces),
    )  # fmt: skip


def take(desk: Desk, draft: ReportDraft) -> int:
    """Takes it in, in a transaction of its own; returns its number."""
    with desk.database.transaction() as conn:
        return take_on(conn, desk, draft)


def take_on(
    conn: Connection, desk: Desk, draft: ReportDraft, *, recognised: Sequence[Recognised | None] | None = None
) -> int:
    """Takes it in; returns its number."""
    digest = random.SystemRandom().randbytes(16)
    delivery = deliveries.begin(
        conn, CONSOLE, source=draft.source, keys=desk.keys, digest=digest, size_bytes=0, now=desk.now
    )
    arrival = Arrival(draft=draft, recognised=recognised or [None] * len(draft.items))
    return intake.take_in(
        conn, CONSOLE, keys=desk.keys, vault=None, arrival=arrival, delivery_id=delivery.id, now=desk.now
    ).report_id  # fmt: skip


def group_of(desk: Desk, report_id: int) -> list[int]:
    """The reports of a report's group."""
    with desk.database.transaction() as conn:
        rows = conn.execute(
            """
            SELECT id FROM report WHERE id = %(id)s OR group_id = (SELECT group_id FROM report WHERE id = %(id)s)
            ORDER BY id
            """,
            {"id": report_id},
        ).fetchall()
    return [row[0] for row in rows]


def drawn(desk: Desk, rng: random.Random, reference: str) -> ReportDraft:
    """A report that shares with others now and then. Files and pictures come back more often than may join."""
    items = [
        file(rng.randrange(40), *rng.choice([("md5",), ("md5", "sha256"), ("sha256",)])) for _ in range(rng.randrange(3))
    ]
    items += [picture(rng.randrange(10), turned_bits=rng.choice([0, 3, 20])) for _ in range(rng.randrange(2))]
    items += [
        ItemDraft(kind=ItemKind.ADDRESS, address=f"https://pages.example/{rng.randrange(40)}")
        for _ in range(rng.random() < 0.2)
    ]
    people = [account(rng.randrange(100)) for _ in range(rng.random() < 0.5)]
    people += [email(rng.randrange(80)) for _ in range(rng.random() < 0.3)]
    traces = [one for _ in range(rng.random() < 0.3) for one in seen(desk, rng.randrange(1, 9), rng.randrange(3000))]
    return report(*items, people=people, traces=traces, reference=reference)


@dataclass(kw_only=True)
class FromScratch:
    """What the pure rules make of reports, all anew each time."""

    drafts: dict[int, ReportDraft] = field(default_factory=dict)
    common: set[tuple[FeatureKind, bytes]] = field(default_factory=set)
    clusters: Clusters = field(default_factory=Clusters)

    def add(self, report_id: int, draft: ReportDraft) -> None:
        """A report came, or another version of it."""
        self.drafts[report_id] = draft
        shared = self._shared()
        self.common |= link(report_id, self.features(draft), shared, limits=JOINING).common

    def features(self, draft: ReportDraft) -> list[Feature]:
        """Its values, as they are."""
        hashes = sorted({value for item in draft.items for name, value in item.hashes if name == "pdq"})
        placed = self.clusters.place_all(hashes)
        return features(draft, Known(clusters=dict(zip(hashes, placed, strict=True))))

    def made(self, deeds: Collection[Deed], values: Collection[tuple[FeatureKind, bytes]]) -> tuple[set[Link], Grouping]:
        """All joining links, and the groups; `values` are those dismissed, as they are."""
        shared = self._shared()
        links = {
            one
            for report_id, draft in self.drafts.items()
            for one in link(report_id, self.features(draft), shared, limits=JOINING, dismissed=values).links
            if one.joins
        }
        return links, grouped(self.drafts, links, deeds)

    def dismissed(self, desk: Desk, deeds: Collection[Deed]) -> set[tuple[FeatureKind, bytes]]:
        """The values, as they are, of which the deeds know the codes."""
        codes = dismissed(deeds)
        found = set()
        for draft in self.drafts.values():
            plain = self.features(draft)
            kept = coded(secrets_of(desk.keys), plain)
            found |= {(one.kind, one.key) for one, code in zip(plain, kept, strict=True) if (code.kind, code.key) in codes}
        return found

    def _shared(self) -> InMemory:
        shared = InMemory()
        for report_id, draft in sorted(self.drafts.items()):
            shared.add(report_id, self.features(draft))
        shared.mark_common(self.common)
        return shared


def key_of(one: Link) -> LinkKey:
    """A link as it is compared."""
    because = one.because
    return one.kind, one.a, one.b, because.values, because.bits_apart, because.minutes_apart
