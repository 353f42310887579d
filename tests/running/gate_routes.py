"""Every route of the gate's own pages, said a second time, as `routes` says the others. And records to use them on."""

import json
import uuid
from datetime import UTC, datetime, timedelta

from running.changes import Call, Change, administrator
from running.gate_lists import list_files
from running.server import RunningServer
from vangnet.gate.model import CheckAnswer, Door
from vangnet.gate.policy import STARTING, as_document
from vangnet.gate.probing import Alarm, Asker, Sign
from vangnet.gate.service import policies
from vangnet.gate.store import probes
from vangnet.identity.permissions import Permission
from vangnet.registry.model.entries import HashAlgorithm
from vangnet.web.access import Rule

RULES: dict[str, Permission | Rule] = {
    "GET /gate": Permission.GATE_READ,
    "GET /gate/live": Permission.GATE_READ,
    "GET /gate/policy": Permission.GATE_READ,
    "GET /gate/policy/change": Permission.GATE_CHOOSE,
    "GET /gate/probes": Permission.GATE_READ,
    "GET /gate/review": Permission.GATE_READ,
    "POST /gate/policy": Permission.GATE_CHOOSE,
    "POST /gate/policy/preview": Permission.GATE_CHOOSE,
    "POST /gate/probes/{probe_id}/lift": Permission.GATE_LIFT,
    "POST /gate/review/{check_id}": Permission.GATE_REVIEW,
}

FILE = b"a listed text of the tests of pages"


def a_match(server: RunningServer) -> CheckAnswer:
    """A decision that rests on a match."""
    with server.transaction() as conn:
        known = conn.execute("SELECT FROM registry_list WHERE name = 'of the pages'").fetchone()
    if known is None:
        list_files(server, [FILE], name="of the pages", algorithms=[HashAlgorithm.SHA256])
    at = datetime.now(UTC)
    return server.gate.check(FILE, door=Door.CLAMD, provider_key=None, object_id="upload ab12", now=at)


def a_probe(server: RunningServer, *, of_uploader: bool = True) -> uuid.UUID:
    """An alarm about somebody who is limited for another hour; its number."""
    alarm = Alarm(
        asker=Asker(key=str(uuid.uuid4()), uploader=uuid.uuid4().bytes * 2 if of_uploader else None),
        sign=Sign.VARIANTS,
        at=datetime.now(UTC),
        matches=7,
        checks=9,
        decisions=(a_match(server).check_id,),
    )
    with server.transaction() as conn:
        return probes.keep_alarm(conn, alarm, id_=uuid.uuid4(), limited_until=alarm.at + timedelta(hours=1))


def fields(**changes: str) -> dict[str, object]:
    """The form of the policy's page, filled with the starting set."""
    document = as_document(STARTING)
    form: dict[str, object] = {"instead_of": "0", "unavailable": "hold", "report_on": ["block"]}
    for classification, rules in document["matches"].items():
        form |= {f"{classification}.{digest}": rules[digest] for digest in ("sha256", "weak_digest")}
        form[f"{classification}.up_to"] = [str(band["up_to"]) for band in rules["perceptual"]] + [""]
        form[f"{classification}.band"] = [band["decision"] for band in rules["perceptual"]] + ["hold"]
    form |= {f"unhashable.{reason}": decision for reason, decision in document["unhashable"].items()}
    return form | changes


def _choosing(server: RunningServer) -> Call:
    with server.transaction() as conn:
        version = policies.version(conn)
    form = {"document": json.dumps(as_document(STARTING)), "instead_of": str(version)}
    return Call(client=administrator(server), path="/gate/policy", form=form)


def _previewing(server: RunningServer) -> Call:
    with server.transaction() as conn:
        version = policies.version(conn)
    return Call(client=administrator(server), path="/gate/policy/preview", form=fields(instead_of=str(version)))


CHANGES: dict[str, Change] = {
    "POST /gate/policy": Change(action=Permission.GATE_CHOOSE, prepare=_choosing),
    "POST /gate/policy/preview": Change(action=None, prepare=_previewing),
    "POST /gate/probes/{probe_id}/lift": Change(
        action=Permission.GATE_LIFT,
        prepare=lambda server: Call(client=administrator(server), path=f"/gate/probes/{a_probe(server)}/lift"),
    ),
    "POST /gate/review/{check_id}": Change(
        action=Permission.GATE_REVIEW,
        prepare=lambda server: Call(
            client=administrator(server), path=f"/gate/review/{a_match(server).check_id}", form={"false_alarm": "true"}
        ),
    ),
}
