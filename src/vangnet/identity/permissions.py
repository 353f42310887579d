"""The one table of who may do what: `resource:action`, and the few roles that have it.

A role is a job somebody has, not a list of screens. A permission that no role has is a mistake, and a test says so; one
that a person uses on their own account (password, sessions) needs no role and has the resource `me`. The few that no
person has in a browser stand in `NOT_FOR_PEOPLE` and `CONSOLE_ONLY`.
"""

from enum import StrEnum


class Permission(StrEnum):
    AUDIT_READ = "audit:read"  #: Read the audit trail and verify its chain.
    BACKUP_MAKE = "backup:make"  #: Make a sealed backup.
    BACKUP_RESTORE = "backup:restore"  #: Restore a backup into an empty installation.
    HANDOFF_READ = "handoff:read"  #: See what was handed to and received from other installations.
    HANDOFF_RECEIVE = "handoff:receive"  #: Hand something to this installation (another installation, by its signature).
    HANDOFF_SEND = "handoff:send"  #: Hand something to another installation.
    HEALTH_READ = "health:read"  #: See how the installation is doing, its metrics included.
    INSTALLATION_SET_UP = "installation:set_up"  #: Say whose installation this is, and of which kind; once.
    JOB_READ = "job:read"  #: See the jobs that wait, run, or were parked.
    JOB_RETRY = "job:retry"  #: Run a parked job again, or drop it.
    KEY_ISSUE = "key:issue"  #: Issue an API key to a program of ours or of a party we know.
    KEY_READ = "key:read"  #: See which API keys there are, and when each was last used.
    KEY_REVOKE = "key:revoke"  #: Revoke an API key.
    ME_ACCEPT = "me:accept"  #: Accept an invitation.
    ME_SIGN_IN = "me:sign_in"  #: Sign in, or finish doing so.
    ME_SIGN_OUT = "me:sign_out"  #: Sign out here, or end another session of one's own.
    ME_UPDATE = "me:update"  #: Change how one signs in oneself, and one's own language and look.
    PARTY_ADD = "party:add"  #: Add a party we know, or accept one that introduced itself.
    PARTY_END = "party:end"  #: End what we have with a party; its keys and grants stop counting.
    PARTY_GRANT = "party:grant"  #: Grant something to a party, or withdraw the grant.
    PARTY_READ = "party:read"  #: See the parties we know.
    PARTY_UPDATE = "party:update"  #: Change a party's contact or the legal basis of what is exchanged with it.
    PERSON_INVITE = "person:invite"  #: Invite a colleague, or give a new invitation.
    PERSON_LEAVE = "person:leave"  #: Let a colleague leave: sign-in and sessions end at once.
    PERSON_LINK = "person:link"  #: Make a link that signs somebody in; for whoever has a shell on the machine.
    PERSON_READ = "person:read"  #: See who works here, with which roles.
    PERSON_UPDATE = "person:update"  #: Change a colleague's roles, or let them set up a lost second factor anew.


class Role(StrEnum):
    ADMINISTRATOR = "administrator"  #: Runs the installation: people, parties, keys, jobs, backups.
    AUDITOR = "auditor"  #: Checks what others did; reads, changes nothing.
    STAFF = "staff"  #: Does the daily work of the party.


_READS = frozenset({
    Permission.HANDOFF_READ,
    Permission.KEY_READ,
    Permission.PARTY_READ,
    Permission.PERSON_READ,
})  # fmt: skip

#: Receiving is what other installations do, by their signature; no person needs it.
NOT_FOR_PEOPLE = frozenset({Permission.HANDOFF_RECEIVE})

#: What takes a shell on the machine: whoever has that could do it to the database anyway, and here it is audited.
CONSOLE_ONLY = frozenset({Permission.BACKUP_RESTORE, Permission.INSTALLATION_SET_UP, Permission.PERSON_LINK})

#: What everybody does with their own account. Accepting and signing in are done before anybody is signed in.
OWN_ACCOUNT = frozenset({Permission.ME_ACCEPT, Permission.ME_SIGN_IN, Permission.ME_SIGN_OUT, Permission.ME_UPDATE})

#: What somebody who is signed in may do without any role.
EVERYBODY = frozenset({Permission.ME_SIGN_OUT, Permission.ME_UPDATE})

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMINISTRATOR: frozenset(Permission) - NOT_FOR_PEOPLE - CONSOLE_ONLY - OWN_ACCOUNT,
    Role.AUDITOR: _READS | {Permission.AUDIT_READ, Permission.HEALTH_READ, Permission.JOB_READ},
    Role.STAFF: _READS - {Permission.KEY_READ} | {Permission.HANDOFF_SEND},
}


#: What an API key can carry: nothing by which a program could make itself, or somebody else, more than it is.
KEY_SCOPES = ROLE_PERMISSIONS[Role.ADMINISTRATOR] - {
    Permission.KEY_ISSUE,
    Permission.PERSON_INVITE,
    Permission.PERSON_UPDATE,
}  # fmt: skip

#: What a key can carry that is given to another party.
PARTY_KEY_SCOPES = frozenset({Permission.HEALTH_READ})


def permissions_of(roles: frozenset[Role]) -> frozenset[str]:
    """What somebody with these roles may do."""
    return EVERYBODY.union(*(ROLE_PERMISSIONS[role] for role in roles))
