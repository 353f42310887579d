"""API keys that counted a moment ago."""

from datetime import UTC, datetime, timedelta

from vangnet.audit.model import Actor, ActorKind
from vangnet.identity.permissions import Permission
from vangnet.web.remembered_keys import FRESH, LASTS, RememberedKeys

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)


def remembered(*permissions: Permission) -> RememberedKeys:
    """One key, looked up at NOW."""
    keys = RememberedKeys()
    keys.remember("text", Actor(kind=ActorKind.API_KEY, id="id", permissions=frozenset(permissions)), NOW)
    return keys


def test_a_key_counts_for_a_second_with_the_one_permission_that_checks_need() -> None:
    found = remembered(Permission.GATE_CHECK, Permission.AUDIT_READ).find_fresh("text", NOW)
    assert found is not None
    assert (found.id, found.permissions) == ("id", {Permission.GATE_CHECK})


def test_a_key_that_may_not_check_is_not_remembered() -> None:
    assert remembered(Permission.AUDIT_READ).find("text", NOW) is None


def test_after_a_second_everybody_is_to_look_it_up_and_after_minutes_it_counts_no_more() -> None:
    keys = remembered(Permission.GATE_CHECK)
    assert keys.find_fresh("text", NOW + FRESH + MOMENT) is None
    assert keys.find("text", NOW + FRESH + MOMENT) is not None
    assert keys.find("text", NOW + LASTS) is not None
    assert keys.find("text", NOW + LASTS + MOMENT) is None


def test_one_of_those_who_show_it_is_to_look_it_up_before_the_second_is_over() -> None:
    keys, late = remembered(Permission.GATE_CHECK), NOW + FRESH - MOMENT
    asked = [keys.find_fresh("text", late) for _ in range(5)]
    assert [found is None for found in asked] == [True, False, False, False, False]
    keys.remember("text", Actor(kind=ActorKind.API_KEY, id="id", permissions=frozenset({Permission.GATE_CHECK})), late)
    assert keys.find_fresh("text", late + MOMENT) is not None


def test_a_key_that_the_database_does_not_know_any_more_is_forgotten() -> None:
    keys = remembered(Permission.GATE_CHECK)
    keys.forget("text")
    assert keys.find("text", NOW) is None
    assert keys.find_fresh("text", NOW) is None
