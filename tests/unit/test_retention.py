"""Terms: when what is kept comes to its end, what follows then, and what a document of terms may say."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vangnet.errors import InvalidInput
from vangnet.identity.model.installation import InstallationKind
from vangnet.retention.model import (
    WAITS,
    ChosenTerms,
    Kind,
    State,
    Term,
    Terms,
    ended_since,
    in_force,
    longest_days,
    standing,
)
from vangnet.retention.terms import STARTING, as_document, read_document
from vangnet.vault.model import MAY_ENABLE, Basis

NOW = datetime(2026, 11, 21, 13, 2, 7, tzinfo=UTC)


def terms_of(**bases: tuple[int | None, Basis | None]) -> Terms:
    """Terms for media, by the names of bases."""
    return {
        Kind.MEDIUM: {Basis(name): Term(days=days, then=then, source="A paper") for name, (days, then) in bases.items()}
    }


def state_of(terms: Terms, basis: Basis, *, days: float, held: bool = False) -> State:
    """How it stands with what rests on a basis for so many days."""
    return standing(terms, Kind.MEDIUM, basis, since=NOW - timedelta(days=days), held=held, now=NOW).state


def test_a_term_runs_until_its_last_moment_and_then_it_is_due() -> None:
    terms = terms_of(intake=(30, None))
    assert state_of(terms, Basis.INTAKE, days=29.999) is State.RUNS
    assert state_of(terms, Basis.INTAKE, days=30) is State.DUE
    assert state_of(terms, Basis.INTAKE, days=30, held=True) is State.HELD
    assert state_of(terms, Basis.INTAKE, days=1, held=True) is State.RUNS


def test_after_its_term_it_rests_on_another_basis_where_one_follows() -> None:
    terms = terms_of(intake=(30, Basis.ACCOUNTABILITY), accountability=(10, None))
    found = standing(terms, Kind.MEDIUM, Basis.INTAKE, since=NOW - timedelta(days=31), held=False, now=NOW)
    assert (found.state, found.then, found.ends_at) == (State.MOVES, Basis.ACCOUNTABILITY, NOW - timedelta(days=1))
    assert longest_days(terms, Kind.MEDIUM, Basis.INTAKE) == 40


def test_what_an_investigation_needs_has_no_end_and_what_nobody_thought_of_is_said() -> None:
    terms = terms_of(investigation=(None, None))
    assert state_of(terms, Basis.INVESTIGATION, days=9_999) is State.OPEN
    assert state_of(terms, Basis.REMOVAL, days=9_999) is State.NO_TERM
    assert standing(terms, Kind.REPORT, Basis.REMOVAL, since=NOW, held=False, now=NOW).state is State.NO_TERM
    assert longest_days(terms, Kind.MEDIUM, Basis.INVESTIGATION) is None
    assert ended_since(terms, Kind.MEDIUM, Basis.INVESTIGATION, now=NOW) is None


@given(
    days=st.integers(0, 5000),
    age=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=6000)),
    then=st.sampled_from([None, Basis.ACCOUNTABILITY]),
    held=st.booleans(),
)
def test_what_is_looked_for_is_what_the_rule_says_has_ended(
    days: int, age: timedelta, then: Basis | None, held: bool
) -> None:
    terms = terms_of(intake=(days, then), accountability=(1, None))
    until = ended_since(terms, Kind.MEDIUM, Basis.INTAKE, now=NOW)
    found = standing(terms, Kind.MEDIUM, Basis.INTAKE, since=NOW - age, held=held, now=NOW)
    assert until is not None
    assert (NOW - age <= until) is (found.state is not State.RUNS)
    # Once it has ended, waiting does not bring it back.
    later = standing(terms, Kind.MEDIUM, Basis.INTAKE, since=NOW - age, held=held, now=NOW + timedelta(days=1))
    assert found.state is State.RUNS or later.state is found.state


def test_terms_count_when_they_have_waited_and_the_newest_of_those_counts() -> None:
    def chosen(version: int, ago: timedelta) -> ChosenTerms:
        return ChosenTerms(version=version, terms={}, chosen_by="person:1", chosen_at=NOW - ago)

    moment = timedelta(microseconds=1)
    one, two, three = chosen(1, WAITS * 3), chosen(2, WAITS), chosen(3, WAITS - moment)
    assert in_force([], NOW) is None
    assert in_force([three], NOW) is None
    assert in_force([three, two, one], NOW) == two
    assert in_force([three, two, one], NOW - moment) == one


@pytest.mark.parametrize("kind", sorted(MAY_ENABLE))
def test_the_starting_sets_can_be_chosen_as_they_are_and_name_a_source_for_each_term(kind: InstallationKind) -> None:
    terms = STARTING[kind]
    assert read_document(json.loads(json.dumps(as_document(terms)))) == terms
    for bases in terms.values():
        assert all(term.source for term in bases.values())


def test_the_polices_starting_set_ends_what_comes_in_after_ten_years_and_evidence_with_its_investigation() -> None:
    terms = STARTING[InstallationKind.POLICE]
    assert longest_days(terms, Kind.MEDIUM, Basis.INTAKE) == 2 * (5 * 365 + 1)
    assert longest_days(terms, Kind.MEDIUM, Basis.INVESTIGATION) is None
    assert set(terms[Kind.MEDIUM]) == set(Basis) - {Basis.REMOVAL}


def test_there_is_a_set_to_start_from_for_whoever_has_a_vault_and_nobody_else() -> None:
    assert STARTING.keys() == MAY_ENABLE


def document(**bases: Any) -> dict[str, Any]:
    return {"medium": bases}


def term(days: Any = 30, then: Any = None, source: Any = "A paper") -> dict[str, Any]:
    return {"days": days, "then": then, "source": source}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (None, "terms"),
        ([], "terms"),
        ({"picture": {}}, "terms"),
        ({"medium": []}, "medium"),
        (document(forever=term()), "medium"),
        (document(intake={"days": 30}), "medium.intake"),
        (document(intake=term() | {"more": 1}), "medium.intake"),
        (document(intake=term(days=-1)), "medium.intake.days"),
        (document(intake=term(days=36_526)), "medium.intake.days"),
        (document(intake=term(days=1.5)), "medium.intake.days"),
        (document(intake=term(days=True)), "medium.intake.days"),
        (document(intake=term(days="30")), "medium.intake.days"),
        (document(intake=term(then="shelf")), "medium.intake.then"),
        (document(intake=term(then=["accountability"])), "medium.intake.then"),
        (document(intake=term(days=None, then="referred"), referred=term()), "medium.intake.then"),
        (document(intake=term(then="referred")), "medium.intake.then"),
        (document(intake=term(then="intake")), "medium.intake.then"),
        (document(intake=term(then="referred"), referred=term(then="intake")), "medium.intake.then"),
        (document(intake=term(then="investigation"), investigation=term(days=None)), "medium.intake.then"),
        (document(intake=term(source=" ")), "medium.intake.source"),
        (document(intake=term(source=7)), "medium.intake.source"),
        (document(intake=term(source="x" * 301)), "medium.intake.source"),
    ],
)
def test_terms_that_say_nothing_or_have_no_end_are_refused(given: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_document(given)
    assert raised.value.field == field


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([*Basis, "days", "then", "source"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["medium", "report", *Basis, "days", "then", "source"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_json)
def test_any_document_is_read_or_refused(given: Any) -> None:
    try:
        terms = read_document(given)
    except InvalidInput:
        return
    assert read_document(as_document(terms)) == terms
