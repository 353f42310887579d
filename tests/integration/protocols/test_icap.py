"""The ICAP door, spoken to byte by byte. What real clients make of it is in test_icap_clients.py."""

import gzip
import random
import re
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest
from running.doors import ENTRY_ID, DigestGate, connect, converse, open_door, rest
from running.states import PATIENCE_S, wait_until
from structlog.testing import capture_logs

from vangnet.config import DoorsNames
from vangnet.gate.model import Decision, Door
from vangnet.hashing.model import Reason
from vangnet.web.protocols.icap import IcapDoor
from vangnet.web.protocols.server import Inspector
from vangnet.web.protocols.wire import DoorLimits

LISTED = b"a listed file" * 1000
UNLISTED = b"just a file" * 1000
LIMITS = DoorLimits(connections=8, idle_s=60, keep_bytes=1_000_000, most_bytes=3_000_000, memory_bytes=2_000_000)


def door(gate: DigestGate, limits: DoorLimits = LIMITS, naming: DoorsNames = DoorsNames.CHECK) -> IcapDoor:
    return IcapDoor(inspector=Inspector(gate, Door.ICAP, limits), naming=naming, version="1.2.3", index_version=lambda: 42)


@pytest.fixture
def gate() -> DigestGate:
    gate = DigestGate()
    gate.list_file(LISTED)
    return gate


@pytest.fixture
def address(gate: DigestGate) -> Iterator[str]:
    with open_door(door(gate), LIMITS) as server:
        yield server.address


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    head: bytes
    body: bytes

    @property
    def http_status(self) -> int:
        return int(self.head.split(b" ")[1])


def chunks(data: bytes, size: int = 5000, last: bytes = b"0\r\n\r\n") -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + last


def reqmod(data: bytes | None, *icap: str, http: str = "", close: bool = True, last: bytes = b"0\r\n\r\n") -> bytes:
    head = f"POST http://example.org/upload HTTP/1.1\r\nHost: example.org\r\n{http}\r\n".encode()
    kind = "null-body" if data is None else "req-body"
    lines = [
        "REQMOD icap://127.0.0.1/reqmod ICAP/1.0",
        "Host: 127.0.0.1",
        f"Encapsulated: req-hdr=0, {kind}={len(head)}",
        *icap,
        *(["Connection: close"] if close else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + head + (b"" if data is None else chunks(data, last=last))


def respmod(data: bytes, *icap: str, http: str = "Content-Type: image/png\r\n") -> bytes:
    asked = b"GET http://example.org/x HTTP/1.1\r\nHost: example.org\r\n\r\n"
    head = f"HTTP/1.1 200 OK\r\n{http}\r\n".encode()
    lines = [
        "RESPMOD icap://127.0.0.1/respmod ICAP/1.0",
        "Host: 127.0.0.1",
        f"Encapsulated: req-hdr=0, res-hdr={len(asked)}, res-body={len(asked) + len(head)}",
        *icap,
        "Connection: close",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + asked + head + chunks(data)


def parse(raw: bytes) -> tuple[Answer, bytes]:
    """The first answer in `raw`, and what follows it."""
    block, _, rest_ = raw.partition(b"\r\n\r\n")
    lines = block.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    sections = dict(part.strip().split("=") for part in headers["encapsulated"].split(","))
    kind, end = list(sections.items())[-1]
    head, rest_ = rest_[: int(end)], rest_[int(end) :]
    body = b""
    while kind != "null-body":
        size, _, rest_ = rest_.partition(b"\r\n")
        length = int(size, 16)
        body, rest_ = body + rest_[:length], rest_[length + 2 :]
        if not length:
            break
    return Answer(status=int(lines[0].split(" ")[1]), headers=headers, head=head, body=body), rest_


def ask(address: str, *pieces: bytes) -> Answer:
    answer, more = parse(converse(address, *pieces))
    assert not more
    return answer


ALLOW = "Allow: 204"


def test_an_unlisted_upload_need_not_be_changed(address: str) -> None:
    answer = ask(address, reqmod(UNLISTED, ALLOW))
    assert answer.status == 204
    assert answer.headers["istag"] == '"vangnet-42"'


def test_a_listed_upload_is_answered_in_the_servers_place(address: str) -> None:
    answer = ask(address, reqmod(LISTED, ALLOW))
    assert (answer.status, answer.http_status) == (200, 403)
    assert re.fullmatch(r"Type=0; Resolution=2; Threat=Vangnet\.Known\.[0-9a-f-]{36};", answer.headers["x-infection-found"])
    assert b"was not accepted" in answer.body
    assert b"Kanarie" not in answer.head + answer.body
    assert f"Content-Length: {len(answer.body)}".encode() in answer.head


def test_the_name_tells_list_and_entry_where_the_provider_wants_so(gate: DigestGate) -> None:
    with open_door(door(gate, naming=DoorsNames.ENTRY), LIMITS) as server:
        answer = ask(server.address, reqmod(LISTED))
    assert f"Threat=Vangnet.Known.Kanarie-list-police.{ENTRY_ID};" in answer.headers["x-infection-found"]
    assert b"Kanarie" not in answer.head + answer.body, "the uploader learns of no list"


def test_a_client_that_does_not_keep_the_message_gets_it_back_unchanged(address: str) -> None:
    sent = reqmod(UNLISTED)
    answer = ask(address, sent)
    assert answer.status == 200
    assert answer.head in sent
    assert answer.head.startswith(b"POST http://example.org/upload")
    assert answer.body == UNLISTED


def test_what_is_given_out_is_checked_too(address: str) -> None:
    assert ask(address, respmod(LISTED)).http_status == 403
    passed = ask(address, respmod(UNLISTED))
    assert (passed.http_status, passed.body) == (200, UNLISTED)
    assert ask(address, respmod(UNLISTED, ALLOW)).status == 204


def test_a_response_without_its_headers_is_checked(address: str) -> None:
    for data, status in ((LISTED, 403), (UNLISTED, None)):
        raw = b"RESPMOD icap://h/respmod ICAP/1.0\r\nEncapsulated: res-body=0\r\nConnection: close\r\n\r\n" + chunks(data)
        answer = ask(address, raw)
        if status is None:
            assert (answer.head, answer.body) == (b"", UNLISTED)
        else:
            assert answer.http_status == status


def test_a_request_without_a_body_passes_unasked(address: str, gate: DigestGate) -> None:
    assert ask(address, reqmod(None, ALLOW)).status == 204
    answer = ask(address, reqmod(None))
    assert (answer.status, answer.headers["encapsulated"]) == (200, f"req-hdr=0, null-body={len(answer.head)}")
    assert gate.asked == []


def test_held_and_unavailable_look_the_same_to_the_uploader(address: str, gate: DigestGate) -> None:
    gate.list_file(LISTED, Decision.HOLD)
    held = ask(address, reqmod(LISTED, ALLOW))
    gate.out_of_order = Decision.HOLD
    unavailable = ask(address, reqmod(UNLISTED, ALLOW))
    assert held.http_status == unavailable.http_status == 503
    assert (held.head, held.body) == (unavailable.head, unavailable.body)
    assert "Threat=Vangnet.Held." in held.headers["x-infection-found"]
    assert "Threat=Vangnet.Unavailable." in unavailable.headers["x-infection-found"]


@pytest.mark.parametrize(("decision", "status"), [(Decision.ALLOW, 503), (Decision.HOLD, 503), (Decision.BLOCK, 403)])
def test_unavailable_never_passes(address: str, gate: DigestGate, decision: Decision, status: int) -> None:
    gate.out_of_order = decision
    assert ask(address, reqmod(UNLISTED, ALLOW)).http_status == status


def form(*parts: tuple[str, bytes]) -> tuple[str, bytes]:
    """The Content-Type line and the body of a form; each part is its headers and its content."""
    body = b"".join(b"--limit\r\n" + head.encode() + b"\r\n\r\n" + data + b"\r\n" for head, data in parts)
    return "Content-Type: multipart/form-data; boundary=limit\r\n", body + b"--limit--\r\n"


def file_part(data: bytes, name: str = "a.bin") -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="f"; filename="{name}"\r\nContent-Type: application/octet-stream', data


def test_each_file_of_a_form_is_checked_and_the_strictest_counts(address: str, gate: DigestGate) -> None:
    comment = ('Content-Disposition: form-data; name="comment"', b"hello")
    http, body = form(comment, file_part(UNLISTED), file_part(UNLISTED + b"2"))
    assert ask(address, reqmod(body, ALLOW, http=http)).status == 204
    assert [length for _, length in gate.asked] == [len(UNLISTED), len(UNLISTED) + 1], "text fields are no files"
    held = UNLISTED + b"held"
    gate.list_file(held, Decision.HOLD)
    http, body = form(comment, file_part(LISTED), file_part(held), file_part(UNLISTED))
    assert ask(address, reqmod(body, ALLOW, http=http)).http_status == 403
    http, body = form(file_part(UNLISTED), file_part(held))
    assert ask(address, reqmod(body, ALLOW, http=http)).http_status == 503


PNG = b"\x89PNG\r\n\x1a\n" + LISTED


@pytest.mark.parametrize(
    "part",
    [
        ('Content-Disposition: form-data; name="f"', PNG),
        ('Content-Disposition: form-data; name="f"\r\nContent-Type: image/png', LISTED),
        ("Content-Disposition: form-data; name=\"f\"; filename*=UTF-8''a.bin", LISTED),
        ('CONTENT-DISPOSITION: form-data; name=f; filename="../../\\"etc\\"/passwd"', LISTED),
        ('Content-Disposition: form-data; name="f"; filename=""', LISTED),
        ("Content-Disposition: attachment", LISTED),
        ("Content-Type: application/octet-stream", LISTED),
    ],
)
def test_a_part_is_a_file_however_it_is_dressed(address: str, gate: DigestGate, part: tuple[str, bytes]) -> None:
    gate.list_file(PNG)
    http, body = form(part)
    assert ask(address, reqmod(body, ALLOW, http=http)).http_status == 403


def test_a_part_in_base64_and_a_form_in_a_form_are_opened(address: str, gate: DigestGate) -> None:
    import base64

    http, body = form(
        (
            'Content-Disposition: form-data; name="f"; filename="a"\r\nContent-Transfer-Encoding: base64',
            base64.encodebytes(LISTED),
        )
    )
    assert ask(address, reqmod(body, ALLOW, http=http)).http_status == 403
    # A program that knows nothing of the encoding stores what was sent.
    sent = LISTED + b"=41"
    gate.list_file(sent)
    http, body = form(
        ('Content-Disposition: form-data; name="f"; filename="a"\r\nContent-Transfer-Encoding: quoted-printable', sent)
    )
    assert ask(address, reqmod(body, ALLOW, http=http)).http_status == 403
    inner = b"--in\r\nContent-Disposition: attachment; filename=a\r\n\r\n" + LISTED + b"\r\n--in--\r\n"
    http, body = form(('Content-Disposition: form-data; name="f"\r\nContent-Type: multipart/mixed; boundary=in', inner))
    assert ask(address, reqmod(body, ALLOW, http=http)).http_status == 403


@pytest.mark.parametrize(
    ("http", "body"),
    [
        ("Content-Type: multipart/form-data\r\n", b"--x--\r\n"),
        ("Content-Type: multipart/form-data; boundary=other\r\n", form(file_part(LISTED))[1]),
        ("Content-Type: multipart/form-data; boundary=limit\r\n", form(file_part(LISTED))[1][:-10]),
        ("Content-Type: multipart/form-data; boundary=limit\r\n", b""),
        ("Content-Type: multipart/form-data; boundary=limit\r\n", b"--limit\r\nContent-Dispo"),
        ("Content-Type: multipart/form-data; boundary=other; boundary=limit\r\n", form(file_part(LISTED))[1]),
        ("Content-Type: text/plain, multipart/form-data; boundary=limit\r\n", form(file_part(LISTED))[1]),
        ("Content-Type: multipart/form-data; boundary=limit\r\n", b"preamble\r\n" + form(file_part(LISTED))[1]),
        ("Content-Type: multipart/form-data; boundary=limit\r\n", form(file_part(LISTED))[1].replace(b"\r\n", b"\n")),
        ("Content-Encoding: br\r\n", b"whatever this is"),
        ("Content-Encoding: gzip\r\n", b"no gzip"),
        ("Content-Encoding: gzip\r\n", gzip.compress(LISTED, mtime=0)[:-20]),
        ("Content-Encoding: gzip\r\n", gzip.compress(bytes(2_000_000), mtime=0)),
    ],
)
def test_a_body_that_is_not_what_it_says_is_the_policys_matter(
    address: str, gate: DigestGate, http: str, body: bytes
) -> None:
    gate.policy = dict.fromkeys(Reason, Decision.BLOCK)
    assert ask(address, reqmod(body, ALLOW, http=http)).http_status == 403


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(LISTED, mtime=0)),
        ("x-gzip", gzip.compress(LISTED[:500], mtime=0) + gzip.compress(LISTED[500:], mtime=0)),
        ("deflate", zlib.compress(LISTED)),
        ("deflate", zlib.compress(LISTED)[2:-4]),
        ("gzip, gzip", gzip.compress(gzip.compress(LISTED, mtime=0), mtime=0)),
        ("identity", LISTED),
    ],
)
def test_a_body_is_checked_without_its_encoding(address: str, coding: str, body: bytes) -> None:
    assert ask(address, reqmod(body, ALLOW, http=f"Content-Encoding: {coding}\r\n")).http_status == 403
    assert ask(address, respmod(body, ALLOW, http=f"Content-Encoding: {coding}\r\n")).http_status == 403


def test_an_encoded_body_passes_as_it_was_sent(address: str) -> None:
    packed = gzip.compress(UNLISTED, mtime=0)
    assert ask(address, reqmod(packed, http="Content-Encoding: gzip\r\n")).body == packed


def test_options_tell_what_the_door_can(address: str) -> None:
    for service, methods in (("reqmod", "REQMOD"), ("respmod", "RESPMOD"), ("avscan", "REQMOD, RESPMOD")):
        raw = f"OPTIONS icap://127.0.0.1/{service} ICAP/1.0\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        answer = ask(address, raw)
        assert (answer.status, answer.headers["methods"], answer.headers["allow"]) == (200, methods, "204")
        assert answer.headers["max-connections"] == "8"
        assert answer.headers["preview"] == "4096"


def test_a_preview_is_followed_by_the_rest(address: str) -> None:
    with connect(address) as connection:
        head = reqmod(b"", ALLOW, "Preview: 1024", last=b"")
        connection.sendall(head + chunks(LISTED[:1024]))
        assert connection.recv(1000) == b"ICAP/1.0 100 Continue\r\n\r\n"
        connection.sendall(chunks(LISTED[1024:]))
        answer, _ = parse(rest(connection))
    assert answer.http_status == 403


def test_a_preview_that_is_the_whole_file_is_not_followed_by_anything(address: str) -> None:
    short = b"short file"
    assert ask(address, reqmod(short, "Preview: 1024", last=b"0; ieof\r\n\r\n")).status == 204
    assert ask(address, reqmod(b"", "Preview: 0", last=b"0; ieof\r\n\r\n")).status == 204


def test_after_a_preview_the_file_is_given_back_to_who_did_not_keep_it(address: str) -> None:
    with connect(address) as connection:
        connection.sendall(reqmod(b"", "Preview: 0"))
        assert connection.recv(1000) == b"ICAP/1.0 100 Continue\r\n\r\n"
        connection.sendall(chunks(UNLISTED))
        answer, _ = parse(rest(connection))
    assert answer.body == UNLISTED


def test_one_connection_serves_many_requests_and_their_order_holds(address: str) -> None:
    wanted = [LISTED, UNLISTED, UNLISTED, LISTED, UNLISTED]
    sent = b"".join(reqmod(data, ALLOW, close=index == 4) for index, data in enumerate(wanted))
    raw = converse(address, sent)
    statuses = []
    while raw:
        answer, raw = parse(raw)
        statuses.append(answer.status)
    assert statuses == [200, 204, 204, 200, 204]


def test_a_file_beyond_the_limit_is_digested_and_the_policy_decides(address: str, gate: DigestGate) -> None:
    large = random.Random(1).randbytes(2_000_000)  # noqa: S311 (it stands for any file)
    assert ask(address, reqmod(large, ALLOW)).status == 204
    assert ask(address, reqmod(large)).status == 413, "it cannot be given back"
    gate.policy = {Reason.TOO_LARGE: Decision.BLOCK}
    assert ask(address, reqmod(large)).http_status == 403
    gate.policy = {}
    gate.list_file(large)
    assert ask(address, reqmod(large, ALLOW)).http_status == 403
    assert ask(address, reqmod(bytes(3_500_000), ALLOW)).status == 413


HEAD = b"POST / HTTP/1.1\r\n\r\n"


def raw_reqmod(encapsulated: str, rest_: bytes, *lines: str) -> bytes:
    start = ["REQMOD icap://h/reqmod ICAP/1.0", "Allow: 204", f"Encapsulated: {encapsulated}", *lines, "Connection: close"]
    return "\r\n".join(start).encode() + b"\r\n\r\n" + rest_


FINE = f"req-hdr=0, req-body={len(HEAD)}"


@pytest.mark.parametrize(
    ("junk", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 505),
        (b"REQMOD icap://h/x ICAP/2.0\r\n\r\n", 505),
        (b"DELETE icap://h/x ICAP/1.0\r\n\r\n", 405),
        (b"REQMOD  icap://h/x ICAP/1.0\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\nno header\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\nA: b\r\n folded\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\n\r\n", 400),
        (b"REQMOD icap://h/x ICAP/1.0\r\n" + b"A: " + b"b" * 70_000 + b"\r\n\r\n", 400),
        (b"OPTIONS icap://h/x ICAP/1.0\r\nEncapsulated: opt-body=0\r\n\r\n", 400),
        (raw_reqmod("req-body=0", chunks(UNLISTED)), 400),
        (raw_reqmod("res-hdr=0, res-body=10", HEAD), 400),
        (raw_reqmod("req-hdr=5, req-body=19", HEAD + chunks(UNLISTED)), 400),
        (raw_reqmod("req-hdr=0, req-body=0", chunks(UNLISTED)), 400),
        (raw_reqmod("req-hdr=0, req-body=-4", chunks(UNLISTED)), 400),
        (raw_reqmod("req-hdr=0, req-body=99999999", HEAD + chunks(UNLISTED)), 400),
        (raw_reqmod("req-hdr=0", HEAD), 400),
        (raw_reqmod("req-body=0, req-hdr=7", HEAD), 400),
        (raw_reqmod("req-hdr=0, req-body=10", HEAD + chunks(UNLISTED)), 400),
        (raw_reqmod(FINE, HEAD + b"xyz\r\n"), 400),
        (raw_reqmod(FINE, HEAD + b"-5\r\n"), 400),
        (raw_reqmod(FINE, HEAD + b"0x5\r\nabcde\r\n0\r\n\r\n"), 400),
        (raw_reqmod(FINE, HEAD + b"5\nabcde\n0\n\n" + b"\r\n"), 400),
        (raw_reqmod(FINE, HEAD + b"3\r\nabcde\r\n0\r\n\r\n"), 400),
        (raw_reqmod(FINE, HEAD + b"fffffffffffffffff\r\n"), 400),
        (raw_reqmod(FINE, HEAD + b"5;" + b"x" * 2000 + b"\r\nabcde\r\n0\r\n\r\n"), 400),
        (raw_reqmod(FINE, HEAD + chunks(UNLISTED), "Preview: many"), 400),
        (raw_reqmod(FINE, HEAD + chunks(UNLISTED), "Preview: 10"), 400),
        (raw_reqmod(FINE, HEAD + chunks(UNLISTED), "Encapsulated: req-hdr=0, null-body=19"), 400),
    ],
)  # fmt: skip
def test_what_is_no_icap_gets_an_error_and_never_passes(address: str, junk: bytes, status: int) -> None:
    answer = ask(address, junk)
    assert (answer.status, answer.headers["connection"]) == (status, "close")
    assert ask(address, reqmod(UNLISTED, ALLOW)).status == 204


def test_two_content_types_in_one_upload_are_refused(address: str) -> None:
    http, body = form(file_part(LISTED))
    assert ask(address, reqmod(body, ALLOW, http=http + "Content-Type: text/plain\r\n")).status == 400


def test_a_huge_chunk_that_was_only_announced_reserves_nothing(address: str) -> None:
    with connect(address) as liar:
        liar.sendall(raw_reqmod(FINE, HEAD + b"ffffffffff\r\nabc"))
        assert ask(address, reqmod(UNLISTED, ALLOW)).status == 204


def test_a_form_that_is_damaged_anywhere_never_passes(address: str, gate: DigestGate, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 (it shall be repeatable)
    gate.policy = dict.fromkeys(Reason, Decision.BLOCK)
    http, body = form(file_part(LISTED))
    for _ in range(300):
        whole = bytearray(reqmod(body, ALLOW, http=http))
        place = dice.randrange(len(whole))
        whole[place] = dice.choice([byte for byte in range(256) if byte != whole[place]])
        with connect(address) as connection:
            connection.sendall(whole)
            connection.shutdown(socket.SHUT_WR)
            raw = rest(connection)
        assert not raw or parse(raw)[0].status != 204, (place, bytes(whole[: whole.find(LISTED[100:])]))
    gate.policy = {}
    assert ask(address, reqmod(UNLISTED, ALLOW)).status == 204


def test_a_slow_client_hears_so_and_loses_its_place(gate: DigestGate) -> None:
    limits = replace(LIMITS, connections=1, idle_s=0.3)
    with open_door(door(gate, limits), limits) as server:
        answer = ask(server.address, raw_reqmod(FINE, HEAD + b"ff\r\nabc"))
        assert answer.status == 408
        wait_until(lambda: ask(server.address, reqmod(UNLISTED, ALLOW)).status == 204)


def test_a_connection_without_a_request_is_ended_silently(gate: DigestGate) -> None:
    limits = replace(LIMITS, idle_s=0.2)
    with open_door(door(gate, limits), limits) as server:
        assert converse(server.address) == b""


def test_whoever_comes_when_all_places_are_taken_hears_so_at_once(gate: DigestGate) -> None:
    limits = replace(LIMITS, connections=2)
    with open_door(door(gate, limits), limits) as server, ExitStack() as taken:
        for _ in range(2):
            taken.enter_context(connect(server.address)).sendall(b"OPTIONS")
        assert ask(server.address, reqmod(UNLISTED, ALLOW)).status == 503


def test_a_fault_shows_an_incident_and_nothing_else(gate: DigestGate, address: str) -> None:
    gate.broken = True
    with capture_logs() as logs:
        answer = ask(address, reqmod(UNLISTED, ALLOW))
        wait_until(lambda: any(line["event"] == "a door failed" for line in logs))
    incident = next(line["incident"] for line in logs if line["event"] == "a door failed")
    assert (answer.status, answer.headers["x-vangnet-incident"]) == (500, incident)


def test_a_service_does_what_it_is_named_for(address: str) -> None:
    for made, service in ((reqmod(UNLISTED, ALLOW), "respmod"), (respmod(UNLISTED, ALLOW), "reqmod")):
        named = {"respmod": "reqmod", "reqmod": "respmod"}[service].encode()
        assert ask(address, made.replace(b"/" + named + b" ICAP", f"/{service} ICAP".encode())).status == 405
        assert ask(address, made.replace(b"/" + named + b" ICAP", b"/avscan ICAP")).status == 204


@pytest.mark.parametrize("left_out", [1, 7, len(UNLISTED), len(UNLISTED) + 60])
def test_a_connection_that_is_cut_leaves_nothing_behind(gate: DigestGate, left_out: int) -> None:
    limits = replace(LIMITS, connections=2)
    with open_door(door(gate, limits), limits) as server:
        for _ in range(6):
            with connect(server.address) as connection:
                connection.sendall(reqmod(UNLISTED, ALLOW)[:-left_out])
        wait_until(lambda: ask(server.address, reqmod(UNLISTED, ALLOW)).status == 204)
    assert len(gate.asked) == 1, "half a file is no file"


def test_a_client_that_ends_after_its_preview_leaves_nothing_behind(gate: DigestGate, address: str) -> None:
    with connect(address) as connection:
        connection.sendall(reqmod(b"", "Preview: 0"))
        assert connection.recv(1000) == b"ICAP/1.0 100 Continue\r\n\r\n"
    assert ask(address, reqmod(UNLISTED, ALLOW)).status == 204
    assert len(gate.asked) == 1


def test_trailers_without_end_are_ended_by_the_requests_limit(gate: DigestGate) -> None:
    limits = replace(LIMITS, request_s=1)
    with open_door(door(gate, limits), limits) as server, connect(server.address) as endless:
        endless.sendall(reqmod(UNLISTED, ALLOW, last=b"0\r\n"))
        endless.settimeout(0.02)
        answer, ends = b"", time.monotonic() + PATIENCE_S
        while not answer and time.monotonic() < ends:
            try:
                endless.sendall(b"Trailer: x\r\n" * 100)
                answer = endless.recv(1000)
            except TimeoutError:
                continue
        assert parse(answer)[0].status == 408
    assert gate.asked == []
