"""The main job, made ready for the demo: the hotline lists a generated picture, the provider follows and checks."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection, Database
from vangnet.errors import NotFound
from vangnet.gate.model import Decision
from vangnet.gate.policy import STARTING, as_document
from vangnet.gate.service import policies
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Convention, Hashed, Limits
from vangnet.hashing.sandbox import Sandbox
from vangnet.identity.permissions import Permission
from vangnet.identity.service import parties, people
from vangnet.keys import Keys
from vangnet.registry.formats.reading import Taken
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import Category, EntryDraft, HashAlgorithm, ListedHash, MediaKind
from vangnet.registry.service import categories, imports, lists, sharing, subscriptions
from vangnet.simulation.installations import Cast

LIST_NAME = "Generated pictures of the demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One installation of the demo, opened."""

    database: Database
    keys: Keys
    cast: Cast


def list_and_follow(hotline: House, provider: House, *, listed: bytes, now: datetime) -> None:
    """Puts `listed` on a list of the hotline's that two of its people activate, and has the provider follow it.

    Done once; the next time everything is there already.
    """
    with hotline.database.transaction() as conn:
        try:
            lists.find(conn, _system(), LIST_NAME)
        except NotFound:
            known = False
        else:
            known = True
    if not known:
        list_id = _list(hotline, listed, now=now)
        with hotline.database.transaction() as conn:
            sharing.share(conn, _system(), list_id=list_id, party_id=_party(conn, provider.keys), now=now)
    with provider.database.transaction() as conn:
        hub = _party(conn, hotline.keys)
        if not subscriptions.list_subscriptions(conn, _system()):
            subscriptions.subscribe(conn, _system(), party_id=hub, now=now)
        if policies.show(conn, _system()).version == 0:
            # As a provider would choose that trusts its lists: pictures that look alike are refused, and the hotline hears.
            document = as_document(STARTING) | {
                "perceptual_blocks": True,
                "report_to": [str(hub)],
                "report_on": [Decision.BLOCK.value],
            }
            policies.choose(conn, _system(), document=document, now=now)


def _list(hotline: House, listed: bytes, *, now: datetime) -> UUID:
    keys = hotline.keys
    draft = EntryDraft(
        media_kind=MediaKind.IMAGE,
        hashes=_hashes(listed),
        category=Category(scheme="iccam", name="1"),
        reference="demo-1",
    )
    with hotline.database.transaction() as conn:
        made = lists.create(conn, _system(), keys=keys, name=LIST_NAME, now=now)
        batch = imports.start(
            conn, _system(), list_id=made.id, format_="demo", source_digest=draft.hashes[2].value, now=now
        )
        imports.take(
            conn,
            _system(),
            keys=keys,
            batch_id=batch.id,
            after=0,
            rows=[Taken(position=1, draft=draft)],
            done=True,
            now=now,
        )
    with hotline.database.transaction() as conn:
        for category in categories.list_categories(conn, _system(), made.id):
            categories.map_category(
                conn, _system(), keys=keys, category_id=category.id, classification=Classification.BASELINE, now=now
            )
    for colleague in hotline.cast.colleagues[:2]:
        with hotline.database.transaction() as conn:
            person = people.find_by_email(conn, _system(), colleague.email)
            if person is None:
                raise NotFound(record="person", key="of the demo")
            actor = Actor(kind=ActorKind.PERSON, id=str(person.id), permissions=frozenset(Permission))
            lists.approve_activation(conn, actor, keys=keys, list_id=made.id, now=now)
    return made.id


def _hashes(file: bytes) -> tuple[ListedHash, ...]:
    with Sandbox(limits=Limits(), processes=1) as sandbox:
        outcome = Hasher(sandbox).hash_bytes(file)
    digests = outcome.digests
    made = [
        ListedHash(algorithm=HashAlgorithm.MD5, value=digests.md5),
        ListedHash(algorithm=HashAlgorithm.SHA1, value=digests.sha1),
        ListedHash(algorithm=HashAlgorithm.SHA256, value=digests.sha256),
    ]
    if isinstance(outcome, Hashed):
        hash_ = outcome.frames[0].hashes()[Convention.FULL]
        made.append(
            ListedHash(algorithm=HashAlgorithm.PDQ, value=hash_.hash, convention=Convention.FULL, quality=hash_.quality)
        )
    return tuple(made)


def _party(conn: Connection, keys: Keys) -> UUID:
    found = parties.find_party_by_public_key(conn, keys.public_key)
    if found is None:
        raise NotFound(record="party", key="of the demo")
    return found.id


def _system() -> Actor:
    return Actor(kind=ActorKind.CONSOLE, id="demo", permissions=frozenset(Permission))
