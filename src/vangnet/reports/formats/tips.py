"""The report of a CyberTip: its sections, read one by one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from vangnet.reports.formats.reading import Problems, Values
from vangnet.reports.formats.tip_people import (
    OUT_OF_ORDER,
    Children,
    People,
    check_order,
    first,
    in_order,
    read_trace,
    told,
)
from vangnet.reports.formats.xml import Element, content, grouped
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
    Sign,
    Source,
    Trace,
)

#: More addresses than this in one report are not kept one by one.
ADDRESSES_MAX = 100_000
SECTIONS = in_order(
    "reportId", "batchedReport", "incidentSummary", "internetDetails", "lawEnforcement", "reporter", "personOrUserReported",
    "intendedRecipient", "victim", "additionalInfo",
)  # fmt: skip
_SUMMARY = in_order(
    "incidentType", "platform", "escalateToHighPriority", "reportAnnotations", "incidentDateTime",
    "incidentDateTimeDescription",
)  # fmt: skip
#: The form's own names of kinds of incident, without regard to capitals and spaces.
INCIDENTS = {
    "Child Pornography (possession, manufacture, and distribution)": Incident.MATERIAL,
    "Child Sex Trafficking": Incident.TRAFFICKING,
    "Child Sex Tourism": Incident.TRAVEL,
    "Child Sexual Molestation": Incident.ABUSE,
    "Misleading Domain Name": Incident.MISLEADING,
    "Misleading Words or Digital Images on the Internet": Incident.MISLEADING,
    "Online Enticement of Children for Sexual Acts": Incident.ENTICEMENT,
    "Unsolicited Obscene Material Sent to a Child": Incident.UNSOLICITED,
}
_INCIDENTS = {" ".join(name.lower().split()): incident for name, incident in INCIDENTS.items()}
REPORT_SIGNS = {
    "sextortion": Sign.EXTORTION,
    "csamSolicitation": Sign.ENTICEMENT,
    "minorToMinorInteraction": Sign.BETWEEN_MINORS,
    "spam": Sign.SPAM,
    "sadisticOnlineExploitation": Sign.SADISTIC,
    "informational": Sign.FOR_INFORMATION,
}
_VIRAL = "VIRAL_POTENTIAL_MEME"
_NO_HASTE = frozenset({"", "false", "0", "no"})


class Tip:
    """A report under way: what its sections have said so far."""

    def __init__(self, *, now: datetime, reference: str | None = None, is_whole: bool = True) -> None:
        self.problems = Problems()
        #: False where it broke off or was not there, so that what is missing is no omission.
        self.is_whole = is_whole
        self._values = Values(self.problems, now=now)
        self.reference = self._values.reference(reference)
        self._people = People(self._values)
        self._place = 0
        self._incident: Incident | None = None
        self._platform: str | None = None
        self._incident_at: datetime | None = None
        self._reporter = Reporter(kind=ReporterKind.COMPANY)
        self._has_reporter = False
        self._signs: set[Sign] = set()
        self._traces: list[Trace] = []
        self._addresses: list[ItemDraft] = []
        self._told: list[str] = []
        self._told_last: list[str] = []

    def take(self, section: str, element: Element) -> None:
        """Reads a section."""
        place = SECTIONS[section]
        if place < self._place:
            self.problems.note(OUT_OF_ORDER)
        self._place = max(place, self._place)
        match section:
            case "reportId":
                self.reference = self._values.reference(content(element)) or self.reference
            case "batchedReport":
                self._batched(element)
            case "incidentSummary":
                self._summary(element)
            case "internetDetails":
                self._internet(element)
            case "lawEnforcement":
                self._tell_all(section, grouped(element))
            case "reporter":
                self._reported_by(grouped(element))
            case "additionalInfo":
                self._tell(section, element)
            case _:
                self._people.take(section, element)

    @property
    def addresses(self) -> int:
        """How many items stand before its files."""
        return len(self._addresses)

    def draft(self, items: Sequence[ItemDraft]) -> ReportDraft:
        """The report with its files."""
        if self.is_whole:
            for missing, name in ((self._incident, "incidentType"), (self._incident_at, "incidentDateTime")):
                if missing is None:
                    self.problems.note(f"the report has no {name} that can be read")
            if not self._has_reporter:
                self.problems.note("the report does not say who reports")
        words = [*self._told, *self._people.told, *self._told_last]
        if self._platform is not None:
            words.insert(0, f"platform: {self._platform}")
        return ReportDraft(
            source=Source.CYBERTIP,
            reporter=self._reporter,
            incident=self._incident or Incident.OTHER,
            reference=self.reference,
            incident_at=self._incident_at,
            signs=frozenset(self._signs),
            people=tuple(map(self._at_platform, self._people.people)),
            traces=tuple(self._traces),
            places=tuple(self._people.places),
            items=(*self._addresses, *items),
            text=self._values.text("\n\n".join(words)),
            problems=self.problems.told(),
        )

    # --- sections ---

    def _batched(self, element: Element) -> None:
        if (element.get("reason") or content(element)).strip() == _VIRAL:
            self._signs.add(Sign.SPREAD_WIDELY)

    def _summary(self, element: Element) -> None:
        found, values = grouped(element), self._values
        check_order(found, _SUMMARY, values)
        for each in found.get("incidentType", ()):
            self._incident_type(content(each))
        self._platform = values.line(first(found, "platform", values)) or self._platform
        self._incident_at = values.time(first(found, "incidentDateTime", values)) or self._incident_at
        for annotations in found.get("reportAnnotations", ()):
            self._signs |= self._annotated(annotations)
        for haste in found.get("escalateToHighPriority", ()):
            if content(haste).strip().lower() not in _NO_HASTE:
                self._signs.add(Sign.DANGER_NOW)
                self._tell("escalateToHighPriority", haste)
        for described in found.get("incidentDateTimeDescription", ()):
            self._tell("incidentDateTimeDescription", described)

    def _incident_type(self, written: str) -> None:
        incident = _INCIDENTS.get(" ".join(written.lower().split()))
        if incident is None:
            self.problems.note("the report names a kind of incident that is not known here")
        elif self._incident not in {None, incident}:
            self.problems.note("the report names several kinds of incident; the first was taken")
        else:
            self._incident = incident
        if incident is Incident.ENTICEMENT:
            self._signs.add(Sign.ENTICEMENT)

    def _annotated(self, element: Element) -> set[Sign]:
        signs = set()
        for name, elements in grouped(element).items():
            if not self._values.flag(content(elements[0])):
                continue
            if name in REPORT_SIGNS:
                signs.add(REPORT_SIGNS[name])
            else:
                self.problems.note("the report has a mark that is not known here")
        return signs

    def _internet(self, element: Element) -> None:
        values = self._values
        for kind, elements in grouped(element).items():
            for each in elements:
                found = dict(grouped(each))
                if (third := values.flag(each.get("thirdPartyHostedContent"))) is not None:
                    self._told.append(f"{kind} thirdPartyHostedContent: {str(third).lower()}")
                for address in found.pop("url", ()):
                    self._address(content(address))
                for email in found.pop("emailAddress", ()):
                    self._people.named(PersonRole.OTHER, [self._people.email(email)])
                for phone in found.pop("phoneNumber", ()):
                    self._people.named(PersonRole.OTHER, [self._people.phone(phone)])
                for seen in found.pop("ipCaptureEvent", ()):
                    if (trace := read_trace(seen, values)) is not None:
                        self._traces.append(trace)
                for place in found.pop("incidentAddress", ()):
                    self._people.located_at(place)
                self._tell_all(kind, found)

    def _address(self, written: str) -> None:
        address = self._values.web_address(written)
        if address is None:
            return
        if len(self._addresses) < ADDRESSES_MAX:
            self._addresses.append(ItemDraft(kind=ItemKind.ADDRESS, address=address))
        else:
            self.problems.note(f"more than {ADDRESSES_MAX} addresses are named; the others were left out")

    def _reported_by(self, found: Children) -> None:
        values = self._values
        people = [grouped(each) for name in ("contactPerson", "reportingPerson") for each in found.get(name, ())]
        contacts = [
            contact
            for person in people
            for name in ("email", "phone")
            for each in person.get(name, ())
            if (contact := values.line(content(each))) is not None
        ]
        names = [
            name
            for person in reversed(people)
            if (name := values.line(" ".join(first(person, part, values) or "" for part in ("firstName", "lastName"))))
            is not None
        ]
        self._has_reporter = True
        self._reporter = Reporter(
            kind=ReporterKind.COMPANY, name=names[0] if names else None, contact=contacts[0] if contacts else None
        )
        for name in ("legalURL", "companyTemplate", "termsOfService"):
            self._told_last += [line for each in found.get(name, ()) if (line := told(name, each, values))]

    def _tell(self, name: str, element: Element) -> None:
        if line := told(name, element, self._values):
            self._told.append(line)

    def _tell_all(self, section: str, found: Children) -> None:
        for name, elements in found.items():
            for each in elements:
                self._tell(f"{section} {name}", each)

    def _at_platform(self, person: NamedPerson) -> NamedPerson:
        """Accounts whose service is not said are of where it happened."""
        scoped = {IdentifierKind.ACCOUNT, IdentifierKind.SCREEN_NAME}
        if self._platform is None or all(one.service or one.kind not in scoped for one in person.identifiers):
            return person
        identifiers = (
            replace(one, service=self._platform) if one.kind in scoped and one.service is None else one
            for one in person.identifiers
        )
        return replace(person, identifiers=tuple[Identifier, ...](identifiers))
