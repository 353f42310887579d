"""`vangnet gate webhook`: where your own system hears what was decided."""

from typing import Annotated
from uuid import UUID

import typer

from vangnet.cli.installation import now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records, say
from vangnet.gate.service import webhooks
from vangnet.gate.webhooks import CHOICES, Delivery, DeliveryState, Event, message_id

app = typer.Typer(help="The webhook: where your own system hears what was decided.", no_args_is_help=True)

_Id = Annotated[UUID, typer.Argument(metavar="ID", help="The delivery's id.")]


@app.command("status")
def show_status(as_json: AsJson = False) -> None:
    """Print how the webhook stands."""
    with open_installation() as opened, opened.transaction() as conn:
        shown = webhooks.show(conn, opened.actor, now=now())
    webhook = shown.webhook
    print_record(
        {
            "state": "off" if webhook is None else webhook.state,
            "url": None if webhook is None else webhook.url,
            "events": [] if webhook is None else sorted(webhook.events),
            "secrets": len(shown.secrets),
            **{state.value: shown.deliveries.get(state, 0) for state in DeliveryState},
        },
        as_json=as_json,
    )


@app.command("set")
def set_webhook(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where messages go, such as https://hooks.example.org/v.")],
    event: Annotated[
        list[Event] | None, typer.Option("--event", help="Of what it is told; may be given often. Default: of all.")
    ] = None,
) -> None:
    """Say where to. A new address gets a secret, which is printed this once."""
    with open_installation() as opened, opened.transaction() as conn:
        chosen = webhooks.choose(
            conn, opened.actor, url=url, events=set(event or CHOICES), local=opened.settings.webhook_local,
            keys=opened.keys, now=now(),
        )  # fmt: skip
    if chosen.secret is None:
        say("The webhook is on; its secret is the one that it had.")
    else:
        say("The webhook is on. Its secret, which is not shown again:")
        typer.echo(chosen.secret)


@app.command("rotate")
def rotate() -> None:
    """Make another secret and print it this once; for a day messages are signed by both."""
    with open_installation() as opened, opened.transaction() as conn:
        chosen = webhooks.rotate(conn, opened.actor, keys=opened.keys, now=now())
    say("The secret from now on, which is not shown again; the one before counts for 24 hours more:")
    typer.echo(chosen.secret)


@app.command("off")
def switch_off() -> None:
    """Send nothing any more, what waits included."""
    with open_installation() as opened, opened.transaction() as conn:
        webhooks.switch_off(conn, opened.actor, now=now())
    say("The webhook is off.")


@app.command("test")
def send_test() -> None:
    """Have a test sent, and print its delivery's id. A running worker sends it at once."""
    with open_installation() as opened, opened.transaction() as conn:
        id_ = webhooks.test(conn, opened.actor, now=now())
    typer.echo(id_)


@app.command("list")
def list_deliveries(
    state: Annotated[DeliveryState | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=webhooks.LIST_MAX, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List deliveries, the newest first."""
    with open_installation() as opened, opened.transaction() as conn:
        found = webhooks.list_deliveries(conn, opened.actor, state=state, limit=limit)
    print_records(
        [_record(one) for one in found],
        as_json=as_json,
        columns=["id", "made_at", "event", "state", "tries", "status", "problem", "next_try_at"],
    )


@app.command("show")
def show_delivery(which: _Id, as_json: AsJson = False) -> None:
    """Print one delivery, with what it says."""
    with open_installation() as opened, opened.transaction() as conn:
        found = webhooks.get_delivery(conn, opened.actor, delivery_id=which)
    print_record(_record(found) | {"body": found.body.decode()}, as_json=as_json)


@app.command("resend")
def resend(which: _Id, as_json: AsJson = False) -> None:
    """Have a message sent again, with the same id."""
    with open_installation() as opened, opened.transaction() as conn:
        found = webhooks.resend(conn, opened.actor, delivery_id=which, now=now())
    print_record(_record(found), as_json=as_json)


def _record(one: Delivery) -> dict[str, object]:
    return {
        "id": one.id,
        "webhook_id": message_id(one.id),
        "made_at": one.made_at,
        "event": one.event,
        "decision": one.decision_id,
        "state": one.state,
        "state_at": one.state_at,
        "tries": one.tries,
        "last_tried_at": one.last_tried_at,
        "next_try_at": one.next_try_at,
        "status": one.status,
        "problem": one.problem,
    }
