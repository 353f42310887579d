"""Who acts: as it is written beside a record, and whether it is a person whose word counts as one of two."""

from vangnet.audit.model import Actor, ActorKind
from vangnet.errors import Conflict

#: Somebody with a shell here counts as one person, too: by the number of their account.
_PEOPLE = frozenset({ActorKind.PERSON, ActorKind.CONSOLE})


def name_of(actor: Actor) -> str:
    """An actor as it is written beside a record: kind and id, no name."""
    return f"{actor.kind}:{actor.id}"


def require_person(actor: Actor) -> str:
    """The actor's name. Raises Conflict for a program: its word is not that of a person."""
    if actor.kind not in _PEOPLE:
        raise Conflict(problem="this takes a person, and a program asked for it")
    return name_of(actor)
