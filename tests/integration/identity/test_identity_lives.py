"""Whatever is done with people, in whatever order: the table of states holds, and somebody can always run the place."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from vangnet.errors import Conflict
from vangnet.identity.model import ANONYMOUS, PersonState, SignedIn
from vangnet.identity.permissions import Role
from vangnet.identity.service import links, people, sign_in

House = Any
NAMES = [f"person{number}@voorbeeld.example" for number in range(4)]
ROLES = st.frozensets(st.sampled_from(Role), min_size=1)


@dataclass
class Life:
    """What is expected of one person."""

    id: Any
    state: PersonState
    roles: frozenset[Role]
    tokens: list[str]


class Lives(RuleBasedStateMachine):
    """The machine. Each run is rolled back."""

    #: The installation in which it runs.
    house: ClassVar[House]

    def __init__(self) -> None:
        super().__init__()
        self.lives: dict[str, Life] = {}
        self.rollback = self.house.conn.transaction(force_rollback=True)
        self.rollback.__enter__()

    def teardown(self) -> None:
        self.rollback.__exit__(None, None, None)

    def deed(self, allowed: bool, do: Any) -> Any:
        """Does it: one event where it is allowed, else Conflict and none."""
        before = self.house.events()
        if not allowed:
            with pytest.raises(Conflict), self.house.conn.transaction():
                do()
            assert self.house.events() == before
            return None
        done = do()
        assert self.house.events() == before + 1
        return done

    def administrators(self) -> list[Life]:
        return [
            life for life in self.lives.values() if life.state is PersonState.ACTIVE and Role.ADMINISTRATOR in life.roles
        ]

    @initialize()
    def somebody_runs_the_place(self) -> None:
        self.invite(NAMES[0], frozenset({Role.ADMINISTRATOR}))
        self.join(NAMES[0])

    @rule(email=st.sampled_from(NAMES), roles=ROLES)
    def invite(self, email: str, roles: frozenset[Role]) -> None:
        life = self.lives.get(email)
        invited = self.deed(
            life is None or life.state is PersonState.LEFT, lambda: self.house.invited(email, *roles, name="Anna")
        )
        if invited is not None:
            self.lives[email] = Life(invited.person.id, PersonState.INVITED, roles, [])

    @rule(email=st.sampled_from(NAMES))
    def join(self, email: str) -> None:
        life = self.lives.get(email)
        if life is None:
            return
        link = self.deed(
            life.state is not PersonState.LEFT,
            lambda: links.make_link(
                self.house.conn, self.house.administrator, email=email, base_url="", now=self.house.now
            ),
        )
        if link is None:
            return
        signed_in = self.deed(
            True,
            lambda: sign_in.with_link(
                self.house.conn,
                ANONYMOUS,
                token=link.rsplit("/", 1)[1],
                client=self.house.client,
                keys=self.house.keys,
                now=self.house.now,
            ),
        )
        assert isinstance(signed_in, SignedIn)
        life.state = PersonState.ACTIVE
        life.tokens.append(signed_in.token)

    @precondition(lambda self: self.lives)
    @rule(data=st.data(), roles=ROLES)
    def change_roles(self, data: st.DataObject, roles: frozenset[Role]) -> None:
        life = self.lives[data.draw(st.sampled_from(sorted(self.lives)))]
        last = self.administrators() == [life] and Role.ADMINISTRATOR not in roles
        changed = self.deed(
            life.state is not PersonState.LEFT and not last,
            lambda: people.change_roles(
                self.house.conn, self.house.administrator, person_id=life.id, roles=roles, now=self.house.now
            ),
        )
        if changed is not None:
            life.roles = roles

    @precondition(lambda self: self.lives)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        life = self.lives[data.draw(st.sampled_from(sorted(self.lives)))]
        left = self.deed(
            life.state is not PersonState.LEFT and self.administrators() != [life],
            lambda: people.leave(self.house.conn, self.house.administrator, person_id=life.id, now=self.house.now),
        )
        if left is not None:
            life.state = PersonState.LEFT

    @invariant()
    def the_table_says_the_same(self) -> None:
        found = {
            person.email: (person.id, person.state, person.roles)
            for person in people.list_people(self.house.conn, self.house.administrator)
        }
        assert found == {email: (life.id, life.state, life.roles) for email, life in self.lives.items()}

    @invariant()
    def somebody_still_runs_the_place(self) -> None:
        assert self.administrators() or not self.lives

    @invariant()
    def whoever_left_is_signed_in_nowhere(self) -> None:
        for life in self.lives.values():
            for token in life.tokens:
                found = self.house.resolved(token)
                assert (found is not None) is (life.state is PersonState.ACTIVE)
                if found is not None:
                    assert found.person.roles == life.roles


def test_people_come_and_go_in_any_order(house: House) -> None:
    run_state_machine_as_test(
        type("LivesHere", (Lives,), {"house": house}),
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        ),
    )
