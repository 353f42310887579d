"""Reports over HTTP: where providers' programs send theirs, and learn what became of what they sent."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from vangnet.errors import TooLarge
from vangnet.identity.permissions import Permission
from vangnet.identity.service import api_keys
from vangnet.reports.formats.reading import UnreadableReason
from vangnet.reports.model.deliveries import DELIVERY_MAX, DeliveryState
from vangnet.reports.model.drafts import IdentifierKind, Incident, ItemKind, PersonRole, Sign, Source
from vangnet.reports.service.intake import deliveries
from vangnet.web.access import needs
from vangnet.web.api.words import DIGITS
from vangnet.web.visit import OneVisit, Visit

router = APIRouter(prefix="/api/v1", tags=["Reports"])

_PATHS = ("/api/v1/reports", "/api/v1/reports/xarf", "/api/v1/reports/csv")
LARGER_BODIES: dict[str, int | None] = dict.fromkeys(_PATHS, DELIVERY_MAX)
_Line = Annotated[str, Field(max_length=1000)]
_Time = Annotated[str, Field(max_length=40, description="ISO 8601 with a zone.")]


class TraceGiven(BaseModel):
    """An address on the network that was seen, and when."""

    model_config = ConfigDict(extra="forbid")

    address: _Line = Field(description="IPv4 or IPv6.")
    at: _Time | None = None
    port: int | None = Field(default=None, ge=1, le=65535, description="The port.")
    event: _Line | None = Field(default=None, description="What happened, such as `upload` or `login`.")
    proxy: bool | None = Field(default=None, description="Whether somebody else seems to be behind it.")


class IdentifierGiven(BaseModel):
    """By what somebody can be known again."""

    model_config = ConfigDict(extra="forbid")

    kind: IdentifierKind = Field(description="What it is.")
    value: _Line = Field(description="As it is written there.")
    service: _Line | None = Field(default=None, description="The service at which it means something.")
    verified: bool | None = Field(default=None, description="Whether you made sure of it.")


class PersonGiven(BaseModel):
    """Somebody who is named. A person named is not an offender."""

    model_config = ConfigDict(extra="forbid")

    role: PersonRole = Field(description="What they have to do with it.")
    identifiers: list[IdentifierGiven] = Field(default=[], description="By what they can be known again.")
    traces: list[TraceGiven] = Field(default=[], description="Where they were seen.")


class PlaceGiven(BaseModel):
    """Where it happened."""

    model_config = ConfigDict(extra="forbid")

    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = Field(default=None, description="ISO 3166-1.")
    region: _Line | None = Field(default=None, description="A region.")
    city: _Line | None = Field(default=None, description="A town.")


class ClassifiedGiven(BaseModel):
    """What it was classified as."""

    model_config = ConfigDict(extra="forbid")

    scheme: Annotated[str, Field(max_length=100)] = Field(description="Whose codes these are, such as `ncmec`.")
    code: Annotated[str, Field(max_length=100)] = Field(description="The code.")


class ItemGiven(BaseModel):
    """A file, a hash or an address. Files themselves are never sent here."""

    model_config = ConfigDict(extra="forbid")

    kind: ItemKind = Field(description="What it is.")
    reference: Annotated[str, Field(max_length=200)] | None = Field(default=None, description="Your own number of it.")
    file_name: _Line | None = Field(default=None, description="Its name.")
    address: Annotated[str, Field(max_length=8192)] | None = Field(default=None, description="Where it is, or was.")
    hashes: dict[str, str] = Field(default={}, description="By name: `md5`, `sha1`, `sha256` and `pdq` as hex digits.")
    size_bytes: int | None = Field(default=None, ge=0, description="Its size.")
    media_type: Annotated[str, Field(max_length=100)] | None = Field(default=None, description="Such as `image/jpeg`.")
    viewed: bool | None = Field(
        default=None,
        description="Whether a person at yours viewed it. Leave it out where that is not known: never a constant.",
    )
    public: bool | None = Field(default=None, description="Whether anybody could see it.")
    supplemental: bool = Field(default=False, description="Not what is reported, but sent along to explain it.")
    classified: ClassifiedGiven | None = Field(default=None, description="What it was classified as.")
    signs: list[Sign] = Field(default=[], description="What you say of it.")
    at: _Time | None = None
    traces: list[TraceGiven] = Field(default=[], description="From where it was put there.")
    text: _Line | None = Field(default=None, description="Anything else.")


class ReportGiven(BaseModel):
    """A report."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"incident": "material", "items": [{"kind": "address", "address": "https://pictures.example/1"}]}]
        },
    )

    reference: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="Your own number: with it, the same report with changes is another version of it."
    )
    reported_at: _Time | None = None
    incident: Incident = Field(default=Incident.OTHER, description="What it is about.")
    incident_at: _Time | None = None
    signs: list[Sign] = Field(default=[], description="What you say that bears on the order.")
    contact: _Line | None = Field(default=None, description="Whom to ask at yours.")
    people: list[PersonGiven] = Field(default=[], description="Who is named.")
    traces: list[TraceGiven] = Field(default=[], description="Addresses on the network that belong to nobody named.")
    places: list[PlaceGiven] = Field(default=[], description="Where it happened.")
    items: list[ItemGiven] = Field(default=[], description="What is reported.")
    text: Annotated[str, Field(max_length=200_000)] | None = Field(default=None, description="Anything else.")
    language: Annotated[str, Field(pattern="^(nl|en)$")] | None = Field(default=None, description="Of the text.")


class DeliveryProblemAnswer(BaseModel):
    """A part of what you sent that could not be read."""

    where: str = Field(description="Where it stands, such as `line 3`.")
    reason: UnreadableReason = Field(description="Why.")
    problem: str = Field(description="What is wrong, in a sentence.")


class DeliveryAnswer(BaseModel):
    """What became of what you sent."""

    id: int = Field(description="The delivery's number.")
    state: DeliveryState = Field(description="How it stands.")
    received_at: datetime = Field(description="When it came.")
    reports: int = Field(description="How many reports were read from it.")
    bad: int = Field(description="How many parts of it could not be read.")
    problems: list[DeliveryProblemAnswer] = Field(description="The first of them.")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > DELIVERY_MAX:
            raise TooLarge(limit_bytes=DELIVERY_MAX)
    return bytes(body)


_Body = Annotated[bytes, Depends(_body)]


def _described(media_type: str, schema: dict[str, object]) -> dict[str, object]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


@router.post(
    "/reports",
    status_code=202,
    dependencies=[needs(Permission.REPORT_TAKE)],
    openapi_extra=_described("application/json", {"$ref": "#/components/schemas/ReportGiven"}),
)
def take_report(visit: Visit, body: _Body) -> DeliveryAnswer:
    """Take a report in our own form.

    It is kept as it came, and read soon after: ask for the delivery to learn what became of it. The same bytes again are
    the same delivery. A key that was given to a party makes it that party's report.
    """
    return _accepted(visit, Source.API, body)


@router.post(
    "/reports/xarf",
    status_code=202,
    dependencies=[needs(Permission.REPORT_TAKE)],
    openapi_extra=_described("application/json", {"type": "object", "description": "XARF 4, `content/csam`."}),
)
def take_xarf(visit: Visit, body: _Body) -> DeliveryAnswer:
    """Take XARF, version 4, `content/csam`: one report or an array of them. Media in it are never kept."""
    return _accepted(visit, Source.XARF, body)


@router.post(
    "/reports/csv",
    status_code=202,
    dependencies=[needs(Permission.REPORT_TAKE)],
    openapi_extra=_described("text/csv", {"type": "string", "description": "One address a line, as SCART takes them."}),
)
def take_csv(visit: Visit, body: _Body) -> DeliveryAnswer:
    """Take a table of addresses, each line a report."""
    return _accepted(visit, Source.CSV, body)


@router.get("/deliveries/{delivery_id}", dependencies=[needs(Permission.REPORT_TAKE)])
def get_delivery(
    visit: Visit, delivery_id: Annotated[int, Path(ge=1, le=2**63 - 1, description="The delivery's number."), DIGITS]
) -> DeliveryAnswer:
    """What became of what you sent. A party's key sees its own deliveries only."""
    with visit.transaction() as conn:
        found = deliveries.follow(
            conn, visit.actor, keys=visit.keys, delivery_id=delivery_id, party_id=api_keys.party_of(conn, visit.actor)
        )
    return _answer(found)


def _accepted(visit: OneVisit, source: Source, body: bytes) -> DeliveryAnswer:
    with visit.transaction() as conn:
        party_id = api_keys.party_of(conn, visit.actor)
        delivery = deliveries.accept(
            conn, visit.actor, keys=visit.keys, source=source, content=body, party_id=party_id, now=visit.now
        )
        first = delivery
        if delivery.state is DeliveryState.AGAIN:
            first = deliveries.first_like(
                conn, visit.actor, keys=visit.keys, source=source, content=body, party_id=party_id
            )
        found = deliveries.follow(conn, visit.actor, keys=visit.keys, delivery_id=first.id, party_id=party_id)
    return _answer(found)


def _answer(found: deliveries.Shown) -> DeliveryAnswer:
    delivery = found.delivery
    return DeliveryAnswer(
        id=delivery.id,
        state=delivery.state,
        received_at=delivery.received_at,
        reports=delivery.reports,
        bad=delivery.bad,
        problems=[DeliveryProblemAnswer(where=one.where, reason=one.reason, problem=one.problem) for one in found.problems],
    )
