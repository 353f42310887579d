"""What the codes of referrals, evidence and outcomes are called on the pages."""

from typing import Any

from vangnet.handoff.model.referrals import ReferralOutcome, ReferralReason
from vangnet.reports.model.clocks import ClockState, FollowUp, PreservationState, SentHow, Urgency
from vangnet.reports.model.outcomes import Outcome
from vangnet.reports.model.referrals import Arrival, ReferralState, Share
from vangnet.reports.model.regimes import EvidenceKind, Ground
from vangnet.reports.service.evidence.preserving import AnswerKind
from vangnet.web.languages import marked

REASON_NAMES = {
    ReferralReason.THEIRS: marked("it belongs to them by their task"),
    ReferralReason.INVESTIGATION: marked("it needs police"),
    ReferralReason.REMOVAL: marked("something is to be removed"),
    ReferralReason.ABROAD: marked("it concerns their country"),
    ReferralReason.DANGER: marked("a child seems to be in danger, and they can act"),
    ReferralReason.ADDITION: marked("it adds to a case that they have"),
}
SHARE_NAMES = {
    Share.FACTS: marked("what it is about, when, and which signs were reported"),
    Share.ADDRESSES: marked("links"),
    Share.HASHES: marked("hashes of its files, and the reporter's own numbers"),
    Share.WORDS: marked("the reporter's own words, and names of files"),
    Share.PEOPLE: marked("who is named, and network addresses with their times"),
    Share.REPORTER: marked("who reported, and how they can be reached"),
}
#: Role of the badge, and word.
ARRIVAL_NAMES = {
    Arrival.PREPARED: ("muted", marked("being prepared")),
    Arrival.ON_ITS_WAY: ("warn", marked("on its way")),
    Arrival.ARRIVED: ("ok", marked("arrived")),
    Arrival.REFUSED: ("danger", marked("refused")),
    Arrival.NO_RECEIPT: ("danger", marked("no receipt")),
    Arrival.GIVEN_UP: ("muted", marked("given up")),
}
REFERRAL_NAMES = {
    ReferralState.SENT: ("warn", marked("no answer yet")),
    ReferralState.ANSWERED: ("ok", marked("answered")),
    ReferralState.RETURNED: ("muted", marked("returned to us")),
    ReferralState.TAKEN_BACK: ("muted", marked("taken back")),
}
ANSWER_NAMES = {
    ReferralOutcome.HANDLED: marked("assessed and handled"),
    ReferralOutcome.KNOWN: marked("all of it was known and handled before"),
    ReferralOutcome.NOTHING_FOUND: marked("nothing punishable in it"),
    ReferralOutcome.NOT_FOUND: marked("what it points to is not there"),
    ReferralOutcome.FORWARDED: marked("referred on"),
    ReferralOutcome.RETURNED: marked("not for them: returned"),
    ReferralOutcome.CHILD_IDENTIFIED: marked("a child was identified"),
    ReferralOutcome.CHILD_SAFE: marked("a child was brought to safety"),
    ReferralOutcome.SUSPECT_IDENTIFIED: marked("a suspect was identified"),
    ReferralOutcome.NO_FURTHER_ACTION: marked("no further action"),
}
EVIDENCE_NAMES = {
    EvidenceKind.REPORTED: marked("what the provider reported itself"),
    EvidenceKind.CUSTOMER: marked("who used a network address"),
    EvidenceKind.ACCOUNT: marked("an account"),
    EvidenceKind.HOSTED: marked("what is hosted"),
}
URGENCY_NAMES = {
    Urgency.GONE: ("danger", marked("gone")),
    Urgency.VERY_SOON: ("danger", marked("within a day")),
    Urgency.SOON: ("warn", marked("within a week")),
    Urgency.LATER: ("muted", marked("later")),
    Urgency.UNKNOWN: ("muted", marked("unknown")),
}
CLOCK_NAMES = {
    ClockState.RUNNING: ("warn", marked("not asked for")),
    ClockState.REQUESTED: ("warn", marked("asked for")),
    ClockState.SECURED: ("ok", marked("secured")),
    ClockState.EXPIRED: ("danger", marked("gone")),
    ClockState.DROPPED: ("muted", marked("not needed")),
}
GROUND_NAMES = {
    Ground.LAW: marked("law"),
    Ground.ASSUMPTION: marked("assumption"),
}
PRESERVATION_NAMES = {
    PreservationState.DRAFTED: ("warn", marked("drafted, not sent")),
    PreservationState.SENT: ("warn", marked("sent, no answer yet")),
    PreservationState.SECURED: ("ok", marked("secured")),
    PreservationState.REFUSED: ("danger", marked("refused")),
    PreservationState.GONE: ("danger", marked("not there any more")),
    PreservationState.LAPSED: ("muted", marked("its time ended")),
    PreservationState.DROPPED: ("muted", marked("not needed")),
}
FOLLOW_UP_NAMES = {
    FollowUp.SEND: marked("send the letter"),
    FollowUp.ASK_AGAIN: marked("no answer for a week: ask after it"),
    FollowUp.RENEW: marked("ends soon: ask to renew it"),
    FollowUp.ENDS: marked("ends soon and cannot be renewed: have it handed over"),
    FollowUp.NOTHING: marked("nothing now"),
}
SENT_HOW_NAMES = {
    SentHow.MAIL: marked("protected e-mail"),
    SentHow.PORTAL: marked("the provider's portal"),
    SentHow.POST: marked("post"),
    SentHow.OTHER: marked("another way"),
}
HOLDER_ANSWER_NAMES = {
    AnswerKind.SECURED: marked("it is kept"),
    AnswerKind.REFUSED: marked("it is not kept for us"),
    AnswerKind.GONE: marked("it is not there any more"),
}
OUTCOME_NAMES = {
    Outcome.CHILD_IDENTIFIED: marked("a child was identified"),
    Outcome.CHILD_SAFE: marked("a child was brought to safety"),
    Outcome.SUSPECT_IDENTIFIED: marked("a suspect was identified"),
    Outcome.NO_FURTHER_ACTION: marked("no further action"),
}

WORDS: dict[str, Any] = {
    "reason_names": REASON_NAMES,
    "share_names": SHARE_NAMES,
    "arrival_names": ARRIVAL_NAMES,
    "referral_names": REFERRAL_NAMES,
    "answer_names": ANSWER_NAMES,
    "evidence_names": EVIDENCE_NAMES,
    "urgency_names": URGENCY_NAMES,
    "clock_names": CLOCK_NAMES,
    "ground_names": GROUND_NAMES,
    "preservation_names": PRESERVATION_NAMES,
    "follow_up_names": FOLLOW_UP_NAMES,
    "sent_how_names": SENT_HOW_NAMES,
    "holder_answer_names": HOLDER_ANSWER_NAMES,
    "outcome_names": OUTCOME_NAMES,
}
