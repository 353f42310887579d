"""Threads for checks, apart from those of the pages: neither keeps the other waiting."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Answer = TypeVar("_Answer")


class Turns:
    """So many at once. Nobody waits in a queue: whoever gets no turn hears so early. For use on the event loop alone."""

    def __init__(self, at_once: int) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="vangnet-check")
        self._left = at_once

    async def run(self, work: Callable[[], _Answer]) -> _Answer | None:
        """What `work` returns, done in a thread; None where all of them are taken."""
        if not self._left:
            return None
        self._left -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._left += 1
