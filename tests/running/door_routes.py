"""The doors by which reports come in, said a second time: see `routes.py`."""

from running.changes import Call, Change
from running.server import RunningServer
from vangnet.identity.permissions import Permission
from vangnet.web.access import PUBLIC, Rule

RULES: dict[str, Permission | Rule] = {
    "GET /report": PUBLIC,
    "GET /report/saw": PUBLIC,
    "POST /report/saw": PUBLIC,
    "GET /report/me": PUBLIC,
    "GET /report/worry": PUBLIC,
    "GET /report/receipt": PUBLIC,
    "POST /report/receipt": PUBLIC,
    "POST /api/v1/reports": Permission.REPORT_TAKE,
    "POST /api/v1/reports/xarf": Permission.REPORT_TAKE,
    "POST /api/v1/reports/csv": Permission.REPORT_TAKE,
    "GET /api/v1/deliveries/{delivery_id}": Permission.REPORT_TAKE,
}
LINK = "https://pictures.example/gallery/1"


def a_receipt(server: RunningServer) -> str:
    """The receipt of a report on the public page."""
    with server.client() as client:
        text = client.post("/report/saw", data={"links": LINK, "note": "a receipt"}).text
    return text.partition("<code>")[2].partition("</code>")[0]


def _sent(path: str, body: object) -> Change:
    return Change(
        action=Permission.REPORT_TAKE,
        prepare=lambda server: Call(client=server.program(Permission.REPORT_TAKE), path=path, json=body),
    )


CHANGES: dict[str, Change] = {
    "POST /report/saw": Change(
        action=Permission.REPORT_TAKE,
        prepare=lambda server: Call(client=server.client(), path="/report/saw", form={"links": LINK}),
    ),
    "POST /report/receipt": Change(
        action=None,
        prepare=lambda server: Call(client=server.client(), path="/report/receipt", form={"receipt": a_receipt(server)}),
    ),
    "POST /api/v1/reports": _sent("/api/v1/reports", {"items": [{"kind": "address", "address": LINK}]}),
    "POST /api/v1/reports/xarf": _sent("/api/v1/reports/xarf", {"xarf_version": "4.0.0"}),
    "POST /api/v1/reports/csv": _sent("/api/v1/reports/csv", LINK),
}
