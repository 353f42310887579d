"""Terms as a document, and the sets to start from: one for a hotline, one for the Dutch police. Pure.

The starting sets are a proposal, with the source of each term. They count for nobody before somebody who answers for the
data chose them. A source that says "own choice" is no law: the number is ours, and the reason is beside it.
"""

from collections.abc import Mapping
from typing import Any

from vangnet.errors import InvalidInput
from vangnet.identity.model.installation import InstallationKind
from vangnet.identity.model.text import checked_line
from vangnet.retention.model import DAYS_MAX, Kind, Term, Terms, longest_days
from vangnet.vault.model import Basis

SOURCE_MAX = 300
_FIVE_YEARS = 5 * 365 + 1
_HALF_A_YEAR = 183

_STORAGE = "Own choice under GDPR art. 5(1)(e) (no longer than necessary): "
_HOTLINE: Mapping[Basis, Term] = {
    Basis.INTAKE: Term(days=90, source=_STORAGE + "what nobody assessed in a quarter is looked at by the head of the desk"),
    Basis.NOT_ILLEGAL: Term(days=7, source=_STORAGE + "time to undo a mistake"),
    Basis.REMOVAL: Term(days=30, source=_STORAGE + "time to see whether it turns up again after its removal"),
    Basis.REFERRED: Term(days=30, source=_STORAGE + "time for the recipient to ask again"),
}
_ARTICLE_14 = "Wpg art. 14(1): five years, for complaints and to account for what was done, then destroyed"
_POLICE: Mapping[Basis, Term] = {
    Basis.INTAKE: Term(
        days=_FIVE_YEARS, then=Basis.ACCOUNTABILITY, source="Wpg art. 8(6): at most five years after it was first processed"
    ),
    Basis.NOT_ILLEGAL: Term(
        days=30, then=Basis.ACCOUNTABILITY, source="Wpg art. 8(6): removed when no longer necessary; own choice"
    ),
    Basis.REFERRED: Term(
        days=_HALF_A_YEAR, then=Basis.ACCOUNTABILITY, source="Wpg art. 8(6): removed when no longer necessary; own choice"
    ),
    Basis.INVESTIGATION: Term(days=None, source="Wpg art. 9(4): as long as the investigation needs it"),
    Basis.INVESTIGATION_ENDED: Term(
        days=_HALF_A_YEAR, then=Basis.ACCOUNTABILITY,
        source="Wpg art. 9(4): at most half a year, to see whether it gives cause for another processing",
    ),
    Basis.ACCOUNTABILITY: Term(days=_FIVE_YEARS, source=_ARTICLE_14),
}  # fmt: skip

#: To start from, for those kinds of installation that have a vault. A lawyer of the party checks them first.
STARTING: Mapping[InstallationKind, Terms] = {
    InstallationKind.HOTLINE: {Kind.MEDIUM: _HOTLINE, Kind.REPORT: _HOTLINE},
    InstallationKind.POLICE: {Kind.MEDIUM: _POLICE, Kind.REPORT: _POLICE},
}


def as_document(terms: Terms) -> dict[str, Any]:
    """Terms as they are kept, shown and edited: plain texts and numbers."""
    return {
        kind.value: {
            basis.value: {"days": term.days, "then": None if term.then is None else term.then.value, "source": term.source}
            for basis, term in bases.items()
        }
        for kind, bases in terms.items()
    }


def read_document(document: object) -> Terms:
    """The terms that a document says. Raises InvalidInput where it says something else, or something without an end."""
    kinds = _mapping(document, "terms", {kind.value for kind in Kind})
    terms = {
        Kind(kind): {Basis(basis): _term(term, f"{kind}.{basis}") for basis, term in _bases(bases, kind).items()}
        for kind, bases in kinds.items()
    }
    for kind, bases in terms.items():
        for basis, term in bases.items():
            _require_end(terms, kind, basis, term)
    return terms


def _term(document: object, name: str) -> Term:
    fields = _mapping(document, name, {"days", "then", "source"}, all_of_them=True)
    days, then, source = fields["days"], fields["then"], fields["source"]
    if days is not None and (not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= DAYS_MAX):
        raise InvalidInput(field=f"{name}.days", problem=f"must be 0 to {DAYS_MAX}, or null for as long as the basis holds")
    if then is not None and (days is None or not isinstance(then, str) or then not in set(Basis)):
        raise InvalidInput(field=f"{name}.then", problem=f"must be null, or after so many days one of {', '.join(Basis)}")
    if not isinstance(source, str):
        raise InvalidInput(field=f"{name}.source", problem="must say where the term is written")
    return Term(
        days=days,
        then=None if then is None else Basis(then),
        source=checked_line(source, field=f"{name}.source", longest=SOURCE_MAX),
    )


def _require_end(terms: Terms, kind: Kind, basis: Basis, term: Term) -> None:
    """What moves on comes to a basis with a term, and never back."""
    seen, at = {basis}, term
    while at.then is not None:
        if at.then in seen:
            raise InvalidInput(field=f"{kind}.{basis}.then", problem="must not lead back: nothing would ever be erased")
        following = terms[kind].get(at.then)
        if following is None:
            raise InvalidInput(field=f"{kind}.{basis}.then", problem=f"leads to `{at.then}`, which has no term")
        seen.add(at.then)
        at = following
    if at is not term and longest_days(terms, kind, basis) is None:
        raise InvalidInput(field=f"{kind}.{basis}.then", problem="must lead to an end: nothing would ever be erased")


def _bases(document: object, kind: str) -> Mapping[str, Any]:
    return _mapping(document, kind, {basis.value for basis in Basis})


def _mapping(document: object, name: str, allowed: set[str], *, all_of_them: bool = False) -> Mapping[str, Any]:
    if not isinstance(document, Mapping) or not set(document) <= allowed or (all_of_them and set(document) != allowed):
        which = "exactly these" if all_of_them else "none but these"
        raise InvalidInput(field=name, problem=f"must have {which}: {', '.join(sorted(allowed))}")
    return document
