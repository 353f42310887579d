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
    GATE_ANSWER = "gate:answer"  #: Say what was done about a match.
    GATE_CHECK = "gate:check"  #: Have files or hashes checked against the lists.
    GATE_CHOOSE = "gate:choose"  #: Choose what follows from a check: allow, hold or block.
    GATE_ERASE = "gate:erase"  #: Erase what is kept of accepted uploads, by their own names.
    GATE_LIFT = "gate:lift"  #: End the limit on a key or uploader that seemed to try the lists out.
    GATE_READ = "gate:read"  #: See what the gate decided, how often, and by which policy.
    GATE_REVIEW = "gate:review"  #: Say of a held or blocked upload whether it was a false alarm.
    GATE_TELL = "gate:tell"  #: Have the webhook told something again, or a test.
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
    REGISTRY_ACTIVATE = "registry:activate"  #: Let a list match on trial, and be one of the two people who activate it.
    REGISTRY_ANSWER = "registry:answer"  #: Answer a dispute about an entry that somebody else listed.
    REGISTRY_CHOOSE = "registry:choose"  #: Choose what of a list decides here: whether, which classifications, how near.
    REGISTRY_CREATE = "registry:create"  #: Make a hash list, rename it, say how many must agree on its entries.
    REGISTRY_DISPUTE = "registry:dispute"  #: Contest an entry.
    REGISTRY_EXPORT = "registry:export"  #: Be one of the two people by whom a list is written out with its hashes.
    REGISTRY_FOLLOW = "registry:follow"  #: Follow another installation's lists, or stop following them.
    REGISTRY_IMPORT = "registry:import"  #: Read entries into a list from a file or a third party.
    REGISTRY_KNOWN_GOOD = "registry:known_good"  #: Add harmless pictures that must never be listed.
    REGISTRY_LOOK_UP = "registry:look_up"  #: Ask which entries a hash or a picture matches.
    REGISTRY_MAP = "registry:map"  #: Say what a supplier's category means.
    REGISTRY_MATCH = "registry:match"  #: Tell the registry which entries matched.
    REGISTRY_OPEN = "registry:open"  #: See an entry's hashes, to contest or correct it.
    REGISTRY_PROPOSE = "registry:propose"  #: Propose an entry, or say whether it belongs on its list.
    REGISTRY_READ = "registry:read"  #: See lists, entries without their hashes, what was stopped, disputes.
    REGISTRY_RESOLVE = "registry:resolve"  #: Decide on an entry that a safeguard stopped.
    REGISTRY_SHARE = "registry:share"  #: Let a party follow a list of ours, or end that.
    REGISTRY_SUSPEND = "registry:suspend"  #: Stop a list or an entry, at once and alone.
    REGISTRY_WITHDRAW = "registry:withdraw"  #: Withdraw or correct an entry.
    REPORT_ERASE = "report:erase"  #: Erase what a report says, when its term has ended.
    REPORT_LEAD = "report:lead"  #: Choose the order of reports, assign them to colleagues, see what is missed.
    REPORT_READ = "report:read"  #: See which reports there are, and what became of each, without what they say.
    REPORT_REFER = "report:refer"  #: Hand a report to another party.
    REPORT_REPAIR = "report:repair"  #: Mend what came in and could not be read.
    REPORT_TAKE = "report:take"  #: Take reports in.
    REPORT_WORK = "report:work"  #: Read reports whole, claim them, link them, note and decide what becomes of them.
    RETENTION_CHOOSE = "retention:choose"  #: Choose how long what is kept.
    RETENTION_READ = "retention:read"  #: See how long what is kept, and what is due to be erased.
    VAULT_CHECK = "vault:check"  #: Check that every medium of the vault is there and whole.
    VAULT_ENABLE = "vault:enable"  #: Let media be taken into the vault, or end that.
    VAULT_ERASE = "vault:erase"  #: Erase a medium, or say that a record needs it no more.
    VAULT_HOLD = "vault:hold"  #: Keep a medium from being erased, or end that.
    VAULT_OPEN = "vault:open"  #: Open a medium, with a reason.
    VAULT_PUT = "vault:put"  #: Put a file into the vault, and say why it is kept.
    VAULT_READ = "vault:read"  #: See which media the vault has and why each is kept, without opening any.


class Role(StrEnum):
    ADMINISTRATOR = "administrator"  #: Runs the installation: people, parties, keys, jobs, backups.
    AUDITOR = "auditor"  #: Checks what others did; reads, changes nothing.
    LEAD = "lead"  #: Leads a desk: the order of reports, who works on what, what is missed.
    CURATOR = "curator"  #: Keeps the hash lists: reads them in, maps, activates, corrects, answers disputes.
    STAFF = "staff"  #: Does the daily work of the party.


_READS = frozenset({
    Permission.GATE_READ,
    Permission.HANDOFF_READ,
    Permission.KEY_READ,
    Permission.PARTY_READ,
    Permission.PERSON_READ,
    Permission.REGISTRY_READ,
    Permission.REPORT_READ,
    Permission.RETENTION_READ,
    Permission.VAULT_READ,
})  # fmt: skip

#: Receiving is what other installations do, by their signature; what matched is told by what checks uploads.
NOT_FOR_PEOPLE = frozenset({Permission.HANDOFF_RECEIVE, Permission.REGISTRY_MATCH})

#: What takes a shell on the machine: whoever has that could do it to the database anyway, and here it is audited.
CONSOLE_ONLY = frozenset({Permission.BACKUP_RESTORE, Permission.INSTALLATION_SET_UP, Permission.PERSON_LINK})

#: What only those do whose work it is: whoever runs the machine needs to see no media and nobody who is named in a report,
#: and no API key opens any.
FOR_THE_WORK = frozenset({
    Permission.REPORT_REFER, Permission.REPORT_REPAIR, Permission.REPORT_WORK, Permission.VAULT_OPEN,
})  # fmt: skip

#: What everybody does with their own account. Accepting and signing in are done before anybody is signed in.
OWN_ACCOUNT = frozenset({Permission.ME_ACCEPT, Permission.ME_SIGN_IN, Permission.ME_SIGN_OUT, Permission.ME_UPDATE})

#: What somebody who is signed in may do without any role.
EVERYBODY = frozenset({Permission.ME_SIGN_OUT, Permission.ME_UPDATE})

#: Whom one shares with or follows is a matter between parties, and the administrator's.
_CURATION = frozenset({
    permission
    for permission in Permission
    if permission.startswith("registry:")
    and permission not in {Permission.REGISTRY_FOLLOW, Permission.REGISTRY_MATCH, Permission.REGISTRY_SHARE}
})  # fmt: skip

_STAFF = _READS - {Permission.KEY_READ} | {
    Permission.GATE_ANSWER,
    Permission.GATE_REVIEW,
    Permission.HANDOFF_SEND,
    Permission.REGISTRY_DISPUTE,
    Permission.REGISTRY_LOOK_UP,
    Permission.REGISTRY_PROPOSE,
    Permission.REGISTRY_SUSPEND,
    Permission.REPORT_REFER,
    Permission.REPORT_REPAIR,
    Permission.REPORT_TAKE,
    Permission.REPORT_WORK,
    Permission.VAULT_HOLD,
    Permission.VAULT_OPEN,
    Permission.VAULT_PUT,
}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMINISTRATOR: frozenset(Permission) - NOT_FOR_PEOPLE - CONSOLE_ONLY - OWN_ACCOUNT - FOR_THE_WORK,
    Role.AUDITOR: _READS | {Permission.AUDIT_READ, Permission.HEALTH_READ, Permission.JOB_READ},
    Role.CURATOR: _READS - {Permission.KEY_READ} | _CURATION,
    # Anybody who works with matches can stop a list: that takes one person, and no waiting for a curator.
    Role.STAFF: _STAFF,
    Role.LEAD: _STAFF | {Permission.REPORT_LEAD},
}


#: What an API key can carry: nothing by which a program could make itself, or somebody else, more than it is.
KEY_SCOPES = ROLE_PERMISSIONS[Role.ADMINISTRATOR] - {
    Permission.KEY_ISSUE,
    Permission.PERSON_INVITE,
    Permission.PERSON_UPDATE,
}  # fmt: skip

#: What a key can carry that is given to another party. What its programs propose waits for people here.
PARTY_KEY_SCOPES = frozenset({Permission.HEALTH_READ, Permission.REGISTRY_PROPOSE, Permission.REPORT_TAKE})


def permissions_of(roles: frozenset[Role]) -> frozenset[str]:
    """What somebody with these roles may do."""
    return EVERYBODY.union(*(ROLE_PERMISSIONS[role] for role in roles))
