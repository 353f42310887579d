"""What a gate tells of listed material that it met, as a report: which file, which entries, and no picture. Pure."""

from datetime import datetime

from vangnet.handoff.model.match_reports import MatchReport, ReportedMatch
from vangnet.hashing.view_words import in_words
from vangnet.registry.model.entries import HashAlgorithm
from vangnet.reports.model.drafts import Classified, Incident, ItemDraft, ItemKind, ReportDraft, Reporter, Source
from vangnet.reports.rules.referral.contents import OUR_SCHEME


def draft_of(told: MatchReport, *, reporter: Reporter, sent_at: datetime) -> ReportDraft:
    """The report. The upload is a file that did not come along; it is known again by its digests.

    It is classified as the nearest entry is, by whoever keeps that list; each entry is told in the text.
    """
    nearest = min(told.matches, key=lambda match: match.distance)
    item = ItemDraft(
        kind=ItemKind.FILE,
        reference=told.object_id,
        hashes=tuple((name, bytes.fromhex(digits)) for name, digits in sorted(told.digests.items())),
        classified=Classified(scheme=OUR_SCHEME, code=nearest.classification),
        at=told.at,
    )
    lines = [f"gate: {told.decision}", *map(_told, told.matches)]
    return ReportDraft(
        source=Source.HANDOFF,
        reporter=reporter,
        incident=Incident.MATERIAL,
        reference=str(told.check_id),
        reported_at=sent_at,
        incident_at=told.at,
        items=(item,),
        text="\n".join(lines),
        language="en",
    )


def _told(match: ReportedMatch) -> str:
    by = "a part of the listed picture (pdq_window)" if match.algorithm == HashAlgorithm.PDQ_WINDOW else match.algorithm
    met = f"found by {by}, distance {match.distance}, seen {in_words(match.view)}"
    return f"entry {match.entry_id}, {match.list_name}: {match.classification}, {met}"
