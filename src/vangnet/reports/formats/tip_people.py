"""Who is named in a CyberTip, by what they can be known again, and where they were seen."""

from collections.abc import Iterable, Mapping

from vangnet.reports.formats.reading import Values
from vangnet.reports.formats.xml import Element, content, grouped
from vangnet.reports.model.drafts import Identifier, IdentifierKind, NamedPerson, PersonRole, Place, Trace

Children = Mapping[str, list[Element]]


def in_order(*names: str) -> Mapping[str, int]:
    """The place of each element in its section."""
    return {name: place for place, name in enumerate(names)}


#: The elements with a person's own data, by the section that they stand in.
_PERSON = {
    "personOrUserReported": "personOrUserReportedPerson",
    "intendedRecipient": "intendedRecipientPerson",
    "victim": "victimPerson",
}
ROLES = {
    "personOrUserReported": PersonRole.REPORTED,
    "intendedRecipient": PersonRole.RECIPIENT,
    "victim": PersonRole.VICTIM,
}
#: The order of elements in all of these sections (the form's own; each section has some of them).
ORDER = in_order(
    "personOrUserReportedPerson", "intendedRecipientPerson", "victimPerson", "vehicleDescription", "espIdentifier",
    "espService", "compromisedAccount", "screenName", "displayName", "profileUrl", "profileBio", "ipCaptureEvent",
    "deviceId", "thirdPartyUserReported", "schoolName", "priorCTReports", "groupIdentifier", "accountTemporarilyDisabled",
    "accountPermanentlyDisabled", "estimatedLocation", "allEmailsReported", "associatedAccount", "additionalInfo",
)  # fmt: skip
#: Kept as words, with the form's own name before them.
_TOLD = (
    "vehicleDescription", "compromisedAccount", "profileBio", "thirdPartyUserReported", "schoolName", "priorCTReports",
    "priorCTReport", "groupIdentifier", "accountTemporarilyDisabled", "accountPermanentlyDisabled", "additionalInfo",
)  # fmt: skip
_EVENTS = frozenset({"login", "registration", "purchase", "upload", "other", "unknown"})
OUT_OF_ORDER = "elements stand in another order than the form's; they were read all the same"
#: More of one kind than this in one report are not kept one by one.
LISTED_MAX = 10_000


class People:
    """Takes the sections about people of one report; what they say besides goes to `told`."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self.people: list[NamedPerson] = []
        self.places: list[Place] = []
        self.told: list[str] = []

    def take(self, section: str, element: Element) -> None:
        """A section about somebody."""
        found = grouped(element)
        check_order(found, ORDER, self._values)
        self._add(section, ROLES[section], [grouped(child) for child in found.get(_PERSON[section], ())], found)
        for account in found.get("associatedAccount", ()):
            # May be a parent's: a person of its own, until somebody says otherwise.
            inner = grouped(account)
            self._add("associatedAccount", PersonRole.OTHER, [inner], inner)

    def named(self, role: PersonRole, identifiers: Iterable[Identifier | None]) -> None:
        """Somebody of whom nothing else is said."""
        told = tuple(identifier for identifier in identifiers if identifier is not None)
        if told:
            self._append(NamedPerson(role=role, identifiers=told))

    def _add(self, section: str, role: PersonRole, own: list[Children], found: Children) -> None:
        values = self._values
        service = values.line(first(found, "espService", values) or first(found, "platform", values))
        identifiers: list[Identifier | None] = [
            self._identifier(IdentifierKind.ACCOUNT, first(found, "espIdentifier", values), service=service),
            self._identifier(IdentifierKind.SCREEN_NAME, first(found, "screenName", values), service=service),
        ]
        profiles = [values.web_address(content(each)) for each in found.get("profileUrl", ())]
        identifiers += [Identifier(kind=IdentifierKind.PROFILE, value=each) for each in profiles if each is not None]
        identifiers += [self._identifier(IdentifierKind.NAME, content(each)) for each in found.get("displayName", ())]
        identifiers += [self.device(each) for each in found.get("deviceId", ())]
        for children in own:
            identifiers += self._own(section, children)
        for each in found.get("estimatedLocation", ()):
            self._located(grouped(each))
        traces = tuple(trace for each in found.get("ipCaptureEvent", ()) if (trace := read_trace(each, values)) is not None)
        self.told += [
            line for name in _TOLD for each in found.get(name, ()) if (line := told(f"{section} {name}", each, values))
        ]
        kept = tuple(identifier for identifier in identifiers if identifier is not None)
        if kept or traces:
            self._append(NamedPerson(role=role, identifiers=kept[:LISTED_MAX], traces=traces[:LISTED_MAX]))

    def _append(self, person: NamedPerson) -> None:
        if len(self.people) < LISTED_MAX:
            self.people.append(person)
        else:
            self._values.problems.note(f"more than {LISTED_MAX} people are named; the others were left out")

    def _own(self, section: str, children: Children) -> list[Identifier | None]:
        """What is somebody's own, whatever service they use."""
        values = self._values
        name = " ".join(
            filter(None, (values.line(first(children, part, values)) for part in ("firstName", "middleName", "lastName")))
        )
        identifiers = [self._identifier(IdentifierKind.NAME, name)]
        identifiers += [self.phone(each) for each in children.get("phone", ())]
        identifiers += [self.email(each) for each in children.get("email", ())]
        identifiers.append(self._identifier(IdentifierKind.BIRTH_DATE, first(children, "dateOfBirth", values)))
        for age in (*children.get("age", ()), *children.get("approximateAge", ())):
            if line := told(f"{section} age", age, values):
                self.told.append(line)
        for address in children.get("address", ()):
            self.located_at(address)
        return identifiers

    def located_at(self, element: Element) -> None:
        """An address in a town. Street and house stay in what was delivered: no rule here needs them."""
        found = grouped(element)
        region = first(found, "state", self._values) or first(found, "nonUsaState", self._values)
        self._place(first(found, "country", self._values), region, first(found, "city", self._values))

    def _located(self, found: Children) -> None:
        self._place(*(first(found, name, self._values) for name in ("countryCode", "region", "city")))

    def _place(self, country: str | None, region: str | None, city: str | None) -> None:
        values = self._values
        place = Place(country=values.country(country), region=values.line(region), city=values.line(city))
        if place != Place() and place not in self.places and len(self.places) < LISTED_MAX:
            self.places.append(place)

    def _identifier(self, kind: IdentifierKind, written: str | None, *, service: str | None = None) -> Identifier | None:
        value = self._values.line(written)
        return None if value is None else Identifier(kind=kind, value=value, service=service)

    def email(self, element: Element) -> Identifier | None:
        """A mail address, and whether the service made sure of it."""
        value = self._values.line(content(element))
        if value is None:
            return None
        if "@" not in value.strip("@"):
            self._values.problems.note("a mail address is none, and was left out")
            return None
        return Identifier(kind=IdentifierKind.EMAIL, value=value, verified=self._values.flag(element.get("verified")))

    def phone(self, element: Element) -> Identifier | None:
        """A telephone number, with its country where that is said."""
        value = self._values.line(content(element))
        if value is None:
            return None
        calling = (element.get("countryCallingCode") or "").strip().removeprefix("+")
        if calling.isascii() and calling.isdigit() and len(calling) < 5 and not value.startswith(("+", "00")):
            # A zero before the number is dialled inside the country only (ITU-T E.123).
            value = f"+{calling}{value.removeprefix('0')}"
        return Identifier(kind=IdentifierKind.PHONE, value=value, verified=self._values.flag(element.get("verified")))

    def device(self, element: Element) -> Identifier | None:
        """A device's number."""
        return self._identifier(IdentifierKind.DEVICE, first(grouped(element), "idValue", self._values))


def read_trace(element: Element, values: Values) -> Trace | None:
    """An address that was seen, and when."""
    found = grouped(element)
    address = values.network_address(first(found, "ipAddress", values))
    at = values.time(first(found, "dateTime", values))
    port = values.port(first(found, "port", values))
    event = (first(found, "eventName", values) or "").strip().lower()
    if address is None:
        return None
    return Trace(
        address=address[0],
        at=at,
        port=port or address[1],
        event=event if event in _EVENTS else None,
        proxy=values.flag(first(found, "possibleProxy", values)),
    )


def first(found: Children, name: str, values: Values) -> str | None:
    """The text of an element that stands once."""
    elements = found.get(name)
    if elements is None:
        return None
    if len(elements) > 1:
        values.problems.note("an element that stands once stood several times; the first was read")
    return content(elements[0])


def told(name: str, element: Element, values: Values) -> str:
    """What an element says in words, behind its name; empty where it says nothing."""
    text = values.text(content(element))
    return f"{name}: {text}" if text else ""


def check_order(names: Iterable[str], places: Mapping[str, int], values: Values) -> None:
    """Says where elements stand otherwise than the form has them, or are not of the form."""
    before = unknown = 0
    for name in names:
        place = places.get(name)
        if place is None:
            unknown += 1
        elif place < before:
            values.problems.note(OUT_OF_ORDER)
        else:
            before = place
    values.problems.note("an element that the form does not have was passed over", unknown)
