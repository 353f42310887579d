"""A request to preserve evidence, as a letter in Dutch or English. Pure.

It asks that nothing be erased, and for nothing else: what is kept is handed over later, by the law's own way. It says what
is to be kept in the words of a provider's log (an address, a time in UTC, a port) and nothing of what was reported.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from vangnet.identity.model import Language
from vangnet.reports.model.regimes import EvidenceKind, PreservationLaw
from vangnet.reports.rules.evidence.clocks import ClockDraft

_TIME = "%Y-%m-%d %H:%M:%S UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFacts:
    """What a letter is made of."""

    sender: str
    recipient: str = field(repr=False)
    #: Our number of the request, by which the answer is known.
    number: str
    law: PreservationLaw
    clocks: Sequence[ClockDraft] = field(repr=False)
    on: date
    #: Until when it was kept so far: this letter asks to renew that.
    renews: date | None = None


_WORDS = {
    Language.NL: {
        "subject": "Verzoek om gegevens te bewaren",
        "renewal": "Verzoek om gegevens langer te bewaren",
        "greeting": "Geachte heer, mevrouw,",
        "ask": "Wij verzoeken u de hieronder genoemde gegevens niet te wissen en niet te wijzigen, gedurende {days} dagen "
        "na ontvangst van deze brief. U hoeft nu niets te verstrekken: dat wordt u later gevraagd, op de weg die de wet "
        "daarvoor geeft.",
        "renew": "U bewaart deze gegevens tot {until}. Wij verzoeken u ze nog {days} dagen langer te bewaren.",
        "law": "Grondslag: {source}.",
        "quiet": "Wij verzoeken u hierover niets mee te delen aan degene op wie de gegevens betrekking hebben.",
        "answer": "Wilt u binnen zeven dagen antwoorden, onder vermelding van {number}: wat u bewaart en tot wanneer, of "
        "waarom u niet kunt bewaren?",
        "close": "Hoogachtend,",
        "no_time": "tijdstip niet bekend",
        "port": "poort {port}",
        EvidenceKind.REPORTED: "Alles wat hoort bij uw melding {about}: de bestanden, de accountgegevens en de logs.",
        EvidenceKind.CUSTOMER: "Wie van uw klanten het adres {about} gebruikte op:",
        EvidenceKind.ACCOUNT: "Het account {about}: wie het heeft, wanneer en vanaf welke adressen het werd gebruikt, en "
        "wat erin staat.",
        EvidenceKind.HOSTED: "Wat u host onder {about} en waarover wij u schreven: de inhoud, wie deze plaatste, en vanaf "
        "welke adressen.",
    },
    Language.EN: {
        "subject": "Request to preserve data",
        "renewal": "Request to preserve data for longer",
        "greeting": "Dear Sir or Madam,",
        "ask": "We ask you neither to erase nor to change the data named below, for {days} days after you receive this "
        "letter. You need hand nothing over now: that will be asked for later, in the way that the law gives.",
        "renew": "You preserve these data until {until}. We ask you to preserve them for another {days} days.",
        "law": "Legal basis: {source}.",
        "quiet": "We ask you to tell nothing of this to whom the data are about.",
        "answer": "Please answer within seven days and name {number}: what you preserve and until when, or why you cannot.",
        "close": "Yours faithfully,",
        "no_time": "time not known",
        "port": "port {port}",
        EvidenceKind.REPORTED: "All that belongs to your report {about}: the files, the data of the account, and the logs.",
        EvidenceKind.CUSTOMER: "Which of your customers used the address {about} at:",
        EvidenceKind.ACCOUNT: "The account {about}: whose it is, when and from which addresses it was used, and what is in "
        "it.",
        EvidenceKind.HOSTED: "What you host under {about} and we wrote to you about: the content, who placed it, and from "
        "which addresses.",
    },
}
_DATES = {Language.NL: "%d-%m-%Y", Language.EN: "%d %B %Y"}


def letter(facts: LetterFacts, language: Language) -> str:
    """The letter, for a person to read and change before it is sent."""
    words = _WORDS[language]
    shown_date = _DATES[language]
    asked = words["ask"] if facts.renews is None else words["renew"]
    until = "" if facts.renews is None else facts.renews.strftime(shown_date)
    return "\n".join([
        facts.sender,
        "",
        facts.recipient,
        "",
        facts.on.strftime(shown_date),
        f"{words['subject'] if facts.renews is None else words['renewal']} · {facts.number}",
        "",
        words["greeting"],
        "",
        asked.format(days=facts.law.days, until=until),
        "",
        *(line for number, clock in enumerate(facts.clocks, start=1) for line in _listed(number, clock, language)),
        "",
        words["law"].format(source=facts.law.source),
        words["quiet"],
        "",
        words["answer"].format(number=facts.number),
        "",
        words["close"],
        facts.sender,
        "",
    ])  # fmt: skip


def _listed(number: int, clock: ClockDraft, language: Language) -> list[str]:
    words = _WORDS[language]
    lines = [f"{number}. {words[clock.kind].format(about=clock.about)}".replace(" :", ":")]
    if clock.kind is EvidenceKind.CUSTOMER:
        moments = [_moment(one.at, one.port, language) for one in clock.moments] or [words["no_time"]]
        lines += [f"   - {moment}" for moment in moments]
    return lines


def _moment(at: datetime, port: int | None, language: Language) -> str:
    shown = at.strftime(_TIME)
    return shown if port is None else f"{shown}, {_WORDS[language]['port'].format(port=port)}"
