"""The pages of an installation, with records where a page shows one, and who opens each. For the browser's tests."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

from running import assess_routes, desk_routes, follow_up_routes, gate_routes, link_routes, registry_routes
from running import report_follow_up_routes as follow_up
from running.sender import Sender
from running.server import RunningServer, console
from vangnet.handoff.service import receiving
from vangnet.identity.model import Client, Language, SessionStage, SignInMeans
from vangnet.identity.permissions import Role
from vangnet.identity.service import parties, people, sessions
from vangnet.reports.model.drafts import ItemDraft, ItemKind, Sign, Source


class Visitor(StrEnum):
    NOBODY = "nobody"  #: Nobody is signed in.
    HALF = "half"  #: The password was right, and there is no second factor yet.
    STAFF = "staff"  #: Somebody with the role staff.
    AUDITOR = "auditor"  #: Somebody with the role auditor.
    ADMINISTRATOR = "administrator"  #: Somebody with the role administrator.
    CURATOR = "curator"  #: Somebody with the role curator.
    LEAD = "lead"  #: Somebody with the role lead.


def _half(server: RunningServer, language: Language) -> str:
    person = server.invite(Role.STAFF, name="Anna de Vries", language=language)
    with server.transaction() as conn:
        conn.execute("UPDATE person SET enrolment_ends_at = now() + interval '7 days' WHERE id = %s", [person.id])
        token, _ = sessions.begin(
            conn,
            person,
            stage=SessionStage.PASSWORD_PROVEN,
            means=SignInMeans.PASSWORD,
            client=Client(address="127.0.0.1"),
            now=datetime.now(UTC),
        )
    return token


def _whole(role: Role) -> Callable[[RunningServer, Language], str]:
    def begin(server: RunningServer, language: Language) -> str:
        return server.session_of(server.invite(role, name="Anna de Vries", language=language)).token

    return begin


#: How each visitor comes by the token of a session; the empty text is none.
SESSIONS: dict[Visitor, Callable[[RunningServer, Language], str]] = {
    Visitor.NOBODY: lambda _server, _language: "",
    Visitor.HALF: _half,
    Visitor.STAFF: _whole(Role.STAFF),
    Visitor.AUDITOR: _whole(Role.AUDITOR),
    Visitor.ADMINISTRATOR: _whole(Role.ADMINISTRATOR),
    Visitor.CURATOR: _whole(Role.CURATOR),
    Visitor.LEAD: _whole(Role.LEAD),
}


def _person(server: RunningServer) -> str:
    with server.transaction() as conn:
        return f"/people/{people.list_people(conn, console())[0].id}"


def _party(server: RunningServer) -> str:
    with server.transaction() as conn:
        return f"/parties/{parties.list_parties(conn, console())[0].id}"


def _invitation(server: RunningServer) -> str:
    with server.transaction() as conn:
        invited = people.invite(
            conn,
            console(),
            name="Anna de Vries",
            email=f"anna.{uuid.uuid4().hex[:8]}@kanarie.example",
            roles=frozenset({Role.STAFF}),
            language=Language.EN,
            base_url=server.url,
            now=datetime.now(UTC),
        )
    return invited.link.removeprefix(server.url)


def _sent(server: RunningServer) -> str:
    return f"/hand-offs/sent/{Sender(server).is_sent_a_message().id}"


def _received(server: RunningServer) -> str:
    with server.transaction() as conn:
        signed = Sender(server).message()
        receiving.receive(conn, signed=signed, client_address="127.0.0.1", keys=server.keys, now=datetime.now(UTC))
        return f"/hand-offs/received/{receiving.list_received(conn, console(), limit=1)[0].id}"


def _probes(server: RunningServer) -> str:
    gate_routes.a_probe(server)
    return "/gate/probes"


def _review(server: RunningServer) -> str:
    gate_routes.a_match(server)
    return "/gate/review"


def _disputes(server: RunningServer) -> str:
    registry_routes.a_dispute(server)
    return "/disputes"


def _danger(server: RunningServer) -> str:
    desk_routes.a_report(server, Sign.DANGER_NOW)
    return "/danger"


def _shift(server: RunningServer) -> str:
    desk_routes.a_hand_over(server, desk_routes.a_report(server, Sign.EXTORTION))
    return "/shift"


def _aside(server: RunningServer) -> str:
    named = ItemDraft(kind=ItemKind.FILE, file_name="a.jpg")
    desk_routes.a_report(server, items=(named,), text="", people=(), traces=(), places=(), source=Source.SCAN, problems=())
    return "/queue/aside"


def _assessed(server: RunningServer) -> str:
    return f"/reports/{assess_routes.waits_for_second(server)}/assess/0"


#: Every page, by its route: who opens it, and at which address. A test refuses a page that is not here.
PAGES: dict[str, tuple[Visitor, str | Callable[[RunningServer], str]]] = {
    "/": (Visitor.ADMINISTRATOR, "/"),
    "/assess/agreement": (Visitor.LEAD, "/assess/agreement"),
    "/assess/second": (Visitor.STAFF, lambda server: _assessed(server) and "/assess/second"),
    "/audit": (Visitor.AUDITOR, "/audit"),
    "/audit/verify": (Visitor.AUDITOR, "/audit/verify"),
    "/api/docs": (Visitor.NOBODY, "/api/docs"),
    "/decisions": (Visitor.STAFF, "/decisions"),
    "/decisions/{check_id}": (Visitor.STAFF, lambda server: f"/decisions/{gate_routes.a_match(server).check_id}"),
    "/disputes": (Visitor.CURATOR, _disputes),
    "/entries": (Visitor.CURATOR, "/entries"),
    "/entries/{entry_id}": (Visitor.CURATOR, lambda server: f"/entries/{registry_routes.a_list(server)[1]}"),
    "/gate": (Visitor.STAFF, "/gate"),
    "/gate/policy": (Visitor.ADMINISTRATOR, "/gate/policy"),
    "/gate/policy/change": (Visitor.ADMINISTRATOR, "/gate/policy/change"),
    "/gate/probes": (Visitor.ADMINISTRATOR, _probes),
    "/gate/review": (Visitor.STAFF, _review),
    "/lists": (Visitor.CURATOR, "/lists"),
    "/lists/add": (Visitor.CURATOR, "/lists/add"),
    "/lists/{list_id}": (Visitor.CURATOR, lambda server: f"/lists/{registry_routes.a_list(server)[0]}"),
    "/subscriptions": (Visitor.CURATOR, "/subscriptions"),
    "/hand-offs": (Visitor.STAFF, "/hand-offs"),
    "/hand-offs/received/{received_id}": (Visitor.STAFF, _received),
    "/hand-offs/sent/{handoff_id}": (Visitor.STAFF, _sent),
    "/hand-offs/test-message": (Visitor.STAFF, "/hand-offs/test-message"),
    "/health": (Visitor.ADMINISTRATOR, "/health"),
    "/invitation/{token}": (Visitor.NOBODY, _invitation),
    "/jobs": (Visitor.ADMINISTRATOR, "/jobs"),
    "/keys": (Visitor.ADMINISTRATOR, "/keys"),
    "/me": (Visitor.ADMINISTRATOR, "/me"),
    "/me/exposure": (Visitor.STAFF, "/me/exposure"),
    "/reports/{report_id}/assess": (Visitor.STAFF, lambda server: _assessed(server).removesuffix("/0")),
    "/reports/{report_id}/assess/{position}": (Visitor.STAFF, _assessed),
    "/me/app": (Visitor.ADMINISTRATOR, "/me/app"),
    "/me/passkeys/add": (Visitor.ADMINISTRATOR, "/me/passkeys/add"),
    "/parties": (Visitor.ADMINISTRATOR, "/parties"),
    "/parties/add": (Visitor.ADMINISTRATOR, "/parties/add"),
    "/parties/{party_id}": (Visitor.ADMINISTRATOR, _party),
    "/people": (Visitor.ADMINISTRATOR, "/people"),
    "/people/invite": (Visitor.ADMINISTRATOR, "/people/invite"),
    "/people/{person_id}": (Visitor.ADMINISTRATOR, _person),
    "/report": (Visitor.NOBODY, "/report"),
    "/report/me": (Visitor.NOBODY, "/report/me"),
    "/report/receipt": (Visitor.NOBODY, "/report/receipt"),
    "/report/saw": (Visitor.NOBODY, "/report/saw"),
    "/report/worry": (Visitor.NOBODY, "/report/worry"),
    "/sign-in": (Visitor.NOBODY, "/sign-in"),
    "/sign-in/recovery-code": (Visitor.HALF, "/sign-in/recovery-code"),
    "/sign-in/set-up": (Visitor.HALF, "/sign-in/set-up"),
    "/past": (Visitor.ADMINISTRATOR, "/past"),
    "/shift": (Visitor.STAFF, _shift),
    "/queue": (Visitor.LEAD, "/queue?unseen=true"),
    "/queue/aside": (Visitor.STAFF, _aside),
    "/queue/claimed": (Visitor.STAFF, "/queue/claimed"),
    "/queue/people": (Visitor.LEAD, "/queue/people"),
    "/referrals": (Visitor.STAFF, follow_up.referrals),
    "/reports/{report_id}/refer": (Visitor.STAFF, follow_up.refer_form),
    "/evidence": (Visitor.STAFF, follow_up.evidence),
    "/reports/{report_id}/evidence": (Visitor.STAFF, follow_up.evidence_of_a_report),
    "/evidence/requests/{request_id}": (
        Visitor.STAFF,
        lambda server: f"/evidence/requests/{follow_up.a_request(server)}",
    ),
    "/outcomes": (Visitor.STAFF, follow_up.all_outcomes),
    "/reports/{report_id}": (Visitor.STAFF, lambda server: f"/reports/{desk_routes.a_report(server, Sign.INFANT)}"),
    "/reports/{report_id}/links": (
        Visitor.STAFF,
        lambda server: f"/reports/{link_routes.a_group(server)[0]}/links",
    ),
    "/deliveries": (Visitor.STAFF, lambda server: f"/deliveries?before={desk_routes.a_bad_delivery(server) + 1}"),
    "/deliveries/{delivery_id}": (
        Visitor.STAFF,
        lambda server: f"/deliveries/{desk_routes.a_bad_delivery(server)}",
    ),
    "/deliveries/{delivery_id}/raw": (
        Visitor.STAFF,
        lambda server: f"/deliveries/{desk_routes.a_bad_delivery(server)}/raw",
    ),
    "/danger": (Visitor.STAFF, _danger),
    "/triage": (Visitor.LEAD, "/triage"),
    "/triage/policy/change": (Visitor.LEAD, "/triage/policy/change"),
    "/webhook": (Visitor.ADMINISTRATOR, lambda server: f"/webhook?before={follow_up_routes.a_delivery(server)}"),
    "/webhook/deliveries/{delivery_id}": (
        Visitor.ADMINISTRATOR,
        lambda server: f"/webhook/deliveries/{follow_up_routes.a_delivery(server)}",
    ),
}
#: Routes that answer GET and are no page: for programs, files, and what only leads on.
NO_PAGES = {
    "/api/openapi.json",
    "/audit/events.csv",
    "/c/bank/{name}",
    "/c/bank/{name}/content/{entry_id}",
    "/c/banks",
    "/c/content_type",
    "/c/signal_type",
    "/c/signal_type/index",
    "/danger/banner",  # A part of every page, for the script of whoever is on watch.
    "/queue/reports.csv",
    "/gate/live",  # A part of the page of the gate, for its script.
    "/h/hash",
    "/m/index/status",
    "/m/lookup",
    "/m/raw_lookup",
    "/status",
    "/status/live",
    "/healthz",
    "/metrics",
    "/readyz",
    "/sign-in/code",  # Leads on to the set-up for whoever has no second factor yet; walked through in test_sign_in.py.
    "/sign-in/link/{token}",
    "/sign-in/provider",
    "/sign-in/provider/callback",
    "/static/{version}/{name:path}",
}


def address_of(server: RunningServer, route: str) -> str:
    """Where the page of that route is found."""
    address = PAGES[route][1]
    return address if isinstance(address, str) else address(server)
