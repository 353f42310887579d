"""How a chain that was read from a database that nobody trusts is judged. Pure.

The inspector is given every link in order, each with the event that it names, and says what was done to which. One change
by hand should give one finding: so where a link fails, it finds out whether the seal or the event was changed, and goes on
behind it, instead of finding everything after it wrong too.
"""

from collections.abc import Callable, Mapping, Sequence

from vangnet.audit.chain import GENESIS, VANISHED, SealRow, leaf, link
from vangnet.audit.problem import Problem, ProblemKind

_DIGEST_BYTES = 32
#: How many mismatches are kept to be paired with each other at the end; beyond, they are named without that.
_PAIRED_MAX = 10_000
#: How many values of the chain are tried behind a break; two are needed for one changed seal.
_GUESSES_MAX = 8


class Inspector:
    """Judges a chain that is given to it link by link, in order of position, and hands each finding to `found`."""

    def __init__(self, found: Callable[[Problem], None]) -> None:
        self._found = found
        #: The last position so far.
        self.position = 0
        #: Positions at which the chain breaks, with what its value should be there as far as that can be known.
        self.recomputed: dict[int, set[bytes]] = {}
        self._chain = GENESIS
        # The stretch of links that nothing confirms: its first position, the one at which its breaking is certain, and what
        # the chain's value may really have been at the end of it. With each value go the seals that are disproven, and so
        # the events that are cleared, if the next link follows from it.
        self._doubted_from: int | None = None
        self._broken_through: int | None = None
        self._broken_event_id: int | None = None
        self._or_else: dict[bytes, tuple[bytes, ...]] = {}
        # What did not fit, by leaf: seals, the events that those name, and events that no seal names. Two of them may fit.
        self._seals: dict[bytes, Problem] = {}
        self._events: dict[bytes, int] = {}
        self._strays: dict[bytes, int] = {}

    def inspect(self, rows: Sequence[SealRow], events: Mapping[int, bytes]) -> None:
        """The next links, and the encodings of the events that they name, as far as those are there."""
        for row in rows:
            position, event_id, seal_leaf, seal_chain, sealed_at_us = row
            encoded = events.get(event_id)
            event_leaf = None if encoded is None else leaf(encoded)
            if (
                position == self.position + 1
                and event_leaf == seal_leaf
                and sealed_at_us is not None
                and link(self._chain, position, sealed_at_us, seal_leaf) == seal_chain
            ):
                if self._doubted_from is not None:
                    self._end_of_doubt()
                self.position, self._chain = position, seal_chain
            else:
                self._inspect_closely(row, event_leaf)

    def inspect_stray(self, event_id: int, encoded: bytes) -> None:
        """An event that is neither sealed nor waiting, or a second one with an id that is taken."""
        event_leaf = leaf(encoded)
        if event_leaf in self._strays or len(self._strays) >= _PAIRED_MAX:
            self._found(Problem(kind=ProblemKind.EVENT_INSERTED, event_id=event_id))
        else:
            self._strays[event_leaf] = event_id

    def finish(self) -> None:
        """Names what could not be named before everything was seen."""
        self._end_of_doubt()
        for seal_leaf, problem in self._seals.items():
            if self._strays.get(seal_leaf) == problem.event_id:
                # The sealed event is there, and a second one with its id: that one is the stray.
                del self._strays[seal_leaf]
                self._found(Problem(kind=ProblemKind.EVENT_INSERTED, event_id=problem.event_id))
                continue
            fitting = self._strays.pop(seal_leaf, None) or self._events.get(seal_leaf)
            if fitting is None:
                self._found(problem)
            else:
                self._found(_seal_changed(problem.position, fitting))
        for event_id in self._strays.values():
            self._found(Problem(kind=ProblemKind.EVENT_INSERTED, event_id=event_id))

    def _inspect_closely(self, row: SealRow, event_leaf: bytes | None) -> None:
        position, event_id, seal_leaf, seal_chain, _ = row
        if position <= self.position:
            self._found(Problem(kind=ProblemKind.SEAL_INSERTED, position=position, event_id=event_id))
            return
        gap = position > self.position + 1
        possible = {} if gap else self._possible_links(row, event_leaf)
        if gap:
            self._end_of_doubt()
            self._found(Problem(kind=ProblemKind.SEALS_REMOVED, position=self.position + 1, through=position - 1))
            self._doubted_from = position
        elif seal_chain in possible:
            self._end_of_doubt()
            own_leaf, disproven = possible[seal_chain]
            for other in disproven:
                self._seals.pop(other, None)
            if own_leaf != seal_leaf:
                self._found(_seal_changed(position, event_id))
                event_leaf = seal_leaf  # The link follows from the event: nothing is wrong with that.
        else:
            self._doubted_from = self._doubted_from or position
            self._broken_through, self._broken_event_id = position, event_id
            if len(self.recomputed) < _PAIRED_MAX:
                self.recomputed[position] = set(possible)
            self._or_else = {
                value: disproven if own_leaf == seal_leaf else (*disproven, seal_leaf)
                for value, (own_leaf, disproven) in list(possible.items())[:_GUESSES_MAX]
            }
        self.position, self._chain = position, seal_chain
        if event_leaf != seal_leaf:
            self._note_mismatch(row, event_leaf)

    def _possible_links(self, row: SealRow, event_leaf: bytes | None) -> dict[bytes, tuple[bytes, tuple[bytes, ...]]]:
        """What the chain's value may be at this link, each with the leaf it follows from and the seals it disproves."""
        position, _, seal_leaf, _, sealed_at_us = row
        if sealed_at_us is None:
            return {}
        leaves = [own for own in (seal_leaf, event_leaf) if own is not None and len(own) == _DIGEST_BYTES]
        befores = {self._chain: (), **self._or_else}
        return {
            link(before, position, sealed_at_us, own): (own, disproven)
            for own in reversed(leaves)  # Where both are the same leaf, it is the seal's.
            for before, disproven in befores.items()
        }

    def _end_of_doubt(self) -> None:
        if self._doubted_from is not None and self._broken_through is not None:
            if self._broken_through == self._doubted_from:
                self._found(_seal_changed(self._doubted_from, self._broken_event_id))
            else:
                stretch = (self._doubted_from, self._broken_through)
                self._found(Problem(kind=ProblemKind.SEALS_CHANGED, position=stretch[0], through=stretch[1]))
        self._doubted_from = self._broken_through = None
        self._or_else = {}

    def _note_mismatch(self, row: SealRow, event_leaf: bytes | None) -> None:
        position, event_id, seal_leaf, _, _ = row
        kind = ProblemKind.EVENT_REMOVED if event_leaf is None else ProblemKind.EVENT_CHANGED
        problem = Problem(kind=kind, position=position, event_id=event_id)
        # Every event that vanished before it was sealed has the same leaf.
        if seal_leaf in self._seals or seal_leaf == VANISHED or len(self._seals) >= _PAIRED_MAX:
            self._found(problem)
            return
        self._seals[seal_leaf] = problem
        if event_leaf is not None:
            self._events[event_leaf] = event_id


def _seal_changed(position: int | None, event_id: int | None) -> Problem:
    return Problem(kind=ProblemKind.SEAL_CHANGED, position=position, event_id=event_id)
