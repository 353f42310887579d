"""Altered copies of a listed picture, made by another program's hand: each view is found, and told in words people use."""

import html
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pictures import encoded, photo
from PIL import Image, ImageDraw, ImageFont, ImageOps
from running.commands import Commands
from running.gate_lists import add_list, wait_until_followed, with_windows
from running.server import RunningServer, console, own_database, running
from running.states import wait_until

from vangnet.db.embedded import EmbeddedServer
from vangnet.gate.policy import STARTING, as_document
from vangnet.gate.service import policies
from vangnet.identity.model import InstallationKind, Language
from vangnet.identity.permissions import Permission, Role

#: Listed with sub-windows, and by its hashes alone.
IN_HAND = photo(191, 1200, 900)
ALONE = photo(192, 1200, 900)


def strip(image: Image.Image, box: tuple[int, int, int, int], *, paper: str, ink: str) -> None:
    """Words on a strip."""
    pen = ImageDraw.Draw(image)
    pen.rectangle(box, fill=paper)
    height = box[3] - box[1]
    pen.text((60, box[1] + height // 5), "when nobody looks", fill=ink, font=ImageFont.load_default(height // 2))


def captioned() -> Image.Image:
    """A strip with words under the picture."""
    made = Image.new("RGB", (ALONE.width, ALONE.height + 160), "white")
    made.paste(ALONE)
    strip(made, (0, ALONE.height, ALONE.width, made.height), paper="white", ink="black")
    return made


def bannered() -> Image.Image:
    """A strip with words over the lowest tenth of the picture."""
    made = ALONE.copy()
    strip(made, (0, 810, 1200, 899), paper="black", ink="white")
    return made


def on_a_page() -> Image.Image:
    """A screenshot: a bar, words, the picture with words beside it, words."""
    made = Image.new("RGB", (1900, 1700), "white")
    made.paste(ALONE, (80, 320))
    for top in (40, 1400):
        strip(made, (0, top, 1900, top + 80), paper="white", ink="black")
    pen = ImageDraw.Draw(made)
    for row in range(330, 1200, 70):
        pen.text((1360, row), "monday again, and no coffee", fill="black", font=ImageFont.load_default(30))
    return made


def jpeg(image: Image.Image) -> bytes:
    return encoded(image, "JPEG", quality=82)


#: By name: the upload, by what it is found, and what of its view is told.
VIEWS = {
    "mirrored": (jpeg(ImageOps.mirror(ALONE)), "pdq", "flip_y"),
    "turned": (jpeg(ALONE.transpose(Image.Transpose.ROTATE_90)), "pdq", "rotate"),
    "bordered": (jpeg(ImageOps.expand(ALONE, 110, "navy")), "pdq", "border"),
    "letterboxed": (jpeg(ImageOps.expand(ALONE, (0, 240), "black")), "pdq", "bars"),
    "mirrored in a border": (jpeg(ImageOps.expand(ImageOps.mirror(ALONE), 110, "white")), "pdq", "border+flip_y"),
    "captioned": (jpeg(captioned()), "pdq", "caption"),
    "a screenshot": (jpeg(on_a_page()), "pdq", "frame"),
    "a crop": (jpeg(IN_HAND.crop((60, 45, 1140, 855))), "pdq_window", "original"),
}


@pytest.fixture(scope="module")
def provider(postgres: EmbeddedServer, logfile: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A provider whose policy lets pictures that look alike block."""
    folder = tmp_path_factory.mktemp("gate_views")
    with (
        own_database(postgres, "gate_views") as database,
        running(database, folder, logfile, kind=InstallationKind.PROVIDER) as server,
    ):
        add_list(server.database, server.keys, [jpeg(IN_HAND)], name="in hand", made_by=with_windows)
        add_list(server.database, server.keys, [jpeg(ALONE)], name="hashes alone")
        wait_until_followed(server)
        with server.transaction() as conn:
            document = as_document(STARTING) | {"perceptual_blocks": True}
            version = policies.choose(conn, console(), document=document, now=datetime.now(UTC)).version
        wait_until(lambda: server.gate.policy_version == version)
        yield server


@pytest.fixture
def client(provider: RunningServer) -> Iterator[httpx2.Client]:
    with provider.program(Permission.GATE_CHECK, Permission.GATE_READ) as made:
        yield made


def check(client: httpx2.Client, file: bytes) -> dict[str, Any]:
    answer = client.post("/api/v1/check", content=file)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def shown(server: RunningServer, check_id: str, language: Language) -> str:
    """The decision's page as text."""
    with server.signed_in(Role.STAFF, language=language) as browser:
        page = browser.get(f"/decisions/{check_id}").text
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


@pytest.mark.parametrize("name", VIEWS)
def test_an_altered_copy_is_found_and_its_decision_names_the_view(client: httpx2.Client, name: str) -> None:
    file, algorithm, view = VIEWS[name]
    answer = check(client, file)
    (match,) = answer["matches"]
    assert (answer["outcome"], match["algorithm"]) == ("match", algorithm)
    assert view in match["view"]
    assert match["distance"] <= 31
    # What is really there may block; a part of the listed picture holds, whatever the policy says.
    assert answer["decision"] == ("hold" if algorithm == "pdq_window" else "block")
    (kept,) = client.get(f"/api/v1/decisions/{answer['check_id']}").json()["matches"]
    assert (kept["view"], kept["algorithm"]) == (match["view"], algorithm)


def test_the_decision_is_told_in_words_in_both_languages(provider: RunningServer, client: httpx2.Client) -> None:
    found = check(client, VIEWS["mirrored in a border"][0])
    assert "without its border, mirrored" in shown(provider, found["check_id"], Language.EN)
    assert "zonder de rand, gespiegeld" in shown(provider, found["check_id"], Language.NL)


@pytest.mark.parametrize(
    ("file", "view", "english", "dutch"),
    [
        (VIEWS["a crop"][0], "original", "found by a part of the listed picture", "een deel van de afbeelding op de lijst"),
        (jpeg(bannered()), "banner", "What was under it was guessed", "Wat eronder zat, is geraden"),
    ],
    ids=["a part", "a guess"],
)
def test_what_holds_whatever_the_policy_says_is_held_and_the_page_says_why(
    provider: RunningServer, file: bytes, view: str, english: str, dutch: str
) -> None:
    with provider.program(Permission.GATE_CHECK) as client:
        answer = check(client, file)
    assert (answer["decision"], answer["matches"][0]["view"]) == ("hold", view)
    assert english in shown(provider, answer["check_id"], Language.EN)
    assert dutch in shown(provider, answer["check_id"], Language.NL)


def test_the_policy_says_what_no_choice_makes_block(provider: RunningServer) -> None:
    with provider.signed_in(Role.ADMINISTRATOR) as browser:
        assert "a match is held at most where a part of a listed picture was found" in browser.get("/gate/policy").text


def test_the_page_of_an_entry_says_whether_crops_of_it_are_found(provider: RunningServer, client: httpx2.Client) -> None:
    with provider.transaction() as conn:
        rows = conn.execute("SELECT e.id, l.name FROM registry_entry e JOIN registry_list l ON l.id = e.list_id").fetchall()
    ids = {name: entry_id for entry_id, name in rows}
    with provider.signed_in(Role.CURATOR) as browser:
        in_hand, alone = (browser.get(f"/entries/{ids[name]}").text for name in ("in hand", "hashes alone"))
    windows = re.search(r"<dt>Sub-windows</dt><dd>(\d+) ", in_hand)
    assert windows is not None
    assert int(windows[1]) > 150
    assert "the picture was in hand here" in in_hand
    assert "Only the whole picture is found" in alone


def test_a_person_who_looks_a_picture_up_finds_it_without_what_is_around_it(provider: RunningServer) -> None:
    with provider.signed_in(Role.CURATOR) as browser:
        for name in ("bordered", "a screenshot", "a crop"):
            page = browser.post("/entries", files={"picture": ("upload.jpg", VIEWS[name][0])}).text
            assert 'href="/entries/' in page, name
            assert ("a part of the listed picture" in page) is (name == "a crop")


def test_the_console_tells_a_view_in_words(provider: RunningServer, client: httpx2.Client, commands: Commands) -> None:
    found = check(client, VIEWS["mirrored in a border"][0])
    part = check(client, VIEWS["a crop"][0])
    environ = {
        "PATH": os.environ["PATH"],
        "VANGNET_DATABASE_URL": provider.database.conninfo,
        "VANGNET_DATA_DIR": str(provider.settings.data_dir),
        "VANGNET_KEYS_DIR": str(provider.settings.keys_dir),
    }
    told = [commands.run("gate", "decision", one["check_id"], environ=environ).stdout for one in (found, part)]
    seen, held = (" ".join(one.split()) for one in told)
    assert "seen without its border, mirrored" in seen
    assert "by a part of the listed picture: holds at most" in held
