"""Another installation of Vangnet, over HTTP: who it is, and handing something to it."""

import re
from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vangnet.errors import AppError, PartnerRefused, PartnerUnreachable
from vangnet.handoff.model import PROTOCOL, Refusal
from vangnet.handoff.model.receipts import RECEIPT_MAX_BYTES
from vangnet.identity.model import InstallationKind
from vangnet.identity.model.text import checked_base_url, checked_line
from vangnet.keys import fingerprint
from vangnet.partners.transport import Answer, Transport
from vangnet.registry.model.pages import MEDIA_TYPE, PAGE_MAX_BYTES
from vangnet.registry.model.subscriptions import Question

INSTALLATION_PATH = "/api/v1/installation"
HANDOFFS_PATH = "/api/v1/hand-offs"
CHANGES_PATH = "/api/v1/changes"
_DOCUMENT_MAX_BYTES = 16 * 1024
_OK, _CLIENT_ERRORS = 200, range(400, 500)


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)

    protocol: Literal[1]
    kind: str
    name: str
    public_key: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _AnyProblem(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)

    code: str


class _Problem(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)

    code: Literal["handoff_refused"]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationFound:
    """What an installation says about itself. Nothing of it is proved; the fingerprint is compared by people."""

    name: str
    kind: InstallationKind
    base_url: str
    public_key: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Of the key, worked out here: what the other side says its fingerprint is proves nothing."""
        return fingerprint(self.public_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The other installation answered with a receipt, which nobody verified yet."""

    receipt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The other installation does not take the hand-off, and sending it again would not help."""

    reason: Refusal


def fetch_installation(transport: Transport, base_url: str) -> InstallationFound:
    """Asks the installation at `base_url` who it is. Raises InvalidInput, PartnerUnreachable, PartnerRefused."""
    partner = "the installation at that address"
    answer = transport.get(base_url, INSTALLATION_PATH, partner=partner, max_bytes=_DOCUMENT_MAX_BYTES)
    if answer.status != _OK:
        raise PartnerRefused(partner=partner, problem=f"it answered {answer.status}; is it a Vangnet installation?")
    try:
        document = _Document.model_validate_json(answer.body)
        return InstallationFound(
            name=checked_line(document.name, field="name"),
            kind=InstallationKind(document.kind),
            base_url=checked_base_url(base_url),
            public_key=bytes.fromhex(document.public_key),
        )
    except (ValueError, AppError) as error:
        raise PartnerRefused(partner=partner, problem=f"it does not speak version {PROTOCOL} of our protocol") from error


def deliver(transport: Transport, base_url: str, body: bytes, *, partner: str) -> Accepted | Refused:
    """Posts a signed envelope. Everything that is neither a receipt nor a refusal in our own words may pass: try again.

    Raises PartnerUnreachable, PartnerRefused, InvalidInput for an address that may not be used.
    """
    answer = transport.post(
        base_url,
        HANDOFFS_PATH,
        body,
        media_type="application/json",
        partner=partner,
        max_bytes=max(RECEIPT_MAX_BYTES, _DOCUMENT_MAX_BYTES),
    )
    if answer.status == _OK:
        return Accepted(receipt=answer.body)
    if answer.status in _CLIENT_ERRORS:
        refusal = _refusal(answer)
        if refusal is not None:
            return Refused(reason=refusal)
    # A proxy's own page, an overloaded server, a release that is being installed: not the installation's word.
    raise PartnerUnreachable(partner=partner, problem=f"it answered {answer.status}")


def changes_target(question: Question, *, wait_s: int) -> str:
    """The path and query with which a page of changes is asked for; it is what is signed."""
    asked = {
        "after": str(question.cursor.position),
        "known": ",".join(sorted(map(str, question.known))),
        "shown": ",".join(sorted(map(str, question.shown))),
        "wait": str(wait_s),
    }
    if question.until is not None:
        asked["until"] = str(question.until)
    return f"{CHANGES_PATH}?{urlencode(asked, safe=',')}"


def fetch_changes(transport: Transport, base_url: str, target: str, *, authorization: str, partner: str) -> bytes:
    """Asks for a page of changes; nothing of it is verified. Raises PartnerUnreachable, PartnerRefused."""
    answer = transport.get(base_url, target, partner=partner, max_bytes=PAGE_MAX_BYTES, authorization=authorization)
    if answer.status == _OK and answer.media_type == MEDIA_TYPE:
        return answer.body
    if answer.status in _CLIENT_ERRORS and answer.media_type == "application/problem+json":
        raise PartnerRefused(partner=partner, problem=f"it does not take our signed request ({_problem_code(answer)})")
    # A proxy's own page, an overloaded server, a release that is being installed: not the installation's word.
    raise PartnerUnreachable(partner=partner, problem=f"it answered {answer.status}")


def _problem_code(answer: Answer) -> str:
    try:
        code = _AnyProblem.model_validate_json(answer.body).code
    except ValidationError:
        return str(answer.status)
    return code if re.fullmatch("[a-z_]{1,40}", code) else str(answer.status)


def _refusal(answer: Answer) -> Refusal | None:
    if answer.media_type != "application/problem+json":
        return None
    try:
        reason = _Problem.model_validate_json(answer.body).reason
    except ValidationError:
        return None
    return Refusal(reason) if reason in set(Refusal) else None
