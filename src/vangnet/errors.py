"""Every deliberate error of Vangnet.

    AppError
    ├── CallerMistake            the caller can mend it (exit 2, HTTP 4xx)
    │   ├── InvalidInput         a value that cannot be taken as it is
    │   │   └── InvalidSettings  the installation's own settings
    │   ├── NotSignedIn          nobody is signed in, or the credentials are wrong
    │   ├── PermissionDenied     signed in, but the role does not allow it
    │   ├── NotFound             no such record, or not for this reader
    │   ├── Conflict             right in itself, but not in the record's present state
    │   │   └── InvalidTransition
    │   ├── RequestRefused       an HTTP request that no route may see
    │   ├── TooLarge             a body over the limit
    │   ├── TooManyAttempts      guessing is slowed down
    │   ├── SignatureRefused     a request is not signed by an installation that we know
    │   └── HandoffRefused       another installation's hand-off is not taken
    ├── Unavailable              a part of Vangnet cannot work now (exit 1, HTTP 503)
    │   ├── DatabaseUnavailable
    │   ├── StorageFull          no room on the disk
    │   ├── DatabaseRefused      the database is there and must not be used as it is
    │   ├── DataFolderUnusable   the data or keys folder cannot be used
    │   ├── PortTaken            another program listens there
    │   ├── InstallationStopped  a part of the demo ended by itself
    │   ├── IntakeStopped        a delivery of reports was not read to its end
    │   ├── IndexUnusable        the index of listed hashes is damaged, or was not checked yet
    │   └── MediumUnusable       a file of the vault is damaged, or its key does not open
    └── PartnerFailed            a third party did not do its part (exit 3, HTTP 502)
        ├── PartnerUnreachable   no answer
        ├── PartnerRefused       an answer, but not what was asked for
        └── FeedRefused          a page of a change feed that does not count

A new class is added only where somebody would act differently on it; otherwise an existing one is raised with other
words. Fields hold ids, states and limits, never media, hashes, links or people: messages end up in logs.
HTTP statuses and exit codes are given at the edges (`web/errors.py`, `cli/main.py`), not here.
"""

from dataclasses import dataclass
from typing import ClassVar


class AppError(Exception):
    """An expected failure, told in one sentence, with an optional hint that says what to do."""

    code: ClassVar[str] = "failure"
    message: ClassVar[str] = "the work could not be done"
    hint: ClassVar[str | None] = None

    def __str__(self) -> str:
        return self.message.format_map(vars(self))

    def advice(self) -> str | None:
        """The hint with this error's own values filled in."""
        return None if self.hint is None else self.hint.format_map(vars(self))


class CallerMistake(AppError):
    """The caller can mend it."""

    code = "caller_mistake"


class Unavailable(AppError):
    """A part of Vangnet cannot do its work now; trying again later can help."""

    code = "unavailable"


class PartnerFailed(AppError):
    """A third party did not answer, or answered something that cannot be used."""

    code = "partner_failed"


# --- what the caller can mend -------------------------------------------------------------------------------------


@dataclass(eq=False, kw_only=True)
class InvalidInput(CallerMistake):
    """A value that cannot be taken as it is; `problem` names the limit and the value's size or shape."""

    code = "invalid_input"
    message = "`{field}` {problem}"

    field: str
    problem: str


@dataclass(eq=False, kw_only=True)
class InvalidSettings(CallerMistake):
    """One or more settings cannot be used; the start stops before anything is touched."""

    code = "invalid_settings"
    message = "the settings cannot be used:\n{problems}"
    hint = "`vangnet config show` prints every setting with its value and where it came from"

    problems: str


class NotSignedIn(CallerMistake):
    """Nobody is signed in, or what was shown does not prove who it is. Deliberately says no more than that."""

    code = "not_signed_in"
    message = "sign-in is needed, or what was given does not match"


@dataclass(eq=False, kw_only=True)
class PermissionDenied(CallerMistake):
    """Somebody is signed in, but no role of theirs carries the permission."""

    code = "permission_denied"
    message = "this needs the permission `{permission}`"
    hint = "an administrator can give a role that has it: see the permissions page of the documentation"

    permission: str


@dataclass(eq=False, kw_only=True)
class NotFound(CallerMistake):
    """No such record, or none that this reader may know of: the two look the same on purpose."""

    code = "not_found"
    message = "there is no {record} `{key}`"

    record: str
    key: str


@dataclass(eq=False, kw_only=True)
class Conflict(CallerMistake):
    """Right in itself, but not with the record as it is now."""

    code = "conflict"
    message = "{problem}"

    problem: str


@dataclass(eq=False, kw_only=True)
class InvalidTransition(Conflict):
    """A state machine was asked for a step it does not have."""

    code = "invalid_transition"
    message = "{record} cannot go from `{current}` to `{requested}`"

    problem: str = ""
    record: str
    current: str
    requested: str


@dataclass(eq=False, kw_only=True)
class TooManyAttempts(CallerMistake):
    """Guessing is slowed down."""

    code = "too_many_attempts"
    message = "too many attempts; the next is taken in {retry_after_s} seconds"

    retry_after_s: int


@dataclass(eq=False, kw_only=True)
class RequestRefused(CallerMistake):
    """An HTTP request that is refused before a route sees it; `status` is its HTTP status."""

    code = "request_refused"
    message = "{problem}"

    problem: str
    status: int = 400


@dataclass(eq=False, kw_only=True)
class TooLarge(CallerMistake):
    """What was sent is larger than is taken."""

    code = "too_large"
    message = "what was sent is larger than the {limit_bytes} bytes that are taken"

    limit_bytes: int


@dataclass(eq=False, kw_only=True)
class HandoffRefused(CallerMistake):
    """What another installation sent is not taken; `reason` is one of `vangnet.handoff.model.Refusal`."""

    code = "handoff_refused"
    message = "the hand-off is refused ({reason}): {problem}"

    reason: str
    problem: str


@dataclass(eq=False, kw_only=True)
class SignatureRefused(CallerMistake):
    """A request that must be signed by another installation's key is not, or not in a way that counts."""

    code = "signature_refused"
    message = "the signature of the request does not count: {problem}"

    problem: str


# --- what cannot work now -----------------------------------------------------------------------------------------


@dataclass(eq=False, kw_only=True)
class DatabaseUnavailable(Unavailable):
    """The database does not answer. What was acknowledged before is kept; what was under way is not."""

    code = "database_unavailable"
    message = "the database does not answer: {problem}"
    hint = "nothing acknowledged is lost; `vangnet doctor` says what is wrong"

    problem: str


@dataclass(eq=False, kw_only=True)
class StorageFull(Unavailable):
    """The disk under the data folder or the database is full."""

    code = "storage_full"
    message = "the disk is full: {problem}"
    hint = "make room and try again; what was acknowledged before is kept"

    problem: str


@dataclass(eq=False, kw_only=True)
class DatabaseRefused(Unavailable):
    """The database is there and must not be used as it is (a newer schema, an edited migration, a gap …)."""

    code = "database_refused"
    message = "the database cannot be used as it is: {problem}"
    hint = "{remedy}"

    problem: str
    remedy: str


@dataclass(eq=False, kw_only=True)
class DataFolderUnusable(Unavailable):
    """The data or keys folder cannot be used."""

    code = "data_folder_unusable"
    message = "the folder `{folder}` cannot be used: {problem}"
    hint = "set {setting} to a folder that this account can write to"

    folder: str
    problem: str
    setting: str


@dataclass(eq=False, kw_only=True)
class PortTaken(Unavailable):
    """Another program listens where Vangnet should."""

    code = "port_taken"
    message = "another program already listens on {host}, port {port}"
    hint = "stop it, or set {setting} to a free port"

    host: str
    port: int
    setting: str = "VANGNET_PORT"


@dataclass(eq=False, kw_only=True)
class IntakeStopped(Unavailable):
    """A delivery of reports was not read to its end. What was taken in is there."""

    code = "intake_stopped"
    message = "taking in stopped: {problem}"
    hint = "give the same command again: it goes on where it was left"

    problem: str


@dataclass(eq=False, kw_only=True)
class InstallationStopped(Unavailable):
    """One of the installations that the demo started is not there any more."""

    code = "installation_stopped"
    message = "the {kind} installation {problem}"
    hint = "its log says why: {log}"

    kind: str
    problem: str
    log: str


@dataclass(eq=False, kw_only=True)
class IndexUnusable(Unavailable):
    """The index of listed hashes cannot be looked into: nothing is answered rather than something wrong."""

    code = "index_unusable"
    message = "the index cannot be used: {problem}"
    hint = "build it again from the lists, or bring back a file that `vangnet index verify` finds whole"

    problem: str


@dataclass(eq=False, kw_only=True)
class MediumUnusable(Unavailable):
    """A medium of the vault cannot be opened: its file or its key is not what it was. Nothing of it is shown."""

    code = "medium_unusable"
    message = "the medium {medium_id} cannot be opened: {problem}"
    hint = "bring its file, or the keys folder, back from a copy; `vangnet vault check` says what is lost"

    medium_id: str
    problem: str


# --- what a third party did not do --------------------------------------------------------------------------------


@dataclass(eq=False, kw_only=True)
class PartnerUnreachable(PartnerFailed):
    """No answer from a third party; `partner` is our own id or name for it, never its address."""

    code = "partner_unreachable"
    message = "{partner} does not answer: {problem}"

    partner: str
    problem: str


@dataclass(eq=False, kw_only=True)
class PartnerRefused(PartnerFailed):
    """A third party answered, but not with what was asked for."""

    code = "partner_refused"
    message = "{partner} refused: {problem}"

    partner: str
    problem: str


@dataclass(eq=False, kw_only=True)
class FeedRefused(PartnerFailed):
    """A page of a change feed is forged, changed, replayed or does not continue ours; `fault` says which."""

    code = "feed_refused"
    message = "a page of the change feed does not count ({fault}): {problem}"
    hint = (
        "ask whoever runs that installation what happened there before you go on with "
        "`vangnet registry subscription resume`"
    )

    fault: str
    problem: str
