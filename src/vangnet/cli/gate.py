"""`vangnet gate`: the policy, checks of files from the console, and what was decided."""

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from vangnet import _core
from vangnet.cli import past, policy, webhook
from vangnet.cli.hash import files_in
from vangnet.cli.installation import Installation, now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records, say
from vangnet.errors import IndexUnusable
from vangnet.gate.actions import ProviderAction
from vangnet.gate.model import (
    AtMostHeld,
    CheckAnswer,
    CheckMatch,
    Decision,
    Door,
    ListedDecision,
    Outcome,
    at_most_held,
)
from vangnet.gate.service import answering, decisions
from vangnet.gate.service.gate import AT_ONCE, Gate
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Digests, Limits, Reason
from vangnet.hashing.sandbox import Sandbox
from vangnet.hashing.view_words import in_words
from vangnet.registry.service.live import LiveIndex

app = typer.Typer(help="The gate: what it checks, what follows, what it decided.", no_args_is_help=True)
app.add_typer(policy.app, name="policy")
app.add_typer(webhook.app, name="webhook")
app.add_typer(past.app, name="past")

_LOAD_S = 600


@app.command()
def check(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE|DIR…", help="Files, and folders to go through.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Check files against the lists, as an upload would be. Matches are kept like any other decision.

    Ends with status 1 where a file is not allowed, or could not be checked.
    """
    refused = False
    with open_installation() as opened, opened_gate(opened) as gate:
        for path, future in _in_parallel(gate, files_in(paths), opened.settings.media_bytes_max):
            try:
                answer = future.result()
            except OSError as error:
                refused = True
                say(f"error: cannot read `{path}`: {error.strerror or error}")
                continue
            refused = refused or answer.decision is not Decision.ALLOW
            typer.echo(_as_json(path, answer) if as_json else _as_line(path, answer))
    if refused:
        raise typer.Exit(1)


@app.command("decisions")
def list_decisions(
    *,
    upload: Annotated[str | None, typer.Option("--upload", help="Only of this upload, by its own name.")] = None,
    entry: Annotated[int | None, typer.Option("--entry", help="Only those that rest on this entry.")] = None,
    revised: Annotated[bool, typer.Option("--revised", help="Only those that no longer stand.")] = False,
    later: Annotated[bool, typer.Option("--later", help="Only accepted uploads that are known now.")] = False,
    unanswered: Annotated[
        bool, typer.Option("--open", help="Only those that wait for what you did, the oldest first.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=decisions.LIST_MAX, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List decisions that rest on a match, the newest first."""
    with open_installation() as opened, opened.transaction() as conn:
        if unanswered:
            found = answering.list_open(conn, opened.actor, limit=limit)
        else:
            found = decisions.list_decisions(
                conn, opened.actor, object_id=upload, entry_id=entry, revised=revised, later=later, limit=limit
            )
    print_records(
        [_record(one) for one in found],
        as_json=as_json,
        columns=["id", "at", "decision", "upload", "entries", "door", "revised_at", "answered_at"],
    )


@app.command("answer")
def say_action(
    which: Annotated[UUID, typer.Argument(metavar="ID", help="The check's id.")],
    action: Annotated[ProviderAction, typer.Argument(metavar="ACTION", help=f"One of {', '.join(ProviderAction)}.")],
    reason: Annotated[str | None, typer.Option("--reason", help="Why; needed for `kept`.")] = None,
) -> None:
    """Say what you did about a match. A correction is kept beside what it corrects."""
    with open_installation() as opened, opened.transaction() as conn:
        answering.say(conn, opened.actor, decision_id=which, action=action, reason=reason, now=now())
    say("It is kept.")


@app.command("decision")
def show_decision(
    which: Annotated[UUID, typer.Argument(metavar="ID", help="The check's id.")], as_json: AsJson = False
) -> None:
    """Print one decision, with its reasons and its reports."""
    with open_installation() as opened, opened.transaction() as conn:
        shown = decisions.get_decision(conn, opened.actor, decision_id=which)
        said = answering.list_said(conn, opened.actor, decision_id=which)
    one = shown.decision
    record = _record(one) | {
        "checked": list(one.answer.checked),
        "reason": one.answer.reason,
        "index_version": one.answer.index_version,
        "policy_version": one.policy_version,
        "matches": [
            f"list {match.list_name}, entry {match.entry_id}, {match.classification}: {match.algorithm}, "
            f"distance {match.distance}, seen {in_words(match.view)}{_only_held(match)}{', shadow' if match.shadow else ''}"
            for match in one.answer.matches
        ],
        "actions": [f"{one_said.said_at}: {one_said.action} {one_said.reason or ''}".strip() for one_said in said],
        "reports": [f"party {party_id}: hand-off {handoff_id}" for party_id, handoff_id in shown.reports],
    }
    print_record(record, as_json=as_json)


def _only_held(match: CheckMatch) -> str:
    match at_most_held(match.algorithm, match.view):
        case AtMostHeld.PART:
            return ", by a part of the listed picture: holds at most"
        case AtMostHeld.GUESS:
            return ", partly guessed: holds at most"
    return ""


@contextmanager
def opened_gate(opened: Installation, *, at_once: int | None = None) -> Iterator[Gate]:
    """A gate of the command's own, with everything loaded, that hashes so many files at once (by default one a core)."""
    settings = opened.settings
    with ExitStack() as stack:
        live = stack.enter_context(LiveIndex(opened.database, opened.keys, settings.data_dir / "registry-index"))
        sandbox = stack.enter_context(Sandbox(limits=Limits(**settings.media_limits), processes=at_once))
        gate = Gate(
            database=opened.database,
            keys=opened.keys,
            live=live,
            hasher=Hasher(sandbox),
            spool_folder=settings.data_dir / "gate-spool",
            clock=now,
            at_once=max(AT_ONCE, at_once or 0),
        )
        if not live.wait_until_loaded(_LOAD_S):
            raise IndexUnusable(problem="the listed hashes could not be loaded")
        yield stack.enter_context(gate)


def _in_parallel(gate: Gate, files: Iterable[Path], most_bytes: int) -> Iterator[tuple[Path, Future[CheckAnswer]]]:
    """Each file with its answer to come, in order; only so many ahead as keep all cores busy."""
    cores = os.cpu_count() or 1
    waiting: deque[tuple[Path, Future[CheckAnswer]]] = deque()
    with ThreadPoolExecutor(max_workers=cores + 1) as pool:
        for path in files:
            waiting.append((path, pool.submit(_check, gate, path, most_bytes, now())))
            if len(waiting) > 4 * cores:
                yield waiting.popleft()
        yield from waiting


def _check(gate: Gate, path: Path, most_bytes: int, at: datetime) -> CheckAnswer:
    # The path is no name of the provider's for an upload, and may name people: it is not kept.
    if path.stat().st_size <= most_bytes:
        return gate.check(path.read_bytes(), door=Door.SCAN, provider_key=None, object_id=None, now=at)
    return gate.check_unread(
        Reason.TOO_LARGE, digests=_digests_of(path), door=Door.SCAN, provider_key=None, object_id=None, now=at
    )


def _digests_of(path: Path) -> Digests:
    digester = _core.Digester()
    with path.open("rb") as file:
        while piece := file.read(1024 * 1024):
            digester.update(piece)
    md5, sha1, sha256 = digester.finish()
    return Digests(md5=md5, sha1=sha1, sha256=sha256)


def _record(one: ListedDecision) -> dict[str, object]:
    return {
        "id": one.answer.check_id,
        "at": one.at,
        "decision": one.answer.decision,
        "upload": one.object_id,
        "entries": [match.entry_id for match in one.answer.matches],
        "door": one.door,
        "reported_at": one.reported_at,
        "revised_at": one.revised_at,
        "uploaded_at": one.uploaded_at,
        "answered_at": one.answered_at,
    }


def _as_json(path: Path, answer: CheckAnswer) -> str:
    return json.dumps(
        {
            "file": str(path),
            "check_id": str(answer.check_id),
            "outcome": answer.outcome,
            "decision": answer.decision,
            "entries": [match.entry_id for match in answer.matches],
            "checked": list(answer.checked),
            "reason": answer.reason,
        },
        ensure_ascii=False,
    )


def _as_line(path: Path, answer: CheckAnswer) -> str:
    because = ""
    if answer.outcome is Outcome.MATCH:
        because = ", ".join(f"{match.list_name} {match.entry_id}" for match in answer.matches)
    elif answer.reason is not None:
        because = answer.reason
    return f"{answer.decision:<6} {answer.outcome:<11} {because:<24} {path}"
