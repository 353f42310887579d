"""The generators read the code rightly, in the forms in which the code is written."""

import pytest
from generators import audit_events, schema
from generators.audit_events import RecordedEvent, UnclearEvent
from generators.source import Module, closed_sets

SERVICE = """
from vangnet.audit import service as audit
from vangnet.audit.service import record


def add(conn, actor, *, now):
    audit.record(conn, actor, action=Permission.PARTY_ADD, record="party", record_id=1, now=now, state="known")


def end(conn, actor, *, now):
    _record(conn, actor, Permission.PARTY_END, now=now, count=2)


def change(conn, actor, *, now):
    _twice_removed(conn, actor, now=now)


def either(conn, actor, *, now, first):
    record(conn, actor, action=_which(first), record="key", record_id=1, now=now)


def chosen(conn, actor, *, now, first):
    action = Permission.JOB_RETRY if first else Permission.BACKUP_MAKE
    record(conn, actor, action=action, record="job", record_id=1, now=now)


def look(conn):
    return 1


def _record(conn, actor, action, *, now, **details):
    record(conn, actor, action=action, record="party", record_id=1, now=now, kind="police", **details)


def _twice_removed(conn, actor, *, now):
    _record(conn, actor, action=Permission.PARTY_UPDATE, now=now)


def _which(first):
    if first:
        return Permission.KEY_ISSUE
    return Permission.KEY_REVOKE
"""


def test_events_are_found_through_private_functions_parameters_and_choices() -> None:
    module = Module.parse(SERVICE, name="vangnet.identity.service.example")
    found = {(event.use_case.rpartition(".")[2], event.action, event.record, event.details) for event in _events(module)}
    assert found == {
        ("add", "party:add", "party", ("state",)),
        ("end", "party:end", "party", ("count", "kind")),
        ("change", "party:update", "party", ("kind",)),
        ("either", "key:issue", "key", ()),
        ("either", "key:revoke", "key", ()),
        ("chosen", "job:retry", "job", ()),
        ("chosen", "backup:make", "job", ()),
    }


@pytest.mark.parametrize("action", ["what", "'party:add'", "Permission[name]"])
def test_an_event_whose_action_cannot_be_read_is_refused(action: str) -> None:
    text = (
        "from vangnet.audit.service import record\n"
        "def add(conn, actor, now, what):\n"
        f"    record(conn, actor, action={action}, record='party', record_id=1, now=now)\n"
    )
    with pytest.raises(UnclearEvent, match=r"parties\.add"):
        _events(Module.parse(text, name="vangnet.identity.service.parties"))


def test_closed_sets_are_read_with_their_comments() -> None:
    (found,) = closed_sets(Module.parse('class Kind(StrEnum):\n    #: Above.\n    A = "a"\n    B_C = "b-c"  #: Beside.\n'))
    assert [(member.name, member.value, member.comment) for member in found.members] == [
        ("A", "a", "Above."),
        ("B_C", "b-c", "Beside."),
    ]


def test_a_table_of_a_dump_is_read_whole() -> None:
    (found,) = schema.tables(
        'CREATE TABLE public.party (\n    id uuid NOT NULL,\n    "right" text,\n'
        "    CONSTRAINT party_right CHECK ((\"right\" <> ''::text))\n);\n"
        "COMMENT ON TABLE public.party IS 'A party''s row.';\n"
        "COMMENT ON COLUMN public.party.\"right\" IS 'What it may.';\n"
        "GRANT SELECT,INSERT ON TABLE public.party TO vangnet_runtime;\n"
        'GRANT UPDATE("right") ON TABLE public.party TO vangnet_runtime;\n'
    )
    assert found.comment == "A party's row."
    assert found.columns == [("id", "uuid"), ("right", "text")]
    assert found.column_comments == {"right": "What it may."}
    assert found.rights == "select, insert, update of right"


def _events(module: Module) -> list[RecordedEvent]:
    return list(audit_events.recorded_events([module]))
