"""The accident of 2021 at the doors: a widely used program's default pictures on a supplier's list, by mistake, as `other`.

Then providers removed harmless files. Here the doors are asked with the strictest policy that there is, clamd by a program
that removes what is found: whichever one of the three safeguards there is, no customer's file is touched, and what is
rightly listed is refused all the while. How each safeguard works is in test_registry_accident.py; without any of them, the
accident happens.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pictures import encoded, photo
from running.gate_lists import hashes_of, list_files, wait_until_followed
from running.hash_lists import ANNE, BRAM, rows
from running.programs import program, run
from running.server import RunningServer, console, own_database, running
from running.states import wait_until

from vangnet.errors import Conflict
from vangnet.gate.model import Decision, Door
from vangnet.gate.policy import STARTING, Band, MatchRules, as_document
from vangnet.gate.service import policies
from vangnet.hashing.index import RADIUS, RADIUS_MAX
from vangnet.identity.model import InstallationKind
from vangnet.identity.permissions import Permission
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.entries import Category, EntryDraft, EntryState, HashAlgorithm, MediaKind
from vangnet.registry.service import categories, entries, imports, known_good, lists
from vangnet.registry.service.known_good import GoodPicture
from vangnet.web.protocols.doors import open_doors

#: Everything that is found is refused at once, whatever it rests on.
_RULES = MatchRules(
    sha256=Decision.BLOCK,
    weak_digest=Decision.BLOCK,
    perceptual=(Band(up_to=RADIUS, decision=Decision.BLOCK), Band(up_to=RADIUS_MAX, decision=Decision.HOLD)),
)
STRICTEST = replace(STARTING, matches=dict.fromkeys(Classification, _RULES), perceptual_blocks=True)
#: What suppliers have: digests and a perceptual hash.
SUPPLIED = (HashAlgorithm.MD5, HashAlgorithm.SHA1, HashAlgorithm.PDQ)
RIGHTLY_LISTED = encoded(photo(4000, 320, 240), "JPEG", quality=88)


@dataclass(frozen=True, kw_only=True)
class Doors:
    """A provider that runs, and how its doors are asked."""

    server: RunningServer
    clamd: str
    key: str

    def remove_what_is_found(self, folder: Path) -> set[str]:
        """Has `clamdscan` remove what it finds in a folder; gives the names of what it found."""
        config = folder.parent / "clamd.conf"
        host, _, port = self.clamd.rpartition(":")
        config.write_text(f"TCPSocket {port}\nTCPAddr {host}\nStreamMaxLength 100M\n")
        ended = run([
            program("clamdscan", "clamdscan"), f"--config-file={config}", "--stream", "--remove", "--multiscan",
            str(folder),
        ])  # fmt: skip
        answers = [line[len(f"{folder}/") :].split(": ", 1) for line in ended.stdout.splitlines() if f"{folder}/" in line]
        found = {name for name, said in answers if said.endswith(" FOUND")}
        assert {said for name, said in answers if name not in found} <= {"OK"}, ended.stdout
        return found

    def says_true(self, algorithm: str, data: bytes) -> bool:
        """Whether the Dutch check says that the file is listed."""
        with self.server.client(auth=("provider", self.key)) as client:
            answer = client.post(f"/v1/check/{algorithm}", content=hashlib.new(algorithm, data).hexdigest())
        assert (answer.status_code, answer.text in {"true", "false"}) == (200, True), answer.text
        return answer.text == "true"


@pytest.fixture(scope="module")
def doors(postgres: Any, logfile: Any, tmp_path_factory: Any) -> Iterator[Doors]:
    with ExitStack() as stack:
        database = stack.enter_context(own_database(postgres, "functional_accident"))
        folder = tmp_path_factory.mktemp("accident")
        provider = InstallationKind.PROVIDER
        server = stack.enter_context(running(database, folder, logfile, kind=provider, clamd_listen="127.0.0.1:0"))
        with server.transaction() as conn:
            chosen = policies.choose(conn, console(), document=as_document(STRICTEST), now=datetime.now(UTC))
        wait_until(lambda: server.gate.policy_version == chosen.version)
        list_files(server, [RIGHTLY_LISTED], name="rightly listed")
        room = server.app.state.site.gate_room
        today = datetime.now(UTC).date()
        listening = stack.enter_context(open_doors(server.settings, server.gate, server.live, room, today=today, grace_s=5))
        yield Doors(server=server, clamd=listening[Door.CLAMD], key=server.key(Permission.GATE_CHECK))


@dataclass(frozen=True, kw_only=True)
class Cms:
    """Three default pictures of a program: as it ships them, and as somebody uploaded them, which the supplier took in."""

    shipped: Sequence[bytes]
    uploaded: Sequence[bytes]

    @classmethod
    def version(cls, number: int) -> "Cms":
        """Another program's in every test: what is known of one must not help another."""
        pictures = [photo(100 * number + one, 480, 360) for one in range(3)]
        return cls(
            shipped=[encoded(picture, "PNG") for picture in pictures],
            uploaded=[encoded(picture.resize((320, 240)), "JPEG", quality=80) for picture in pictures],
        )

    def put(self, folder: Path, *, copies: int = 1) -> dict[str, bytes]:
        """Gives customers these files, once for each website; and one of them a file that is rightly listed."""
        folder.mkdir()
        files = {f"header-{number}.png": data for number, data in enumerate(self.shipped)}
        files |= {
            f"website-{copy}-{number}.jpg": data for copy in range(copies) for number, data in enumerate(self.uploaded)
        }
        for name, data in files.items():
            (folder / name).write_bytes(data)
        (folder / "rightly-listed.jpg").write_bytes(RIGHTLY_LISTED)
        return files


def import_list(server: RunningServer, name: str, cms: Cms, mapped: Mapping[str, Classification]) -> UUID:
    """The supplier's list: one honest entry, and `other`; its categories mapped as given."""
    now = datetime.now(UTC)
    honest = encoded(photo(int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]), 320, 240), "PNG")
    drafts = [
        EntryDraft(
            media_kind=MediaKind.IMAGE, hashes=hashes_of(data, SUPPLIED),
            category=Category(scheme="supplier", name=category),
        )
        for category, files in (("baseline", [honest]), ("other", cms.uploaded))
        for data in files
    ]  # fmt: skip
    with server.transaction() as conn:
        made = lists.create(conn, ANNE, keys=server.keys, name=name, now=now)
    with server.transaction() as conn:
        digest = hashlib.sha256(name.encode()).digest()
        batch = imports.start(conn, ANNE, list_id=made.id, format_="test", source_digest=digest, now=now)
    imports.run(
        server.database.transaction, ANNE, keys=server.keys, batch=batch, rows=iter(rows(drafts)),
        clock=lambda: datetime.now(UTC),
    )  # fmt: skip
    with server.transaction() as conn:
        for category in categories.list_categories(conn, ANNE, made.id):
            if category.name in mapped:
                categories.map_category(
                    conn, ANNE, keys=server.keys, category_id=category.id, classification=mapped[category.name], now=now
                )
    return made.id


def activate(server: RunningServer, list_id: UUID) -> None:
    """Two people agree."""
    for curator in (ANNE, BRAM):
        with server.transaction() as conn:
            lists.approve_activation(conn, curator, keys=server.keys, list_id=list_id, now=datetime.now(UTC))
    wait_until_followed(server)


def states(server: RunningServer, list_id: UUID) -> list[EntryState]:
    with server.transaction() as conn:
        return [one.state for one in entries.list_entries(conn, ANNE, list_id=list_id, limit=100)]


def touches_only_what_is_rightly_listed(doors: Doors, folder: Path, files: Mapping[str, bytes]) -> None:
    assert doors.remove_what_is_found(folder) == {"rightly-listed.jpg"}
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files, "no customer's file is touched"
    for data in set(files.values()):
        assert not any(doors.says_true(algorithm, data) for algorithm in ("md5", "sha1"))
    assert all(doors.says_true(algorithm, RIGHTLY_LISTED) for algorithm in ("md5", "sha1"))


MAPPED = {"baseline": Classification.BASELINE}
MISTAKEN = {"baseline": Classification.BASELINE, "other": Classification.BASELINE}


def test_a_category_that_nobody_mapped_touches_no_customer_s_file(doors: Doors, tmp_path: Path) -> None:
    cms = Cms.version(21)
    files = cms.put(tmp_path / "files")
    activate(doors.server, import_list(doors.server, "unmapped", cms, MAPPED))
    touches_only_what_is_rightly_listed(doors, tmp_path / "files", files)


def test_known_good_pictures_keep_a_mapping_by_mistake_from_a_customer_s_file(doors: Doors, tmp_path: Path) -> None:
    cms = Cms.version(22)
    files = cms.put(tmp_path / "files")
    pictures = [GoodPicture(name=f"{number}.png", hashes=hashes_of(data)) for number, data in enumerate(cms.shipped)]
    with doors.server.transaction() as conn:
        now = datetime.now(UTC)
        known_good.add(conn, ANNE, keys=doors.server.keys, set_name="cms 22", pictures=pictures, now=now)
    list_id = import_list(doors.server, "mapped by mistake", cms, MISTAKEN)
    assert states(doors.server, list_id).count(EntryState.SUSPENDED) == 3
    with pytest.raises(Conflict, match="stopped by a safeguard"):
        activate(doors.server, list_id)
    touches_only_what_is_rightly_listed(doors, tmp_path / "files", files)
    with doors.server.transaction() as conn:
        for entry in entries.list_entries(conn, ANNE, list_id=list_id, limit=100):
            if entry.state is EntryState.SUSPENDED:
                reason = "a program's default picture"
                entries.resolve(
                    conn, ANNE, keys=doors.server.keys, entry_id=entry.id, keep=False, reason=reason, now=datetime.now(UTC)
                )
    activate(doors.server, list_id)
    (tmp_path / "files" / "rightly-listed.jpg").write_bytes(RIGHTLY_LISTED)
    touches_only_what_is_rightly_listed(doors, tmp_path / "files", files)


def test_the_trial_and_the_flood_stop_keep_it_from_them_where_nobody_knew_the_pictures(
    doors: Doors, tmp_path: Path
) -> None:
    cms = Cms.version(23)
    # Every website has them: what the gate itself tells the registry is what stops them.
    files = cms.put(tmp_path / "files", copies=13)
    list_id = import_list(doors.server, "on trial", cms, MISTAKEN)
    with doors.server.transaction() as conn:
        lists.start_trial(conn, ANNE, keys=doors.server.keys, list_id=list_id, now=datetime.now(UTC))
    wait_until_followed(doors.server)
    touches_only_what_is_rightly_listed(doors, tmp_path / "files", files)
    (tmp_path / "files" / "rightly-listed.jpg").write_bytes(RIGHTLY_LISTED)
    touches_only_what_is_rightly_listed(doors, tmp_path / "files", files)
    wait_until(lambda: states(doors.server, list_id).count(EntryState.SUSPENDED) == 3)
    with pytest.raises(Conflict, match="stopped by a safeguard"):
        activate(doors.server, list_id)


def test_without_any_of_the_three_the_accident_happens(doors: Doors, tmp_path: Path) -> None:
    cms = Cms.version(24)
    files = cms.put(tmp_path / "files")
    activate(doors.server, import_list(doors.server, "no safeguard", cms, MISTAKEN))
    assert doors.remove_what_is_found(tmp_path / "files") == files.keys() | {"rightly-listed.jpg"}
    assert not list((tmp_path / "files").iterdir())
    assert doors.says_true("md5", cms.uploaded[0])
