"""Which files of a report the lists know: what they do not know stands out as unseen."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from vangnet.errors import IndexUnusable
from vangnet.hashing.index import RADIUS
from vangnet.hashing.model import Convention
from vangnet.registry.model.effects import Effect
from vangnet.registry.model.entries import HashAlgorithm
from vangnet.registry.service.live import LiveIndex, LiveMatch

#: What is looked up, surest first.
_DIGESTS = (HashAlgorithm.SHA256, HashAlgorithm.SHA1, HashAlgorithm.MD5)
_PDQ = HashAlgorithm.PDQ.value


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """A file as the lists are asked for it."""

    digests: tuple[tuple[str, bytes], ...] = field(repr=False)
    #: Its true PDQ hash, where that is trusted.
    pdq: bytes | None = field(default=None, repr=False)


def as_bytes(said: LookedUp) -> bytes:
    """A file's digests and hash, to be sealed: of each its name, its length and its value. Millions are written."""
    values = [*said.digests, *(() if said.pdq is None else ((_PDQ, said.pdq),))]
    return b"".join(b"%b\0%b%b" % (name.encode(), bytes([len(value)]), value) for name, value in values)


def from_bytes(written: bytes) -> LookedUp:
    """What `as_bytes` wrote."""
    found: list[tuple[str, bytes]] = []
    while written:
        name, _, rest = written.partition(b"\0")
        end = 1 + rest[0]
        found.append((name.decode(), rest[1:end]))
        written = rest[end:]
    return LookedUp(
        digests=tuple(one for one in found if one[0] != _PDQ),
        pdq=next((value for name, value in found if name == _PDQ), None),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """The listed entry that a file is, or is near to."""

    entry_id: int
    #: In how many bits the hashes differ; 0 where a digest is the same.
    distance: int


def recognise(live: LiveIndex | None, files: Sequence[LookedUp]) -> list[Recognised | None] | None:
    """For each file the entry that it is, if any; None in the place of all where the lists cannot be asked now.

    Only entries that decide here count. One that is proposed or disputed, or on a list that is tried out, may be wrong: a
    person is to look at such a file as at any other.
    """
    if live is None:
        return None
    try:
        listed = {name: live.screen(name, _values(files, name)) for name in _DIGESTS}
        return [_by_digest(live, file, listed) or _by_picture(live, file) for file in files]
    except IndexUnusable:
        return None


def _values(files: Sequence[LookedUp], name: HashAlgorithm) -> list[bytes]:
    return [value for file in files for algorithm, value in file.digests if algorithm == name]


def _by_digest(live: LiveIndex, file: LookedUp, listed: dict[HashAlgorithm, set[bytes]]) -> Recognised | None:
    for name in _DIGESTS:
        for algorithm, value in file.digests:
            if algorithm == name and value in listed[name] and (found := _deciding(live.find_digest(name, value))):
                return found
    return None


def _by_picture(live: LiveIndex, file: LookedUp) -> Recognised | None:
    return None if file.pdq is None else _deciding(live.lookup(file.pdq, RADIUS, Convention.FULL))


def _deciding(matches: Sequence[LiveMatch]) -> Recognised | None:
    return next(
        (Recognised(entry_id=one.entry_id, distance=one.distance) for one in matches if one.effect is Effect.DECIDES), None
    )
