"""Doors that take one digest and answer yes or no: the Dutch hash check, and the question that nginx's auth_request asks.

Both are HTTP with a log-in: the API key is the password of Basic authentication, or a bearer token. Neither ever says "not
listed" about what could not be looked up. A digest alone proves little (MD5 and SHA-1 can be forged), so what it matches is
held under most policies; clients of the Dutch check remove files on `true`, so a match that is held is neither `true` nor
`false` there.
"""

from enum import StrEnum

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from vangnet.audit.model import ActorKind
from vangnet.errors import Conflict, InvalidInput, Unavailable
from vangnet.gate.model import CheckAnswer, Decision, Door, GivenHash, HashCheck, Outcome
from vangnet.identity.permissions import Permission
from vangnet.web.access import needs
from vangnet.web.api.upload import pieces
from vangnet.web.visit import OneVisit, Visit

router = APIRouter(prefix="/v1", tags=["Gate"])


class WeakDigest(StrEnum):
    MD5 = "md5"  #: 32 hexadecimal digits.
    SHA1 = "sha1"  #: 40 hexadecimal digits.


class Digest(StrEnum):
    MD5 = "md5"  #: 32 hexadecimal digits.
    SHA1 = "sha1"  #: 40 hexadecimal digits.
    SHA256 = "sha256"  #: 64 hexadecimal digits.


_BYTES = {"md5": 16, "sha1": 20, "sha256": 32}


class NotChecked(Unavailable):
    """The gate could not look the digest up."""

    message = "the hash could not be checked now; this is not the same as not listed"


@router.post("/check/{algorithm}", dependencies=[needs(Permission.GATE_CHECK)])
async def check_digest(algorithm: WeakDigest, visit: Visit) -> Response:
    """Whether a file with this digest is on a list that decides here.

    `true` where the policy blocks what matched, `false` where nothing that decides is listed. 409 where a match is held: a
    person decides. 503 where it could not be looked up.
    """
    body = b"".join([piece async for piece in pieces(visit.request)])
    return await run_in_threadpool(_answer_dutch, visit, algorithm.value, body)


@router.post("/decide/{algorithm}", dependencies=[needs(Permission.GATE_CHECK)])
async def decide_digest(algorithm: Digest, visit: Visit) -> Response:
    """Whether a file with this digest may be given out: 204 yes, 403 no, 503 could not be checked.

    For proxies that ask by the status alone, such as nginx with `auth_request`.
    """
    body = b"".join([piece async for piece in pieces(visit.request)])
    return await run_in_threadpool(_answer_status, visit, algorithm.value, body)


def _answer_dutch(visit: OneVisit, algorithm: str, body: bytes) -> Response:
    answer = _checked(visit, Door.DUTCH, algorithm, body)
    match answer.decision:
        case Decision.ALLOW:
            text = "false"
        case Decision.BLOCK:
            text = "true"
        case Decision.HOLD:
            raise Conflict(problem=f"a match is held until a person decided: check {answer.check_id}")
    return Response(text, headers=_headers(answer), media_type="application/json")


def _answer_status(visit: OneVisit, algorithm: str, body: bytes) -> Response:
    answer = _checked(visit, Door.HASHES, algorithm, body)
    return Response(status_code=204 if answer.decision is Decision.ALLOW else 403, headers=_headers(answer))


def _checked(visit: OneVisit, door: Door, algorithm: str, body: bytes) -> CheckAnswer:
    gate = visit.site.gate
    if gate is None:
        raise NotChecked
    check = HashCheck(hashes=(GivenHash(algorithm=algorithm, value=_value(algorithm, body)),))
    key = visit.actor.id if visit.actor.kind is ActorKind.API_KEY else None
    (answer,) = gate.check_hashes([check], door=door, provider_key=key, now=visit.now)
    if answer.outcome is Outcome.UNAVAILABLE:
        raise NotChecked
    return answer


def _value(algorithm: str, body: bytes) -> bytes:
    """The digest: its hexadecimal digits, also quoted as JSON has them, or its bytes themselves."""
    length = _BYTES[algorithm]
    if len(body) == length:
        return body
    text = body.strip().removeprefix(b'"').removesuffix(b'"')
    if len(text) == 2 * length and text.isalnum():
        try:
            return bytes.fromhex(text.decode("ascii"))
        except ValueError:
            pass
    raise InvalidInput(field="body", problem=f"must be {2 * length} hexadecimal digits")


def _headers(answer: CheckAnswer) -> dict[str, str]:
    return {"X-Vangnet-Decision": answer.decision.value, "X-Vangnet-Check": str(answer.check_id)}
