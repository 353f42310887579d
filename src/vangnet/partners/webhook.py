"""The provider's own system, which takes what we tell it as Standard Webhooks. Redirects are not followed."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from vangnet.gate.webhooks import signed_headers
from vangnet.partners.transport import Transport

#: What the receiver says beside its status is not read by anybody.
_ANSWER_MAX_BYTES = 64 * 1024


def send(transport: Transport, url: str, *, id_: str, body: bytes, secrets: Sequence[bytes], now: datetime) -> int:
    """Sends a message, signed for this moment; returns the status of the answer.

    Raises PartnerUnreachable where there is none, PartnerRefused where it sends us on or says too much, InvalidInput for
    an address that may not be used.
    """
    parts = urlsplit(url)
    answer = transport.exchange(
        "POST",
        f"{parts.scheme}://{parts.netloc}",
        parts.path,
        headers={"content-type": "application/json", **signed_headers(secrets, id_=id_, at=now, body=body)},
        partner="the webhook's receiver",
        max_bytes=_ANSWER_MAX_BYTES,
        body=body,
    )
    return answer.status
