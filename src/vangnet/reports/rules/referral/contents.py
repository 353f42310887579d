"""What of a report goes along when it is referred, and the report that is made of it at the other side. Pure.

What another party may have follows from the kinds of the two parties and from whether a legal basis for the exchange is
recorded that holds today. People are named to police only. Media never cross in a hand-off: hashes do, and by them each
side knows what it has itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from vangnet.handoff.model.referrals import ReferralReason
from vangnet.identity.model import InstallationKind, PartyKind
from vangnet.reports.model.contents import as_plain, as_tree
from vangnet.reports.model.drafts import (
    Classified,
    ItemDraft,
    NamedPerson,
    Place,
    ReportDraft,
    Reporter,
    Source,
    Trace,
)
from vangnet.reports.model.referrals import Share
from vangnet.reports.rules.referral.typed_trees import fits

_Tree = TypeVar("_Tree")

#: So many characters of the reporter's words go along, and of those about one item, or of its address.
_TEXT_MAX = 20_000
_ITEM_TEXT_MAX = 8_000
#: The scheme of what our own people agreed that a file is.
OUR_SCHEME = "vangnet"

#: Without a legal basis: what anybody may be told who can remove something, as any notice says it (DSA, article 16).
_ALWAYS = frozenset({Share.FACTS, Share.ADDRESSES})
#: With one.
_WITH_BASIS: Mapping[PartyKind, frozenset[Share]] = {
    PartyKind.POLICE: frozenset(Share),
    PartyKind.HOTLINE: frozenset({Share.FACTS, Share.ADDRESSES, Share.HASHES, Share.WORDS}),
    PartyKind.AUTHORITY: frozenset({Share.FACTS, Share.ADDRESSES, Share.HASHES}),
    PartyKind.PARTNER: frozenset({Share.FACTS, Share.ADDRESSES, Share.HASHES}),
    PartyKind.PROVIDER: frozenset({Share.FACTS, Share.ADDRESSES}),
}
#: Who takes reports in, and so may hand them on.
REFERS = frozenset({InstallationKind.HOTLINE, InstallationKind.POLICE})
#: What goes along only if somebody chooses so: words can name somebody and are read first, and reporters are asked.
_NOT_AT_FIRST = frozenset({Share.WORDS, Share.REPORTER})


def may_have(ours: InstallationKind, theirs: PartyKind, *, basis_holds: bool) -> frozenset[Share]:
    """What a party may be given of a report; nothing by whoever takes no reports in."""
    if ours not in REFERS:
        return frozenset()
    return _WITH_BASIS[theirs] if basis_holds else _ALWAYS


def proposed(may: frozenset[Share], theirs: PartyKind) -> frozenset[Share]:
    """What of it is chosen before anybody chose."""
    return may - (_NOT_AT_FIRST if theirs is not PartyKind.POLICE else frozenset({Share.REPORTER}))


def shared(draft: ReportDraft, shares: frozenset[Share], found: Mapping[int, ItemDraft]) -> ReportDraft:
    """What of a report goes along. `found` is what we know better of items, by their place: hashes, and what each is."""
    known = [found.get(position, item) for position, item in enumerate(draft.items)]
    with_people = Share.PEOPLE in shares
    return replace(
        draft,
        reporter=draft.reporter if Share.REPORTER in shares else Reporter(kind=draft.reporter.kind),
        reference=draft.reference if Share.HASHES in shares else None,
        people=draft.people if with_people else (),
        traces=draft.traces if with_people else (),
        places=draft.places if with_people else _countries(draft.places),
        items=tuple(_shared_item(item, shares) for item in known),
        text=draft.text if Share.WORDS in shares else "",
    )


def _shared_item(item: ItemDraft, shares: frozenset[Share]) -> ItemDraft:
    with_hashes, with_words = Share.HASHES in shares, Share.WORDS in shares
    return replace(
        item,
        reference=item.reference if with_hashes else None,
        hashes=item.hashes if with_hashes else (),
        address=item.address if Share.ADDRESSES in shares else None,
        file_name=item.file_name if with_words else None,
        text=item.text if with_words else None,
        traces=item.traces if Share.PEOPLE in shares else (),
    )


def _countries(places: Sequence[Place]) -> tuple[Place, ...]:
    return tuple(Place(country=place.country) for place in places if place.country)


# --- as it crosses ---


def as_document(draft: ReportDraft, note: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A report as it crosses: all but its items, and its items. Longer words than anybody reads are cut, and it is said."""
    items = [replace(item, text=_cut(item.text), address=_cut(item.address)) for item in draft.items]
    problems = draft.problems
    text = draft.text[:_TEXT_MAX]
    if text != draft.text or items != list(draft.items):
        problems = (*problems, "long words and addresses were cut when the report was handed over")
    head = as_plain(replace(draft, items=(), text=text, problems=problems))
    return {"note": note, "report": head}, [as_plain(item) for item in items]


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:_ITEM_TEXT_MAX]


def from_document(
    documents: Sequence[Mapping[str, Any]],
    *,
    reporter: Reporter,
    case_number: str,
    reason: ReferralReason,
    sent_at: datetime,
) -> ReportDraft:
    """The report that arrived in these parts, in their order, from `reporter`. Raises ValueError where it is none.

    Whoever refers a report answers for it, so the report is theirs. One that is handed on because it belongs to us was not
    assessed there: it counts as said by whoever first reported it. The case number is its reference: the same case
    referred once more is another version of the same report.
    """
    if not documents or not isinstance(documents[0].get("note"), str):
        raise ValueError("it is no part of a report")
    note = documents[0]["note"]
    draft: ReportDraft = _checked(as_tree(ReportDraft, documents[0].get("report")))
    items: list[ItemDraft] = []
    for document in documents:
        listed = document.get("items")
        if not isinstance(listed, list):
            raise ValueError("it is no part of a report")
        items += [_checked(as_tree(ItemDraft, item)) for item in listed]
    kind = draft.reporter.kind if reason is ReferralReason.THEIRS else reporter.kind
    # Under the name of whoever refers it, so that no other party can send another version of the same report.
    return replace(
        draft,
        source=Source.HANDOFF,
        reporter=Reporter(kind=kind, name=reporter.name),
        reference=case_number,
        reported_at=sent_at,
        items=tuple(items),
        text="\n\n".join(part for part in (note, draft.text, _first_reporter(draft)) if part),
    )


def _first_reporter(draft: ReportDraft) -> str:
    """Who reported it first, where that went along."""
    named = ", ".join(part for part in (draft.reporter.name, draft.reporter.contact) if part)
    return f"({named})" if named else ""


def _checked(tree: _Tree) -> _Tree:
    """The tree, where every value is of the type that its field says. Raises ValueError: it came from elsewhere."""
    if not fits(tree, type(tree)):
        raise ValueError("it is no part of a report")
    return tree


#: What is in a referral at all: named, so that a field that is added to a draft is thought about here, too.
COVERED: Mapping[type, frozenset[str]] = {
    ReportDraft: frozenset({
        "source", "reporter", "incident", "reference", "reported_at", "incident_at", "signs", "people", "traces", "places",
        "items", "text", "language", "problems",
    }),
    ItemDraft: frozenset({
        "kind", "reference", "file_name", "address", "hashes", "size_bytes", "media_type", "viewed", "public",
        "supplemental", "classified", "signs", "at", "traces", "text",
    }),
    NamedPerson: frozenset({"role", "identifiers", "traces"}),
    Trace: frozenset({"address", "at", "port", "event", "proxy"}),
}  # fmt: skip


def as_found(item: ItemDraft, hashes: Sequence[tuple[str, bytes]], classification: str | None) -> ItemDraft:
    """An item with what we know better of it: hashes that we made ourselves, and what our people agreed that it is."""
    own = dict(hashes)
    said = tuple((name, value) for name, value in item.hashes if name not in own)
    classified = item.classified if classification is None else Classified(scheme=OUR_SCHEME, code=classification)
    return replace(item, hashes=(*own.items(), *said), classified=classified)
