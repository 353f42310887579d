"""The layout of a capability: `model` (types and pure rules), `store` (SQL), `service` (use cases), and what has a name
that tells."""

import ast

import pytest
from generators.source import Module

CAPABILITIES = {"audit", "identity", "handoff", "vault", "registry", "reports", "gate", "retention", "jobs"}
PARTS = {"model", "store", "service"}
#: Formats of a capability's own, one file each.
FORMATS = {"registry", "reports"}
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
    "vangnet.reports.evidence_clocks": "rules: which evidence a report points to, and when it is gone",
    "vangnet.reports.match_drafts": "rules: what a gate tells of a match, as a report",
    "vangnet.reports.preservation_letter": "rules: the letter that asks for evidence to be kept",
    "vangnet.reports.referral_contents": "rules: what of a report goes to whom, and what is made of it there",
    "vangnet.reports.regimes": "how long others keep what, by which law or assumption",
    "vangnet.reports.typed_trees": "rules: whether what came from elsewhere holds what its types say",
    "vangnet.reports.agreement": "rules: how often two people agree who do not know of each other",
    "vangnet.reports.assessment_rules": "rules: what is asked about a file, when an answer stands, who may give one",
    "vangnet.reports.capacity": "rules: how far the work reaches, and what is drawn below that line",
    "vangnet.reports.clustering": "rules: which pictures are near enough to be one cluster",
    "vangnet.reports.danger": "rules: who is called, and when the next one is",
    "vangnet.reports.exposure": "rules: what somebody was shown, added up for their own good",
    "vangnet.reports.fact_finding": "rules: what triage is to know of a report",
    "vangnet.reports.features": "rules: by which values reports are compared",
    "vangnet.reports.golden_pictures": "rules: generated pictures that check how the work is done",
    "vangnet.reports.grouping": "rules: which reports belong together, people's deeds included",
    "vangnet.reports.help_contacts": "rules: where the public page sends who needs help, and when that was checked",
    "vangnet.reports.linking": "rules: which values link two reports, and why",
    "vangnet.reports.missed": "rules: the share of urgent reports that is missed, with its interval",
    "vangnet.reports.normal_forms": "rules: one way to write a mail address, a number, a host",
    "vangnet.reports.shown_picture": "pixels that were cut out, made into a picture that a browser shows",
    "vangnet.reports.order": "rules: who stands in front",
    "vangnet.reports.triage": "rules: how many points a report has, and why",
    "vangnet.reports.triage_preview": "rules: what another policy would move",
    "vangnet.retention.terms": "rules: terms as a document, and sets to start from",
    "vangnet.vault.files": "the sealed files on disk",
}


def strangers(module_names: list[str]) -> list[str]:
    """Modules of a capability that are neither a part nor named above, and service or store code at another depth."""
    found = []
    for name in module_names:
        _, *rest = name.split(".")
        if len(rest) < 2 or rest[0] not in CAPABILITIES or name in BESIDES:
            continue
        parts = PARTS | {"formats"} if rest[0] in FORMATS else PARTS
        if rest[1] not in parts or len(rest) > 3:
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
    assert BESIDES.keys() <= {module.name for module in modules}


@pytest.mark.parametrize(
    "name", ["vangnet.identity.queries", "vangnet.audit.views", "vangnet.identity.service.people.letters"]
)
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
