"""The rows that benchmarks print: what was measured, the goal, the peer beside it in the same run, and the ratio.

A figure has one value a seed; shown is the median over the seeds, with the least and the largest. Read as Markdown.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_COLUMNS = ("what", "goal", "measured", "p99", "peer", "the peer", "ratio", "reached")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row."""

    what: str
    unit: str
    #: Medians, one a seed.
    ours: Sequence[float]
    #: 99th percentiles, one a seed.
    p99: Sequence[float] = ()
    peer: str = ""
    #: What the peer took, one a seed.
    theirs: Sequence[float] = ()
    #: The goal: the measured value is at most this ...
    at_most: float | None = None
    #: ... or at least this ...
    at_least: float | None = None
    #: ... or the peer's is so many times ours.
    times: float | None = None

    def ratios(self) -> list[float]:
        """How many times ours the peer's value is, a seed."""
        return [theirs / ours for theirs, ours in zip(self.theirs, self.ours, strict=True)] if self.theirs else []

    def reached(self) -> bool | None:
        """Whether the goal is reached by the median over the seeds; None where there is no goal."""
        if self.times is not None:
            return statistics.median(self.ratios()) >= self.times
        if self.at_least is not None:
            return statistics.median(self.ours) >= self.at_least
        return None if self.at_most is None else statistics.median(self.ours) <= self.at_most

    def row(self) -> str:
        """The row as a line of a Markdown table."""
        goal = "" if self.at_most is None else f"≤ {self.at_most:g} {self.unit}"
        if self.at_least is not None:
            goal = f"≥ {self.at_least:g} {self.unit}"
        # Of shares, how many times the other one is says nothing.
        ratios = self.ratios() if self.unit or self.times is not None else ()
        cells = (
            self.what,
            goal if self.times is None else f"≥ {self.times:g}x",
            _over_seeds(self.ours, self.unit),
            _over_seeds(self.p99, self.unit),
            self.peer,
            _over_seeds(self.theirs, self.unit),
            _over_seeds(ratios, "x"),
            {None: "", True: "yes", False: "**no**"}[self.reached()],
        )
        return f"| {' | '.join(cells)} |"


def show(figures: Sequence[Figure]) -> None:
    """Prints the rows under their heading."""
    print(f"\n| {' | '.join(_COLUMNS)} |\n|{' --- |' * len(_COLUMNS)}")
    for figure in figures:
        print(figure.row(), flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share / 100), len(ordered) - 1)]


def _over_seeds(values: Sequence[float], unit: str) -> str:
    if not values:
        return ""
    middle, least, most = statistics.median(values), min(values), max(values)
    shown = f"{_short(middle)}x" if unit == "x" else f"{_short(middle)} {unit}".rstrip()
    return shown if len(values) == 1 or _short(least) == _short(most) else f"{shown} ({_short(least)} … {_short(most)})"


def _short(value: float) -> str:
    """Three digits that count."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"
