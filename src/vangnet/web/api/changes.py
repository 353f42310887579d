"""The change feed of our lists, for installations that follow them: signed pages, asked for with a signed request.

A request may wait until something changes. Waiting holds no thread and no connection of the database: it is the one
asynchronous handler, and what it asks of the database is done by few threads, however many subscribers wait.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from vangnet.errors import InvalidInput, SignatureRefused
from vangnet.registry.model.pages import MEDIA_TYPE
from vangnet.registry.model.requests import TAKEN_WITHIN, SignedRequest, read_authorization, require_signature
from vangnet.registry.service import sharing
from vangnet.registry.service.live import LiveIndex
from vangnet.web.access import PUBLIC, needs
from vangnet.web.api.words import DIGITS
from vangnet.web.site import Site
from vangnet.web.visit import Visit

router = APIRouter(prefix="/api/v1", tags=["Registry"])

WAIT_MAX_S = 30
_SEQ_MAX = 2**40 - 1
#: Fifty-five lists. More would not fit into one line of a request, however it is written (64 KiB).
_LISTS_MAX_CHARACTERS = 2_048
#: How many subscribers' pages are read from the database at the same time.
_READERS = 4
#: Changes that come within such a time are told together; for each further subscriber who waits, so much longer.
_GATHER_S, _GATHER_MORE_S, _GATHER_MAX_S = 0.02, 0.003, 0.4
#: Where no index follows the changes in this process, it is looked so often.
_LOOK_S = 0.2

_readers = CapacityLimiter(_READERS)


class _Used:
    """The numbers of requests that were answered: each counts once, in this process."""

    def __init__(self) -> None:
        self._until: dict[tuple[bytes, bytes], float] = {}
        self._lock = threading.Lock()

    def use(self, signed: SignedRequest) -> None:
        """Raises SignatureRefused where it was used before."""
        now = time.monotonic()
        with self._lock:
            # The oldest come first, because all are remembered equally long.
            while self._until and next(iter(self._until.values())) < now:
                del self._until[next(iter(self._until))]
            if (signed.key, signed.nonce) in self._until:
                raise SignatureRefused(problem="its number was used before")
            self._until[signed.key, signed.nonce] = now + 2 * TAKEN_WITHIN.total_seconds()


_used = _Used()
#: How many requests wait now.
_waiting: set[asyncio.Event] = set()


@router.get(
    "/changes",
    dependencies=[needs(PUBLIC)],
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {}}, "description": "A signed page."}},
)
async def read_changes(
    *,
    request: Request,
    visit: Visit,
    after: Annotated[int, Query(ge=0, le=_SEQ_MAX, description="The last change that you have; 0 for none."), DIGITS],
    shown: Annotated[
        str, Query(max_length=_LISTS_MAX_CHARACTERS, description="Ids of the lists whose changes are to be shown.")
    ] = "",
    known: Annotated[
        str, Query(max_length=_LISTS_MAX_CHARACTERS, description="Ids of all lists that you know to be shared with you.")
    ] = "",
    until: Annotated[int | None, Query(ge=0, le=_SEQ_MAX, description="The last change that you want."), DIGITS] = None,
    wait: Annotated[int, Query(ge=0, le=WAIT_MAX_S, description="For how many seconds the answer may wait."), DIGITS] = 0,
) -> Response:
    """Read what changed on the lists that are shared with you: a signed page, which continues a chain.

    The request is signed by your installation's key, in the header `Authorization`; the explanation of the registry's
    feed says how, and how to verify the page. With `wait` it is answered as soon as there is something to tell.
    """
    signed = _signed(request, visit.keys.public_key, visit.now)
    shown_ids, known_ids = _ids(shown, "shown"), _ids(known, "known")
    site: Site = visit.site
    began = time.monotonic()
    deadline = began + wait

    def read() -> tuple[bytes, bool]:
        with site.database.transaction() as conn:
            return sharing.read_page(
                conn,
                site.keys,
                signed=signed,
                after=after,
                until=until,
                shown=shown_ids,
                known=known_ids,
                now=visit.now + timedelta(seconds=time.monotonic() - began),
            )

    async with _told_of_changes(site.live) as changed:
        while True:
            changed.clear()
            page, due = await to_thread.run_sync(read, limiter=_readers)
            left_s = deadline - time.monotonic()
            if due or left_s <= 0 or (site.live is not None and site.live.ending):
                return Response(page, media_type=MEDIA_TYPE)
            try:
                await asyncio.wait_for(changed.wait(), left_s if site.live is not None else min(left_s, _LOOK_S))
            except TimeoutError:
                continue
            await asyncio.sleep(min(_GATHER_MAX_S, _GATHER_S + _GATHER_MORE_S * len(_waiting)))


@asynccontextmanager
async def _told_of_changes(live: LiveIndex | None) -> AsyncIterator[asyncio.Event]:
    """An event that is set whenever the stream grew or sharing changed."""
    changed, loop = asyncio.Event(), asyncio.get_running_loop()

    def tell() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(changed.set)

    _waiting.add(changed)
    if live is not None:
        live.call_on_change(tell)
    try:
        yield changed
    finally:
        _waiting.discard(changed)
        if live is not None:
            live.forget(tell)


def _signed(request: Request, recipient: bytes, now: datetime) -> SignedRequest:
    signed = read_authorization(request.headers.get("authorization"))
    query = request.scope["query_string"].decode("ascii", errors="replace")
    target = f"{request.scope['path']}?{query}"
    require_signature(signed, recipient=recipient, method=request.method, target=target, now=now)
    _used.use(signed)
    return signed


def _ids(text: str, field: str) -> frozenset[UUID]:
    try:
        return frozenset(UUID(one) for one in text.split(",") if one)
    except ValueError:
        raise InvalidInput(field=field, problem="must be ids of lists, separated by commas") from None
