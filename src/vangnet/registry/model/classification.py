"""What a listed picture is classified as, and how that reads in the schemes of others.

One classification is kept. It hangs on a supplier's category, not on the entry, so that a curator who corrects one mapping
corrects ten million entries. The crosswalk proposes a classification for a category and writes one in another scheme; it
decides nothing, and says where a mapping loses detail. Only codes, on purpose: no words for content.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

#: Raised whenever a line of the crosswalk changes, and written beside what it was used for.
CROSSWALK_VERSION = 1


class Classification(StrEnum):
    BASELINE = "baseline"  #: Unmistakably illegal in every country (ICCAM 1).
    NATIONAL = "national"  #: Illegal under the law of the country that classified it (ICCAM 2).
    INVESTIGATIVE = "investigative"  #: Not illegal by itself; belongs to a case, and a find helps the investigation.
    OTHER = "other"  #: None of these. Never chosen by default.


#: What decides where a consumer chose nothing.
DEFAULT_CHOICE = frozenset({Classification.BASELINE, Classification.NATIONAL})


class Scheme(StrEnum):
    ICCAM = "iccam"  #: Hotlines among each other.
    NCMEC = "ncmec"  #: The industry classification of the US centre.
    IWF = "iwf"  #: The British hotline's.
    VICS = "vics"  #: Police media data; what a number means depends on the country.
    XARF = "xarf"  #: Providers' abuse reports.


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one code of a scheme is here; None where no classification follows from it, and `loses` says what is lost."""

    classification: Classification | None
    loses: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What a classification is in a scheme; None where the scheme has no code that says just that."""

    code: str | None
    loses: str | None = None


_AGE = "which of the two it was: the scheme tells ages and acts apart"
_COUNTRY = "its meaning depends on the country that classified it"

READINGS: Mapping[Scheme, Mapping[str, Reading]] = {
    Scheme.ICCAM: {
        "1": Reading(classification=Classification.BASELINE),
        "2": Reading(classification=Classification.NATIONAL),
        "4": Reading(classification=None, loses="`ignore` is no entry: leave it unmapped"),
    },
    Scheme.NCMEC: {
        "A1": Reading(classification=Classification.BASELINE, loses=_AGE),
        "A2": Reading(classification=Classification.BASELINE, loses=_AGE),
        "B1": Reading(classification=Classification.NATIONAL, loses=_AGE),
        "B2": Reading(classification=Classification.NATIONAL, loses=_AGE),
    },
    Scheme.IWF: {code: Reading(classification=None, loses="it tells severity, not age") for code in "ABC"},
    Scheme.VICS: {code: Reading(classification=None, loses=_COUNTRY) for code in "012345"},
    Scheme.XARF: {
        "baseline": Reading(classification=Classification.BASELINE),
        "A1": Reading(classification=Classification.BASELINE, loses=_AGE),
        "A2": Reading(classification=Classification.BASELINE, loses=_AGE),
        "B1": Reading(classification=Classification.NATIONAL, loses=_AGE),
        "B2": Reading(classification=Classification.NATIONAL, loses=_AGE),
    },
}

_NOT_ILLEGAL = Writing(code=None, loses="the scheme has no code for it")

WRITINGS: Mapping[Scheme, Mapping[Classification, Writing]] = {
    Scheme.ICCAM: {
        Classification.BASELINE: Writing(code="1"),
        Classification.NATIONAL: Writing(code="2"),
        Classification.INVESTIGATIVE: _NOT_ILLEGAL,
        Classification.OTHER: _NOT_ILLEGAL,
    },
    Scheme.NCMEC: {
        Classification.BASELINE: Writing(code=None, loses="A1 and A2 cannot be told apart"),
        Classification.NATIONAL: Writing(code=None, loses="B1 and B2 cannot be told apart"),
        Classification.INVESTIGATIVE: _NOT_ILLEGAL,
        Classification.OTHER: _NOT_ILLEGAL,
    },
    Scheme.IWF: {
        Classification.BASELINE: Writing(code=None, loses="it tells age, not severity"),
        Classification.NATIONAL: Writing(code=None, loses="it tells age, not severity"),
        Classification.INVESTIGATIVE: _NOT_ILLEGAL,
        Classification.OTHER: _NOT_ILLEGAL,
    },
    Scheme.VICS: {classification: Writing(code="0", loses=_COUNTRY) for classification in Classification},
    Scheme.XARF: {
        Classification.BASELINE: Writing(code="baseline"),
        Classification.NATIONAL: Writing(code=None, loses="B1 and B2 cannot be told apart"),
        Classification.INVESTIGATIVE: _NOT_ILLEGAL,
        Classification.OTHER: _NOT_ILLEGAL,
    },
}


def proposed(scheme: str, code: str) -> Reading | None:
    """What the crosswalk proposes for a supplier's category; None for a scheme or code that it does not know.

    A scheme may name the country behind a colon, as in `vics:nl`. The crosswalk has no country's own reading of VICS: for
    each of them it says why no classification follows.
    """
    name, named, country = scheme.partition(":")
    if name not in set(Scheme) or (named and (name != Scheme.VICS or not country)):
        return None
    return READINGS[Scheme(name)].get(code)


def written(classification: Classification, scheme: Scheme) -> Writing:
    """A classification in the words of a scheme."""
    return WRITINGS[scheme][classification]
