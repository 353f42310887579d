"""`vangnet simulate`: what a rule would do, tried on made-up reports. Touches no installation and no data."""

from typing import Annotated

import typer

from vangnet.cli.output import AsJson, print_record, print_records, say
from vangnet.reports.rules.desk.missed import MissedShare
from vangnet.simulation.assumptions import ASSUMED
from vangnet.simulation.triage_runs import Missed, Run, run

app = typer.Typer(help="Try a rule on made-up reports.", no_args_is_help=True)


@app.callback()
def _simulate() -> None:
    """Try a rule on made-up reports."""


@app.command("triage")
def simulate_triage(
    *,
    years: Annotated[int, typer.Option(min=1, max=5, help="How many years; each has more reports than the last.")] = 1,
    load: Annotated[float, typer.Option(min=0.1, max=10.0, help="So many times as much comes in as can be opened.")] = 3.0,
    seed: Annotated[int, typer.Option(help="Another number, other reports.")] = 1,
    sensitivity: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="How often a sign is there where it should be.")
    ] = 0.8,
    false_alarms: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="How often a sign is there where it should not be.")
    ] = 0.05,
    prevalence: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="The share of reports that are urgent.")
    ] = ASSUMED.prevalence,
    as_json: AsJson = False,
) -> None:
    """Work through made-up reports first in first out, by severity, by our policy, and knowing the truth."""
    assumed = ASSUMED.with_marks(sensitivity=sensitivity, false_alarms=false_alarms).with_prevalence(prevalence)
    found = run(years=years, load=load, seed=seed, assumed=assumed)
    records = [
        {
            "policy": outcome.policy,
            "urgent_within_24h": outcome.urgent_within_24h,
            "danger_within_15_min": outcome.danger_within_15_min,
            "starved": outcome.starved,
            "clocks_missed": outcome.clocks_missed,
        }
        for outcome in found.outcomes
    ]
    if as_json:
        print_record(
            {
                "reports": found.reports,
                "urgent": found.urgent,
                "policies": records,
                "missed_below_the_line": _as_record(found.missed),
            },
            as_json=True,
        )
        return
    print_records([{name: _short(value) for name, value in record.items()} for record in records], as_json=False)
    _say_more(found)


def _as_record(missed: Missed) -> dict[str, object]:
    """What the sample says, and the truth beside it. What is not known is null."""
    estimated = missed.estimated
    known = estimated if isinstance(estimated, MissedShare) else None
    return {
        "below": missed.below,
        "drawn": estimated.drawn,
        "share": known and known.share,
        "low": known and known.low,
        "high": known and known.high,
        "truth": missed.truth,
    }


def _say_more(found: Run) -> None:
    say(f"{found.reports:,} made-up reports, {found.urgent:,} of them urgent.")
    missed = found.missed
    if isinstance(missed.estimated, MissedShare) and missed.truth is not None:
        estimated = missed.estimated
        say(
            f"Below the line {missed.below:,}; by {estimated.drawn:,} drawn at random, {estimated.low:.2%} to "
            f"{estimated.high:.2%} of these are urgent. In truth {missed.truth:.2%}."
        )
    else:
        say("Nothing below the line was drawn and opened: what is missed is not known.")


def _short(value: object) -> object:
    return f"{value:.3f}" if isinstance(value, float) else "not known" if value is None else value
