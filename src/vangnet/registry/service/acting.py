"""Whether whoever acts is a person, whose word counts as one of two."""

from vangnet.audit.model import Actor, ActorKind
from vangnet.errors import Conflict

#: Somebody with a shell here counts as one person, too: by the number of their account.
_PEOPLE = frozenset({ActorKind.PERSON, ActorKind.CONSOLE})


def require_person(actor: Actor) -> str:
    """The actor's name. Raises Conflict for a program: its word is not that of a person."""
    if actor.kind not in _PEOPLE:
        raise Conflict(problem="this takes a person, and a program asked for it")
    return actor.label
