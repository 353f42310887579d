"""Counting attempts and making guessers wait, in the database: it holds across processes and restarts."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from vangnet.db import Connection
from vangnet.errors import TooManyAttempts
from vangnet.identity.model.attempts import LIMITS, AttemptKind, network_of, retry_after_s, wait_s
from vangnet.identity.store import attempts as store

Subject = tuple[AttemptKind, bytes]


def subject(kind: AttemptKind, *parts: str) -> Subject:
    """What is counted. As a digest: the table shall be no list of addresses."""
    return kind, hashlib.sha256("\x00".join([kind, *parts]).encode()).digest()


def from_address(kind: AttemptKind, address: str) -> Subject:
    """What is counted by where somebody comes from."""
    return subject(kind, network_of(address))


def begin(conn: Connection, subjects: Sequence[Subject], *, now: datetime) -> None:
    """Raises TooManyAttempts where one of these must wait, or where another attempt on the first is under way."""
    if not store.take_turn(conn, *subjects[0]):
        raise TooManyAttempts(retry_after_s=1)
    _require_no_wait(conn, subjects, now)


def failed(conn: Connection, subjects: Sequence[Subject], *, now: datetime) -> None:
    """Counts a failure for each of these."""
    # In one order, so that two failures at the same moment do not wait for each other.
    for kind, digest in sorted(subjects):
        limit = LIMITS[kind]
        failures = store.count_failure(conn, kind, digest, forget_before=now - limit.forget_after, now=now)
        if wait := wait_s(limit, failures):
            store.update_blocked(conn, kind, digest, blocked_until=now + timedelta(seconds=wait))


def succeeded(conn: Connection, subjects: Sequence[Subject]) -> None:
    """Forgets the failures of these: they were slips."""
    for kind, digest in sorted(subjects):
        store.remove_attempts(conn, kind, digest)


def token_failed(conn: Connection, address: str, *, now: datetime) -> None:
    """Counts a token that is none. Raises TooManyAttempts where its sender must wait.

    Asked only after the token was looked up: a right one has 256 random bits and is no guess, and many programs can stand
    behind one address.
    """
    counted = [from_address(AttemptKind.TOKEN, address)]
    _require_no_wait(conn, counted, now)
    failed(conn, counted, now=now)


def _require_no_wait(conn: Connection, subjects: Sequence[Subject], now: datetime) -> None:
    waits = [retry_after_s(attempts, now) for attempts in store.list_attempts(conn, subjects)]
    if longest := max(waits, default=0):
        raise TooManyAttempts(retry_after_s=longest)
