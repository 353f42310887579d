"""An upload of before is judged as a check would be: by the index as the gate's process has it, and by its policy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.gate.matching import Examined
from vangnet.gate.model import GivenHash, PictureHash
from vangnet.gate.past import MAC, KeptUpload, later_match
from vangnet.gate.service import decisions, policies
from vangnet.gate.service.policies import ChosenPolicy
from vangnet.keys import Keys
from vangnet.registry.model.lists import Choice
from vangnet.registry.service import new_listings


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The index as the gate's process has it, and what looks hashes up in it."""

    sequence: int
    choices: Mapping[UUID, Choice]
    #: The widest radius of any list.
    radius: int
    examine: Callable[[Sequence[GivenHash]], Examined]
    #: The same for pictures, in all views, of which there is the hash alone.
    examine_pictures: Callable[[Sequence[PictureHash]], Examined]
    #: Those of many values of one algorithm that are listed anywhere.
    screen: Callable[[str, Sequence[bytes]], set[bytes]]
    #: Those of many pictures that are near a listed one in any view.
    screen_pictures: Callable[[Sequence[PictureHash]], set[PictureHash]]


def is_current(conn: Connection, index: Index, policy: ChosenPolicy) -> bool:
    """Whether this process knows what was chosen; what is not numbered by the stream of changes."""
    return index.choices == new_listings.choices(conn) and policies.version(conn) == policy.version


def keep_later(
    conn: Connection,
    actor: Actor,
    upload: KeptUpload,
    examined: Examined,
    *,
    index: Index,
    policy: ChosenPolicy,
    keys: Keys,
    now: datetime,
) -> None:
    """Keeps what an upload of before comes to, once."""
    kept = later_match(
        upload,
        examined.found,
        policy=policy.policy,
        policy_version=policy.version,
        digests=examined.digests,
        checked=examined.checked,
        index_version=index.sequence,
        mac=keys.mac(MAC),
        now=now,
    )
    if kept is not None:
        decisions.keep(conn, actor, kept, policy=policy.policy, keys=keys, now=now)
