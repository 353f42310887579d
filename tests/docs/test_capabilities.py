"""The layout of a capability: `model` (types and pure rules), `store` (SQL), `service` (use cases), and what has a name
that tells. The largest has its rules and use cases in packages, one a subject."""

import ast

import pytest
from generators.source import Module

CAPABILITIES = {"audit", "identity", "handoff", "vault", "registry", "reports", "gate", "retention", "jobs"}
PARTS = {"model", "store", "service"}
#: Formats of a capability's own, one file each.
FORMATS = {"registry", "reports"}
#: The parts of `reports` that are divided by subject, and the subjects; most have a page of their own in docs/explanation.
DIVIDED = {"rules", "service"}
SUBJECTS = {
    "intake": "reports come in, from everywhere",
    "linking": "reports that belong together",
    "triage": "the order in which they are opened",
    "desk": "the work on them",
    "assessment": "looking at pictures, and answering what is asked about them",
    "evidence": "evidence that others have, and its clocks",
    "referral": "what goes to other parties and comes from them",
}
#: Use cases of no one subject.
UNDIVIDED = {"vangnet.reports.service.erasing", "vangnet.reports.service.secrets"}
#: Modules beside those three, and what they are. A new one is added here by whoever can say what it is.
BESIDES: dict[str, str] = {
    "vangnet.audit.chain": "rules: how an event becomes a link of the chain",
    "vangnet.audit.details": "rules: what an event's details may hold, and how they are written",
    "vangnet.audit.heads": "signed heads in files outside the database",
    "vangnet.audit.inspection": "rules: what can be wrong with a chain",
    "vangnet.audit.problem": "rules: the findings, in words",
    "vangnet.audit.sealer": "the threads that chain events and export heads",
    "vangnet.audit.verification": "reads the whole trail and judges it",
    "vangnet.gate.actions": "rules: what a provider says that it did about a match",
    "vangnet.gate.contest_reasons": "rules: why a provider contests a listing",
    "vangnet.gate.matching": "which listed entries a file's hashes find",
    "vangnet.gate.measures": "rules: how long answers took, in classes of time",
    "vangnet.gate.past": "rules: which accepted uploads are kept, for how long, and what a later match is",
    "vangnet.gate.policy": "rules: what follows from what was found, as the provider chose",
    "vangnet.gate.preview": "rules: what another policy would have changed",
    "vangnet.gate.probing": "rules: who tries the lists out, and what they are told then",
    "vangnet.gate.scan": "a store of files, gone through and asked about one by one",
    "vangnet.gate.scan_state": "how far a scan is, on disk, and its report",
    "vangnet.gate.scan_totals": "counts of what a scan came to",
    "vangnet.gate.spool": "matches on disk while the database is away",
    "vangnet.gate.tally": "counts of checks, kept in memory and written by the minute",
    "vangnet.gate.turned": "rules: the hash of a picture that is turned or mirrored, made of its bits",
    "vangnet.gate.uploader_text": "rules: what a refused uploader may be told",
    "vangnet.gate.uploads": "a file's bytes made into what is checked",
    "vangnet.gate.webhooks": "rules: what the provider's own system is told, and how that is signed",
    "vangnet.jobs.app": "our tasks, told to procrastinate",
    "vangnet.jobs.desk": "tasks: calling people for danger, counting and drawing below the line",
    "vangnet.jobs.fetching": "tasks: lists taken from third parties' services",
    "vangnet.jobs.following": "the threads that follow other installations' lists",
    "vangnet.jobs.erasure": "tasks: erasing what has come to the end of its term",
    "vangnet.jobs.mailbox": "tasks: reports fetched from the mailbox",
    "vangnet.jobs.reports": "tasks: reports read, looked up, placed",
    "vangnet.jobs.tasks": "the tasks themselves, and their schedule",
    "vangnet.jobs.workplace": "what tasks work with",
    "vangnet.registry.safeguards": "rules: what stands between a list and harm",
    "vangnet.registry.structures": "rules: generated pictures that show nothing",
    "vangnet.identity.permissions": "the table of who may do what",
    "vangnet.jobs.follow_up": "tasks: referrals and their answers, evidence that is gone",
    "vangnet.retention.terms": "rules: terms as a document, and sets to start from",
    "vangnet.vault.files": "the sealed files on disk",
}


def strangers(module_names: list[str]) -> list[str]:
    """Modules of a capability that are neither a part nor named above, and service or store code at another depth."""
    found = []
    for name in module_names:
        _, *rest = name.split(".")
        if len(rest) < 2 or rest[0] not in CAPABILITIES or name in BESIDES | dict.fromkeys(UNDIVIDED):
            continue
        parts = PARTS | {"formats"} if rest[0] in FORMATS else PARTS
        if rest[0] == "reports" and rest[1] in DIVIDED and rest[2:]:
            is_stranger = rest[2] not in SUBJECTS or len(rest) > 4
        else:
            is_stranger = rest[1] not in parts | (DIVIDED if rest[0] == "reports" else set()) or len(rest) > 3
        if is_stranger:
            found.append(name)
    return found


def undocumented(module: Module) -> list[str]:
    """Public names of services, rules and stores' packages that have no docstring; these are the reference of the code."""
    complaints = [] if ast.get_docstring(module.tree) else [f"{module.path} has no docstring"]
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            complaints += _without_docstring(module, node)
            complaints += [
                complaint
                for part in node.body
                if isinstance(part, ast.FunctionDef)
                for complaint in _without_docstring(module, part)
            ]
        elif isinstance(node, ast.FunctionDef):
            complaints += _without_docstring(module, node)
    return complaints


def _without_docstring(module: Module, node: ast.ClassDef | ast.FunctionDef) -> list[str]:
    is_closed_set = isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "StrEnum" for base in node.bases)
    if node.name.startswith("_") or is_closed_set or ast.get_docstring(node):  # A closed set has a comment a member.
        return []
    return [f"{module.path}:{node.lineno} `{node.name}` has no docstring"]


def test_a_capability_holds_model_store_service_and_what_is_named(modules: list[Module]) -> None:
    assert strangers([module.name for module in modules]) == []


def test_what_is_named_exists(modules: list[Module]) -> None:
    names = {module.name for module in modules}
    assert BESIDES.keys() | UNDIVIDED <= names
    assert {f"vangnet.reports.service.{subject}" for subject in SUBJECTS} <= names


@pytest.mark.parametrize(
    "name",
    [
        "vangnet.identity.queries", "vangnet.audit.views", "vangnet.identity.service.people.letters",
        "vangnet.reports.odds", "vangnet.reports.rules.odds", "vangnet.reports.service.letters",
        "vangnet.reports.service.desk.people.letters", "vangnet.reports.store.desk.people", "vangnet.identity.rules",
    ],
)  # fmt: skip
def test_a_stranger_is_found(name: str) -> None:
    assert strangers([name]) == [name]


def test_every_public_name_of_services_and_rules_has_a_docstring(modules: list[Module]) -> None:
    checked = [
        module
        for module in modules
        if (parts := module.name.split("."))[1:2] and parts[1] in CAPABILITIES | {"db", "partners", "keys", "errors"}
        and parts[1:3] != ["db", "migrations"]
    ]  # fmt: skip
    assert len(checked) > 10
    assert [complaint for module in checked for complaint in undocumented(module)] == []


@pytest.mark.parametrize(
    "text",
    [
        "def add(conn): ...",
        '"""Parties."""\n\n\ndef add(conn): ...',
        '"""Parties."""\n\n\nclass Party:\n    name: str',
        '"""Parties."""\n\n\nclass Party:\n    """A party."""\n\n    def end(self): ...',
    ],
)
def test_a_missing_docstring_is_found(text: str) -> None:
    assert undocumented(Module.parse(text))


def test_private_names_and_closed_sets_need_no_docstring() -> None:
    assert not undocumented(Module.parse('"""Parties."""\n\n\ndef _add(): ...\n\n\nclass Kind(StrEnum):\n    A = "a"'))
