"""A thread beside the checks that every change of the lists wakes, and that no fault of the database ends."""

import threading
from collections.abc import Callable

import psycopg

from vangnet.errors import AppError
from vangnet.registry.service.live import LiveIndex


class WokenThread:
    """From `start` to `stop`; what it runs is to return once it is `stopping`."""

    def __init__(self, run: Callable[[], None], *, name: str, live: LiveIndex, on_problem: Callable[[str], None]) -> None:
        """`on_problem` is told the code of what hampers the work, once until it went well again or another thing does."""
        self._live = live
        self._on_problem = on_problem
        self._problem: str | None = None
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=run, name=name, daemon=True)

    def start(self) -> None:
        """Begins. It is started once."""
        self._live.call_on_change(self._woken.set)
        self._thread.start()

    def stop(self) -> None:
        """Has it return, and waits for that."""
        self._live.forget(self._woken.set)
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def stopping(self) -> bool:
        """Whether it is to return."""
        return self._stopping.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits so long, or until the lists change; whether they did."""
        changed = self._woken.wait(seconds)
        if changed:
            self._woken.clear()
        return changed

    def guarded(self, work: Callable[[], None]) -> None:
        """Does the work; what hampers it is told, and raised no further."""
        try:
            work()
        except (AppError, psycopg.Error) as error:
            # A driver's message can quote a row; its type cannot.
            problem = error.code if isinstance(error, AppError) else type(error).__name__
            if problem != self._problem:
                self._on_problem(problem)
            self._problem = problem
        else:
            self._problem = None
