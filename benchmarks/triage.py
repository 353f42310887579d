"""The order of reports: made-up years at a desk, worked through by four ways to choose the next report.

    python benchmarks/triage.py [--seeds 4001 4002 4003] [--loads 1 2 3 4 5] [--plot docs/images/triage.svg] [--small]

Every number that is assumed is in src/vangnet/simulation/assumptions.py. The seeds are not those that the policy and its
rules were tried on while they were written (all under 4000). `--small` has a desk of a third of the size.
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from figures import Figure, show
from triage_plot import Line, Panel, drawn

from vangnet.reports.model.drafts import Sign, Source
from vangnet.reports.model.facts import Claim, Facts, Sayer
from vangnet.reports.model.triage_policy import AGAINST, STARTING
from vangnet.reports.rules.desk.missed import MissedShare
from vangnet.reports.rules.triage.order import order
from vangnet.simulation.assumptions import ASSUMED, Assumptions
from vangnet.simulation.triage_runs import Chooser, Outcome, Run, run

#: Sensitivity and false alarms of every sign, from good to useless and wrong.
QUALITIES = ((0.95, 0.02), (0.8, 0.05), (0.7, 0.1), (0.6, 0.2), (0.4, 0.4), (0.05, 0.05))
_NAMES = {
    Chooser.FIFO: "first in, first out",
    Chooser.SEVERITY: "severity only",
    Chooser.OURS: "ours",
    Chooser.BOUND: "knowing the truth",
}
_LOOKS = {Chooser.FIFO: "fifo", Chooser.SEVERITY: "severity", Chooser.OURS: "ours", Chooser.BOUND: "bound"}
#: A desk of which runs take a second.
SMALL = replace(ASSUMED, watch=1, desk=1)


def main() -> int:
    """Prints the tables and draws the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[4001, 4002, 4003])
    parser.add_argument("--loads", type=float, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args()
    desk = SMALL if given.small else ASSUMED
    by_load = {load: [run(years=1, load=load, seed=seed, assumed=desk) for seed in given.seeds] for load in given.loads}
    useless = {load: _without_use(desk, load, given.seeds) for load in (1.0, 3.0, 5.0) if load in by_load}
    figures = [figure for load in (3.0, 5.0) if load in by_load for figure in _goals(load, by_load[load])]
    figures += [figure for load, runs in useless.items() for figure in _no_worse(load, runs)]
    show([*figures, *_speed(given.seeds)])
    _show_loads(by_load)
    by_quality = {
        quality: [
            run(years=1, load=3, seed=seed, assumed=SMALL.with_marks(sensitivity=quality[0], false_alarms=quality[1]))
            for seed in given.seeds
        ]
        for quality in QUALITIES
    }
    _show_qualities(by_quality)
    _show_useless(desk, useless, given.seeds)
    _show_harder(given.seeds[:1])
    _show_missed([found for runs in (*by_load.values(), *by_quality.values()) for found in runs])
    if given.plot:
        given.plot.write_text(_plot(by_load, by_quality), encoding="utf-8")
    return 0


def _goals(load: float, runs: Sequence[Run]) -> list[Figure]:
    """What ours reaches of the bound."""

    def shares(read: Callable[[Outcome], float | None]) -> list[float]:
        return [
            100 * (read(found.outcome(Chooser.OURS)) or 0) / (read(found.outcome(Chooser.BOUND)) or 1) for found in runs
        ]

    return [
        Figure(
            what=f"urgent reports opened within 24 h at {load:g}x, of the bound's",
            unit="%",
            ours=shares(lambda one: one.urgent_within_24h),
            at_least=95,
        ),
        Figure(
            what=f"child in danger: in somebody's hands within 15 min at {load:g}x, of the bound's",
            unit="%",
            ours=shares(lambda one: one.danger_within_15_min),
            at_least=95,
        ),
    ]


def _without_use(
    desk: Assumptions, load: float, seeds: Iterable[int], *, share: float = 0.05, look_lost_minutes: int = 0
) -> list[Run]:
    """Years in which every sign is there in such a share of all reports, urgent or not."""
    assumed = replace(desk.with_marks(sensitivity=share, false_alarms=share), look_lost_minutes=look_lost_minutes)
    return [run(years=1, load=load, seed=seed, assumed=assumed) for seed in seeds]


def _no_worse(load: float, runs: Sequence[Run]) -> list[Figure]:
    """How far ours is above first in, first out, in percentage points."""
    pairs = [(found.outcome(Chooser.OURS), found.outcome(Chooser.FIFO)) for found in runs]
    return [
        Figure(
            what=f"signs tell nothing: urgent within 24 h at {load:g}x, above first in, first out",
            unit="points",
            ours=[100 * ((ours.urgent_within_24h or 0) - (fifo.urgent_within_24h or 0)) for ours, fifo in pairs],
            at_least=0,
        ),
        Figure(
            what=f"signs tell nothing: in somebody's hands within 15 min at {load:g}x, above first in, first out",
            unit="points",
            ours=[100 * ((ours.danger_within_15_min or 0) - (fifo.danger_within_15_min or 0)) for ours, fifo in pairs],
            at_least=0,
        ),
    ]


def _speed(seeds: Iterable[int]) -> list[Figure]:
    """How long 100,000 reports take to be ordered."""
    took = []
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    urgent = [sign for sign in Sign if sign not in AGAINST]
    for seed in seeds:
        chance = random.Random(seed)  # noqa: S311 (made-up reports are no secret)
        many = [
            Facts(
                report_id=number,
                received_at=now - timedelta(minutes=chance.randrange(500_000)),
                source=Source.CYBERTIP,
                claims=frozenset(Claim(sign, Sayer.COMPANY) for sign in chance.sample(urgent, chance.choice((0, 0, 1, 2)))),
                unseen_items=chance.randrange(2),
                evidence_expires_at=now + timedelta(days=chance.randrange(90)),
            )
            for number in range(100_000)
        ]
        # The least of three, because other programs on the machine take caches and pace away.
        tries = []
        for _ in range(3):
            started = time.process_time()
            order(STARTING, many, now)
            tries.append(time.process_time() - started)
        took.append(min(tries))
    return [Figure(what="100,000 reports ordered (processor time, the least of three)", unit="s", ours=took, at_most=1)]


# --- tables ---


def _show_loads(by_load: Mapping[float, Sequence[Run]]) -> None:
    first = next(iter(by_load.values()))[0]
    print(
        "\nA year, prevalence 1 %, each sign there in 80 % where it should be and in 5 % where it should not; medians over "
        f"{len(next(iter(by_load.values())))} seeds. At load {next(iter(by_load)):g} about {first.reports:,} reports come "
        "in; at load 1 as many as can be opened.\n\n"
        "| load | chosen | urgent within 24 h | danger within 15 min | not within 90 days | evidence gone before |\n"
        "| --- | --- | --- | --- | --- | --- |"
    )
    for load, runs in by_load.items():
        for chooser in Chooser:
            print(f"| {load:g}x | {_NAMES[chooser]} | {_cells(runs, chooser)} |")


def _cells(runs: Sequence[Run], chooser: Chooser) -> str:
    found = [one.outcome(chooser) for one in runs]
    return " | ".join(
        (
            _percent(one.urgent_within_24h for one in found),
            _percent(one.danger_within_15_min for one in found),
            f"{statistics.median(one.starved for one in found):,.0f}",
            f"{statistics.median(one.clocks_missed for one in found):,.0f}",
        )
    )


def _percent(shares: Iterable[float | None]) -> str:
    return f"{_median(shares):.1f} %"


def _median(shares: Iterable[float | None]) -> float:
    return 100 * statistics.median(share or 0 for share in shares)


def _show_qualities(by_quality: Mapping[tuple[float, float], Sequence[Run]]) -> None:
    print(
        "\nHow good the signs are, at 3x, with the weights of the starting policy as they are (a desk of a third of the "
        "size); in the last two rows they tell nothing.\n\n| there where it should be | where it should not | "
        "first in, first out | severity only | ours | knowing the truth |\n| --- | --- | --- | --- | --- | --- |"
    )
    for (sensitivity, false_alarms), runs in by_quality.items():
        cells = " | ".join(_percent(one.outcome(chooser).urgent_within_24h for one in runs) for chooser in Chooser)
        print(f"| {sensitivity:.0%} | {false_alarms:.0%} | {cells} |")


def _show_useless(desk: Assumptions, useless: Mapping[float, Sequence[Run]], seeds: Sequence[int]) -> None:
    rows = {f"5 % of all, {load:g}x": runs for load, runs in useless.items()}
    rows["5 % of all, 0.95x"] = _without_use(desk, 0.95, seeds)
    for share in (0.2, 0.5, 0.8):
        rows[f"{100 * share:.0f} % of all, 1x"] = _without_use(desk, 1, seeds, share=share)
    rows["5 % of all, 1x; the minutes of a look are lost"] = _without_use(
        desk, 1, seeds, look_lost_minutes=desk.look_minutes
    )
    print(
        "\nSigns that tell nothing, because each is there in as large a share of the urgent reports as of the others; "
        "urgent within 24 h, one seed after the other.\n\n| there in | first in, first out | ours |\n| --- | --- | --- |"
    )
    for name, runs in rows.items():
        cells = (
            ", ".join(f"{100 * (one.outcome(chooser).urgent_within_24h or 0):.1f}" for one in runs)
            for chooser in (Chooser.FIFO, Chooser.OURS)
        )
        print(f"| {name} | {' | '.join(f'{cell} %' for cell in cells)} |")


def _show_harder(seeds: Sequence[int]) -> None:
    """Where the assumptions are kinder than the world may be."""
    harder: Mapping[str, Assumptions] = {
        "as assumed": SMALL,
        "two signs for each kind instead of three": SMALL.with_marks_each(2),
        "one sign": SMALL.with_marks_each(1),
        "half of the reports have all signs from one observation": replace(SMALL, dependence=0.5),
        "all have": replace(SMALL, dependence=1.0),
        "one in a thousand is urgent": SMALL.with_prevalence(0.001),
        "one in twenty is urgent": SMALL.with_prevalence(0.05),
    }
    print(
        "\nWhere the world is harder than assumed (a desk of a third of the size, one seed): urgent within 24 h.\n\n"
        "| | 3x: ours | 3x: bound | 5x: ours | 5x: bound |\n| --- | --- | --- | --- | --- |"
    )
    for name, assumed in harder.items():
        cells = []
        for load in (3, 5):
            runs = [run(years=1, load=load, seed=seed, assumed=assumed) for seed in seeds]
            cells += [
                _percent(one.outcome(chooser).urgent_within_24h for one in runs)
                for chooser in (Chooser.OURS, Chooser.BOUND)
            ]
        print(f"| {name} | {' | '.join(cells)} |")


def _show_missed(runs: Sequence[Run]) -> None:
    known = [
        (one.missed.estimated, one.missed.truth)
        for one in runs
        if isinstance(one.missed.estimated, MissedShare) and one.missed.truth is not None
    ]
    held = sum(estimated.low <= truth <= estimated.high for estimated, truth in known)
    print(
        "\nWhat one in a hundred below the line, drawn at random, says about how many urgent ones are missed there: in "
        f"{held} of {len(known)} years the interval of 95 % holds the truth."
    )


# --- plot ---


def _plot(by_load: Mapping[float, Sequence[Run]], by_quality: Mapping[tuple[float, float], Sequence[Run]]) -> str:
    loads = list(by_load)
    qualities = list(by_quality)
    return drawn(
        "Urgent reports that are opened within 24 hours of coming in: made-up years, four ways to choose the next report",
        [
            Panel(
                title="as more comes in than can be opened",
                ticks=[f"{load:g}x" for load in loads],
                lines=[Line(_NAMES[one], _LOOKS[one], [_of(by_load[load], one) for load in loads]) for one in Chooser],
            ),
            Panel(
                title="at 3x, as signs get worse (there rightly / there wrongly, %)",
                ticks=[f"{sensitivity:.0%}/{false:.0%}".replace("%", "") for sensitivity, false in qualities],
                lines=[
                    Line(_NAMES[one], _LOOKS[one], [_of(by_quality[quality], one) for quality in qualities])
                    for one in Chooser
                ],
            ),
        ],
    )


def _of(runs: Sequence[Run], chooser: Chooser) -> float:
    return _median(found.outcome(chooser).urgent_within_24h for found in runs)


if __name__ == "__main__":
    sys.exit(main())
