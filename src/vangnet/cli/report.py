"""`vangnet report`: what waits and why, what calls a person, what is missed; without what any report says."""

from typing import Annotated

import typer

from vangnet.cli.installation import now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records
from vangnet.reports.model.drafts import Incident, Source
from vangnet.reports.model.reports import Report
from vangnet.reports.model.wanted import Wanted, read_wanted
from vangnet.reports.rules.desk.missed import MissedShare
from vangnet.reports.rules.triage.points import Standing
from vangnet.reports.service.desk import desk, ordering, sampling, showing, watching

app = typer.Typer(help="Reports: what waits and why, without what they say.", no_args_is_help=True)

_Number = Annotated[int, typer.Argument(metavar="REPORT", min=1, max=2**63 - 1, help="The report's number.")]
_COLUMNS = ["number", "id", "because", "due_at", "expires_at", "items", "unseen", "language", "source", "received_at"]


@app.command("list")
def list_reports(
    *,
    source: Annotated[Source | None, typer.Option(help="Only those that came in by this way.")] = None,
    incident: Annotated[Incident | None, typer.Option(help="Only those about this.")] = None,
    language: Annotated[str | None, typer.Option(help="Only those in this language, by its code.")] = None,
    clock: Annotated[bool, typer.Option("--clock", help="Only those with a clock that ends within three days.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what waits, in the order in which it is to be opened."""
    given = {"source": source or "", "incident": incident or "", "language": language or ""}
    wanted = read_wanted(given | ({"clock": "true"} if clock else {}))
    with open_installation() as opened, opened.transaction() as conn:
        if wanted == Wanted():
            waiting = desk.queue(conn, opened.actor, limit=limit, now=now())
            rows = [_record(one.report, one.standing, number=one.number) for one in waiting]
        else:
            found = ordering.find(conn, opened.actor, wanted=wanted, limit=limit, now=now())
            rows = [_record(report, standing) for report, standing in found.reports]
    print_records(rows, as_json=as_json, columns=_COLUMNS)


@app.command()
def show(number: _Number, as_json: AsJson = False) -> None:
    """Show one report and what became of it, without what it says."""
    with open_installation() as opened, opened.transaction() as conn:
        frame = showing.show_frame(conn, opened.actor, report_id=number)
        standing = desk.standing_of(conn, opened.actor, report=frame.report, now=now())
    steps = [f"{step.at.isoformat(timespec='minutes')} {step.state} {step.by}" for step in frame.steps]
    print_record(_record(frame.report, standing) | {"steps": steps}, as_json=as_json)


@app.command()
def danger(as_json: AsJson = False) -> None:
    """List what calls a person and nobody took, and whether anybody is on watch."""
    with open_installation() as opened, opened.transaction() as conn:
        found = watching.untaken(conn, opened.actor, now=now())
    print_records(
        [
            {
                "id": one.report.id,
                "since": one.alert.since,
                "due_at": one.alert.due_at,
                "overdue": one.calling.overdue,
                "called": len(one.calling.called),
                "nobody_on_watch": one.calling.nobody_on_watch,
            }
            for one in found
        ],
        as_json=as_json,
    )


@app.command()
def missed(as_json: AsJson = False) -> None:
    """Show the share of urgent reports among those below the line, with its interval."""
    with open_installation() as opened, opened.transaction() as conn:
        found = sampling.missed(conn, opened.actor, now=now())
    known = found.share if isinstance(found.share, MissedShare) else None
    print_record(
        {
            "drawn": found.drawn,
            "opened": 0 if known is None else known.opened,
            "urgent": 0 if known is None else known.urgent,
            "share": None if known is None else known.share,
            "low": None if known is None else known.low,
            "high": None if known is None else known.high,
        },
        as_json=as_json,
    )


def _record(report: Report, standing: Standing, *, number: int | None = None) -> dict[str, object]:
    return {
        "number": number,
        "id": report.id,
        "state": report.state,
        "because": [f"{one.factor}:{one.code}" for one in standing.reasons if one.points],
        "points": standing.score,
        "danger": standing.danger,
        "due_at": standing.due_at,
        "expires_at": report.expires_at,
        "items": report.items,
        "unseen": report.unseen,
        "known": report.known,
        "language": report.language,
        "source": report.source,
        "incident": report.incident,
        "received_at": report.received_at,
    }
