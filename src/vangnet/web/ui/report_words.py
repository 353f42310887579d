"""What the codes of reports are called on the pages. Kinds and counts, no description of content."""

from typing import Any

from vangnet.reports.formats.reading import UnreadableReason
from vangnet.reports.model.deliveries import DeliveryState
from vangnet.reports.model.drafts import IdentifierKind, Incident, ItemKind, PersonRole, ReporterKind, Sign, Source
from vangnet.reports.model.facts import AgeClass, CannotOpen, Part, Sayer
from vangnet.reports.model.reports import Closing, ReportState
from vangnet.reports.model.triage_policy import Equals
from vangnet.reports.model.wanted import Pressing
from vangnet.reports.rules.triage.points import Factor
from vangnet.web.languages import marked
from vangnet.web.ui.decisions import CLASSIFICATION_NAMES

STATE_NAMES = {
    ReportState.WAITING: ("muted", marked("waits")),
    ReportState.CLAIMED: ("warn", marked("being worked on")),
    ReportState.REFERRED: ("muted", marked("referred")),
    ReportState.ASIDE: ("warn", marked("aside")),
    ReportState.DONE: ("ok", marked("done")),
}
CLOSING_NAMES = {
    Closing.HANDLED: marked("assessed and handled"),
    Closing.FORWARDED: marked("it is another party's now"),
    Closing.KNOWN: marked("all of it was known and handled before"),
    Closing.NOTHING_FOUND: marked("nothing punishable in it"),
    Closing.NOT_FOUND: marked("what it points to is not there"),
    Closing.NOT_OURS: marked("not what we are here for"),
}
SOURCE_NAMES = {
    Source.PUBLIC: marked("public page"),
    Source.HANDOFF: marked("hand-off"),
    Source.API: marked("provider (API)"),
    Source.XARF: marked("XARF"),
    Source.MAIL: marked("mailbox"),
    Source.CSV: marked("table of addresses"),
    Source.SCAN: marked("scan of a store"),
    Source.CYBERTIP: marked("CyberTip"),
    Source.MEDIA_SET: marked("media set"),
}
REPORTER_NAMES = {
    ReporterKind.ANONYMOUS: marked("somebody without a name"),
    ReporterKind.CITIZEN: marked("a citizen"),
    ReporterKind.COMPANY: marked("a company"),
    ReporterKind.HOTLINE: marked("a hotline"),
    ReporterKind.POLICE: marked("police"),
    ReporterKind.AUTHORITY: marked("an authority"),
}
SAYER_NAMES = {Sayer(kind.value): name for kind, name in REPORTER_NAMES.items()} | {Sayer.OURS: marked("our own people")}
INCIDENT_NAMES = {
    Incident.MATERIAL: marked("material"),
    Incident.ENTICEMENT: marked("approaching a child online"),
    Incident.EXTORTION: marked("threats with pictures"),
    Incident.LIVE_STREAM: marked("abuse ordered from afar"),
    Incident.ABUSE: marked("abuse"),
    Incident.TRAVEL: marked("travel"),
    Incident.TRAFFICKING: marked("trafficking"),
    Incident.PAYMENT: marked("payments"),
    Incident.UNSOLICITED: marked("sent to a child"),
    Incident.MISLEADING: marked("a misleading name"),
    Incident.OTHER: marked("something else, or not said"),
}
SIGN_NAMES = {
    Sign.DANGER_NOW: marked("a child is in danger now"),
    Sign.MINORS_NEAR: marked("children within reach"),
    Sign.EXTORTION: marked("a child is being threatened"),
    Sign.ENTICEMENT: marked("a child is being approached"),
    Sign.BETWEEN_MINORS: marked("between minors"),
    Sign.SADISTIC: marked("a group that harms for its own sake"),
    Sign.HARM: marked("physical harm"),
    Sign.INFANT: marked("an infant"),
    Sign.LIVE: marked("streamed live"),
    Sign.SELF_MADE: marked("perhaps made by the minor"),
    Sign.MADE_UP: marked("drawn or generated"),
    Sign.SPREAD_WIDELY: marked("shared by many"),
    Sign.SPAM: marked("spam"),
    Sign.FOR_INFORMATION: marked("for information only"),
}
PART_NAMES = {
    Part.SUBJECT: marked("an account or number to look for"),
    Part.TRACE: marked("a network address with a time"),
    Part.PLACE: marked("a place"),
    Part.MATERIAL: marked("the files themselves"),
}
AGE_NAMES = {
    AgeClass.INFANT: marked("age class infant"),
    AgeClass.PREPUBESCENT: marked("age class prepubescent"),
    AgeClass.PUBESCENT: marked("age class pubescent"),
}
CANNOT_OPEN_NAMES = {
    CannotOpen.UNREADABLE: marked("it could not be read; somebody has to mend it"),
    CannotOpen.FILES_MISSING: marked("the files that it names did not come"),
    CannotOpen.NEEDS_ORDER: marked("the law asks for an order first"),
    CannotOpen.WAITS: marked("somebody else was asked, and has not answered"),
}
PRESSING_NAMES = {
    Pressing.GONE: ("danger", marked("over")),
    Pressing.VERY_SOON: ("danger", marked("very soon")),
    Pressing.SOON: ("warn", marked("soon")),
    Pressing.LATER: ("muted", marked("later")),
}
ROLE_NAMES = {
    PersonRole.REPORTED: marked("whom it is about"),
    PersonRole.RECIPIENT: marked("to whom something was sent"),
    PersonRole.VICTIM: marked("the child"),
    PersonRole.OTHER: marked("somebody else who is named"),
}
IDENTIFIER_NAMES = {
    IdentifierKind.ACCOUNT: marked("account"),
    IdentifierKind.SCREEN_NAME: marked("name shown"),
    IdentifierKind.PROFILE: marked("profile"),
    IdentifierKind.EMAIL: marked("mail address"),
    IdentifierKind.PHONE: marked("telephone"),
    IdentifierKind.DEVICE: marked("device"),
    IdentifierKind.PAYMENT: marked("account for payments"),
    IdentifierKind.NAME: marked("name as written"),
    IdentifierKind.BIRTH_DATE: marked("date of birth as written"),
}
ITEM_NAMES = {
    ItemKind.FILE: marked("file"),
    ItemKind.HASH: marked("hash"),
    ItemKind.ADDRESS: marked("address"),
}
DELIVERY_STATES = {
    DeliveryState.WAITING: ("muted", marked("is about to be read")),
    DeliveryState.TAKEN: ("ok", marked("read")),
    DeliveryState.PARTLY: ("warn", marked("read in part")),
    DeliveryState.UNREADABLE: ("danger", marked("not readable")),
    DeliveryState.AGAIN: ("muted", marked("came before")),
    DeliveryState.REPAIRED: ("ok", marked("mended")),
    DeliveryState.SET_ASIDE: ("muted", marked("set aside")),
}
UNREADABLE_NAMES = {
    UnreadableReason.BROKEN: marked("it breaks off, or does not follow its form"),
    UnreadableReason.NOT_THIS_FORM: marked("it is something else than it was said to be"),
    UnreadableReason.NO_REPORT: marked("there is no report in it"),
    UnreadableReason.FORBIDDEN: marked("it holds what is never taken"),
    UnreadableReason.TOO_LARGE: marked("it is beyond a limit"),
    UnreadableReason.LOCKED: marked("it has a password"),
    UnreadableReason.NESTED: marked("an archive inside an archive"),
    UnreadableReason.NO_FILE: marked("a link or a device where a file should be"),
}
EQUALS_NAMES = {
    Equals.IN_TIME: marked("who can still be opened in time, then the newest"),
    Equals.NEWEST: marked("the newer one"),
    Equals.OLDEST: marked("the older one"),
}
#: Why a report was claimed or came back, as its timeline says it.
STEP_REASONS = {
    "danger": marked("called for danger"),
    "drawn": marked("drawn at random"),
    "points": marked("next in the order"),
    "last_hours": marked("its time was nearly over"),
    "oldest": marked("waited longest"),
    "chosen": marked("chosen"),
    "assigned": marked("assigned by the lead"),
    "reopened": marked("opened again"),
    "changed": marked("it came again with changes"),
}

#: What the templates of reports say codes with.
WORDS: dict[str, Any] = {
    "state_names": STATE_NAMES,
    "closing_names": CLOSING_NAMES,
    "source_names": SOURCE_NAMES,
    "reporter_names": REPORTER_NAMES,
    "sayer_names": SAYER_NAMES,
    "incident_names": INCIDENT_NAMES,
    "sign_names": SIGN_NAMES,
    "part_names": PART_NAMES,
    "age_names": AGE_NAMES,
    "cannot_open_names": CANNOT_OPEN_NAMES,
    "pressing_names": PRESSING_NAMES,
    "person_roles": ROLE_NAMES,
    "identifier_names": IDENTIFIER_NAMES,
    "item_names": ITEM_NAMES,
    "delivery_states": DELIVERY_STATES,
    "unreadable_names": UNREADABLE_NAMES,
    "step_reasons": STEP_REASONS,
    "classification_names": CLASSIFICATION_NAMES,
    "factors": Factor,
}
