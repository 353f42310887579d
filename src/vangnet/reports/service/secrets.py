"""What of reports is sealed, and by which codes it is known again without being opened."""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from vangnet.errors import DatabaseRefused
from vangnet.keys import Keys, Mac, Sealer
from vangnet.reports.model.drafts import Reporter, Source


@dataclass(frozen=True, slots=True)
class Secrets:
    """The sealers and codes of reports, derived once from an installation's keys. Its repr shows nothing."""

    content: Sealer
    delivery: Sealer
    problem: Sealer
    note: Sealer
    look: Sealer
    hash: Sealer
    follow_up: Sealer
    picture: Sealer
    leader: Sealer
    digest: Mac
    reference: Mac
    whole: Mac
    receipt: Mac
    value: Mac
    check: Mac

    def reference_of(self, source: Source, reporter: Reporter, reference: str | None) -> bytes | None:
        """By what a second delivery of a report is known: the reporter's own number of it."""
        if reference is None:
            return None
        return self.reference("\0".join((source, reporter.kind, reporter.name or "", reference)).encode())

    def digest_of(self, digest: bytes) -> bytes:
        """By what a file is known again, 16 bytes. The length of a digest tells its kind."""
        return self.digest(digest)[:16]

    def digests_of(self, digests: Sequence[bytes]) -> list[bytes]:
        """The same of many."""
        return [code[:16] for code in self.digest.each(list(digests))]

    def values_of(self, values: Sequence[bytes]) -> list[bytes]:
        """By what values of reports are compared, 16 bytes each."""
        return [code[:16] for code in self.value.each(list(values))]

    def content_of(self, parts: Sequence[bytes]) -> bytes:
        """By what equal content is known."""
        whole = hashlib.sha256()
        for part in parts:
            whole.update(hashlib.sha256(part).digest())
        return self.whole(whole.digest())


@functools.lru_cache(maxsize=8)
def secrets_of(keys: Keys) -> Secrets:
    """The secrets of an installation."""
    return Secrets(
        content=keys.sealer("report content"),
        delivery=keys.sealer("report delivery"),
        problem=keys.sealer("report problem"),
        note=keys.sealer("report note"),
        look=keys.sealer("report look"),
        hash=keys.sealer("report hash"),
        follow_up=keys.sealer("report follow-up"),
        picture=keys.sealer("report picture"),
        leader=keys.sealer("report cluster"),
        digest=keys.mac("report digest"),
        reference=keys.mac("report reference"),
        whole=keys.mac("report bytes"),
        receipt=keys.mac("report receipt"),
        value=keys.mac("report value"),
        check=keys.mac("report check"),
    )


def opened(sealer: Sealer, sealed: bytes, *bound_to: int) -> bytes:
    """What was sealed for this place. Raises DatabaseRefused where it does not open."""
    try:
        return sealer.unseal(sealed, place(*bound_to))
    except ValueError as error:
        raise DatabaseRefused(problem=str(error), remedy="give it the keys folder that it was written with") from error


def place(*numbers: int) -> bytes:
    """The place that something is sealed to, such as the number of a report, its version and the part."""
    return b"".join(number.to_bytes(8, "big") for number in numbers)
