"""Hash lists for tests: people who act on them, made-up hashes, rows as a reader yields them."""

import hashlib
import random
from collections.abc import Iterable, Sequence
from uuid import UUID

from vangnet.audit.model import Actor, ActorKind
from vangnet.hashing.model import Convention
from vangnet.identity.permissions import ROLE_PERMISSIONS, Permission, Role
from vangnet.registry.formats.reading import Taken
from vangnet.registry.model.entries import Category, EntryDraft, HashAlgorithm, ListedHash, MediaKind

ANNE = Actor(kind=ActorKind.PERSON, id=str(UUID(int=1)), permissions=ROLE_PERMISSIONS[Role.CURATOR])
BRAM = Actor(kind=ActorKind.PERSON, id=str(UUID(int=2)), permissions=ROLE_PERMISSIONS[Role.CURATOR])
#: Does the daily work; no curator.
CARL = Actor(kind=ActorKind.PERSON, id=str(UUID(int=3)), permissions=ROLE_PERMISSIONS[Role.STAFF])
#: What checks uploads.
GATE = Actor(kind=ActorKind.SYSTEM, id="gate", permissions=frozenset({Permission.REGISTRY_MATCH}))


def md5(word: str) -> ListedHash:
    """The MD5 of a word."""
    return ListedHash(algorithm=HashAlgorithm.MD5, value=hashlib.md5(word.encode(), usedforsecurity=False).digest())


def pdq(value: bytes, *, quality: int | None = 100, convention: Convention = Convention.FULL) -> ListedHash:
    """A PDQ hash."""
    return ListedHash(algorithm=HashAlgorithm.PDQ, value=value, convention=convention, quality=quality)


def near(value: bytes, distance: int, seed: int = 0) -> bytes:
    """A hash in exactly `distance` bits beside another."""
    number = int.from_bytes(value)
    for bit in random.Random(seed).sample(range(256), distance):  # noqa: S311 (a test's)
        number ^= 1 << bit
    return number.to_bytes(32)


def draft(
    word: str,
    *,
    category: str = "A1",
    scheme: str = "ncmec",
    hashes: Sequence[ListedHash] | None = None,
    reference: str | None = None,
) -> EntryDraft:
    """An entry as a supplier gives it, of an MD5 and a PDQ hash that follow from `word`."""
    if hashes is None:
        hashes = [md5(word), pdq(hashlib.sha256(word.encode()).digest())]
    return EntryDraft(
        media_kind=MediaKind.IMAGE,
        hashes=tuple(hashes),
        category=Category(scheme=scheme, name=category),
        reference=reference,
    )


def rows(drafts: Iterable[EntryDraft], *, first: int = 1) -> list[Taken]:
    """Rows as a reader yields them."""
    return [Taken(position=position, draft=one) for position, one in enumerate(drafts, first)]
