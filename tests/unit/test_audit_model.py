"""How people ask for records and actors, and what an actor may do."""

from datetime import datetime

import pytest

from vangnet.audit.model import Actor, ActorKind, EventFilter, parse_filter
from vangnet.errors import PermissionDenied


@pytest.mark.parametrize(
    ("words", "record", "record_id"),
    [
        ("party", "party", None),
        ("party:7f", "party", "7f"),
        (" party:a:b ", "party", "a:b"),
        ("party:", "party", None),
        (":7f", None, "7f"),
        ("  ", None, None),
        (None, None, None),
    ],
)
def test_a_record_is_asked_for_as_lists_show_it(words: str | None, record: str | None, record_id: str | None) -> None:
    wanted = parse_filter(record=words, actor=None, action=None, since=None, until=None)
    assert wanted == EventFilter(record=record, record_id=record_id)


@pytest.mark.parametrize(
    ("words", "kind", "actor_id"),
    [
        ("person", ActorKind.PERSON, None),
        ("person:7f", ActorKind.PERSON, "7f"),
        ("api_key:", ActorKind.API_KEY, None),
        ("7f", None, "7f"),
        (" system:clock:1 ", ActorKind.SYSTEM, "clock:1"),
        ("nobody:7f", None, "nobody:7f"),
        ("", None, None),
        (None, None, None),
    ],
)
def test_an_actor_is_asked_for_as_lists_show_it(words: str | None, kind: ActorKind | None, actor_id: str | None) -> None:
    wanted = parse_filter(record=None, actor=words, action="", since=None, until=None)
    assert wanted == EventFilter(actor_kind=kind, actor_id=actor_id)


def test_an_action_and_times_are_taken_as_they_are(now: datetime) -> None:
    wanted = parse_filter(record="", actor="", action=" party:add ", since=now, until=now)
    assert wanted == EventFilter(action="party:add", since=now, until=now)


def test_an_actor_without_the_permission_is_refused_by_its_name() -> None:
    actor = Actor(kind=ActorKind.PERSON, id="7f", permissions=frozenset({"party:read"}))
    actor.require("party:read")
    with pytest.raises(PermissionDenied, match="`party:add`"):
        actor.require("party:add")


def test_an_actors_repr_does_not_list_what_it_may_do() -> None:
    assert "party:read" not in repr(Actor(kind=ActorKind.PERSON, id="7f", permissions=frozenset({"party:read"})))
