"""`vangnet person`: our own people, from the console."""

from typing import Annotated

import typer

from vangnet.cli.installation import Installation, now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records, say
from vangnet.db import Connection
from vangnet.errors import InvalidInput
from vangnet.identity.model import Invited, Language, Person
from vangnet.identity.permissions import Role
from vangnet.identity.service import links, people

app = typer.Typer(help="Our own people: invite, change roles, let go.", no_args_is_help=True)

_Email = Annotated[str, typer.Argument(help="The e-mail address by which the person is known here.")]
_Roles = Annotated[list[Role], typer.Option("--role", help="A role; give the option more than once for more roles.")]


@app.command("list")
def list_people(as_json: AsJson = False) -> None:
    """List everybody, who left included."""
    with open_installation() as opened, opened.transaction() as conn:
        everybody = people.list_people(conn, opened.actor)
    print_records(
        [_record(person) for person in everybody], as_json=as_json, columns=["name", "email", "roles", "state", "joined_at"]
    )


@app.command()
def invite(
    email: _Email,
    name: Annotated[str, typer.Option(help="The person's name.")],
    roles: _Roles,
    language: Annotated[Language, typer.Option(help="The language of their pages.")] = Language.NL,
    as_json: AsJson = False,
) -> None:
    """Invite a colleague. Prints a link that counts for a week and once; pass it on yourself."""
    with open_installation() as opened, opened.transaction() as conn:
        invited = people.invite(
            conn,
            opened.actor,
            name=name,
            email=email,
            roles=frozenset(roles),
            language=language,
            base_url=opened.settings.base_url,
            now=now(),
        )
    _print_invited(invited, as_json=as_json)


@app.command("invite-again")
def invite_again(email: _Email, as_json: AsJson = False) -> None:
    """Make a new invitation in place of the last, for somebody who has not joined yet."""
    with open_installation() as opened, opened.transaction() as conn:
        person = _person(conn, opened, email)
        invited = people.invite_again(conn, opened.actor, person_id=person.id, base_url=opened.settings.base_url, now=now())
    _print_invited(invited, as_json=as_json)


@app.command()
def roles(email: _Email, roles: _Roles, as_json: AsJson = False) -> None:
    """Give a colleague these roles in place of the others."""
    with open_installation() as opened, opened.transaction() as conn:
        person = _person(conn, opened, email)
        person = people.change_roles(conn, opened.actor, person_id=person.id, roles=frozenset(roles), now=now())
    print_record(_record(person), as_json=as_json)


@app.command("reset-second-factor")
def reset_second_factor(email: _Email, as_json: AsJson = False) -> None:
    """Take away a colleague's lost second factor; with the password they set up a new one within a week."""
    with open_installation() as opened, opened.transaction() as conn:
        person = _person(conn, opened, email)
        person = people.reset_second_factor(conn, opened.actor, person_id=person.id, now=now())
    print_record(_record(person), as_json=as_json)


@app.command()
def leave(email: _Email, as_json: AsJson = False) -> None:
    """Let a colleague go: sign-in and sessions end at once."""
    with open_installation() as opened, opened.transaction() as conn:
        person = _person(conn, opened, email)
        person = people.leave(conn, opened.actor, person_id=person.id, now=now())
    print_record(_record(person), as_json=as_json)


@app.command()
def link(
    email: _Email,
    uses: Annotated[int, typer.Option(help="How often it signs in.")] = 1,
    hours: Annotated[int, typer.Option(help="How long it counts.")] = 24,
) -> None:
    """Print a link that signs somebody in, for who lost everything else. It is in the audit trail."""
    with open_installation() as opened, opened.transaction() as conn:
        made = links.make_link(
            conn, opened.actor, email=email, uses=uses, hours=hours, base_url=opened.settings.base_url, now=now()
        )
    typer.echo(made)


def _person(conn: Connection, opened: Installation, email: str) -> Person:
    person = people.find_by_email(conn, opened.actor, email)
    if person is None:
        raise InvalidInput(field="email", problem="belongs to nobody here")
    return person


def _print_invited(invited: Invited, *, as_json: bool) -> None:
    print_record({"id": invited.person.id, "expires_at": invited.expires_at, "link": invited.link}, as_json=as_json)
    say("The link is shown this once. Whoever has it can become this person: pass it on in a way that you trust.")


def _record(person: Person) -> dict[str, object]:
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "roles": sorted(person.roles),
        "state": person.state,
        "language": person.language,
        "invited_at": person.invited_at,
        "joined_at": person.joined_at,
        "left_at": person.left_at,
    }
