"""A small IMAP server over TLS (RFC 3501), with what a program needs that fetches mail, and can be made to fail."""

import datetime as dt
import ipaddress
import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "meldingen@hotline.example", "kanarievogel-imap-1"


@dataclass
class FakeMessage:
    """A message in a folder."""

    uid: int
    content: bytes
    flags: set[str] = field(default_factory=set)


@dataclass
class FakeMailbox:
    """What the server has, and how it behaves."""

    port: int = 0
    ca_file: Path = Path()
    folders: dict[str, list[FakeMessage]] = field(default_factory=lambda: {"INBOX": [], "taken": []})
    capabilities: str = "IMAP4rev1 MOVE UIDPLUS"
    #: The connection breaks off before the answer to a command that has this in it, so often.
    breaks_at: str = ""
    breaks: int = 0
    #: The commands that came, without what was signed in with.
    asked: list[str] = field(default_factory=list)

    def put(self, content: bytes) -> FakeMessage:
        """A message arrives."""
        uid = 1 + max((one.uid for folder in self.folders.values() for one in folder), default=0)
        message = FakeMessage(uid=uid, content=content)
        self.folders["INBOX"].append(message)
        return message


@contextmanager
def serving(folder: Path) -> Iterator[FakeMailbox]:
    """A mailbox on a free port of this machine, with a certificate of its own."""
    mailbox = FakeMailbox()
    certificate = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    mailbox.ca_file = certificate
    handler = type("Handler", (_Handler,), {"mailbox": mailbox, "context": context})
    with _Server(("127.0.0.1", 0), handler) as server:
        mailbox.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield mailbox
        finally:
            server.shutdown()
            thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that its other end breaks off is no matter."""


class _Handler(socketserver.BaseRequestHandler):
    mailbox: ClassVar[FakeMailbox]
    context: ClassVar[ssl.SSLContext]

    def handle(self) -> None:
        with suppress(OSError), self.context.wrap_socket(self.request, server_side=True) as secured:
            self._stream = secured.makefile("rwb")
            self._folder: list[FakeMessage] = []
            self._say("* OK ready")
            while line := self._stream.readline():
                tag, _, rest = line.decode().strip().partition(" ")
                if not self._answered(tag, rest):
                    return

    def _answered(self, tag: str, rest: str) -> bool:
        box = self.mailbox
        verb = rest.partition(" ")[0].upper()
        box.asked.append("LOGIN" if verb == "LOGIN" else rest)
        if box.breaks > 0 and box.breaks_at and box.breaks_at in rest:
            box.breaks -= 1
            return False
        match verb:
            case "CAPABILITY":
                self._say(f"* CAPABILITY {box.capabilities}")
            case "LOGIN":
                if re.findall(r'"?([^" ]+)"?', rest)[1:] != [USER, PASSWORD]:
                    self._say(f"{tag} NO {USER} may not")
                    return True
            case "SELECT":
                name = rest.partition(" ")[2].strip('"')
                if name not in box.folders:
                    self._say(f"{tag} NO no such folder")
                    return True
                self._folder = box.folders[name]
                self._say(f"* {len(self._folder)} EXISTS")
            case "UID":
                self._uid(rest.partition(" ")[2])
            case "LOGOUT":
                self._say("* BYE")
        self._say(f"{tag} OK done")
        return verb != "LOGOUT"

    def _uid(self, rest: str) -> None:
        verb, _, args = rest.partition(" ")
        if verb == "SEARCH":
            found = [one.uid for one in self._folder if not one.flags & {"\\Seen", "\\Flagged", "\\Deleted"}]
            self._say("* SEARCH " + " ".join(map(str, found)))
            return
        number, _, what = args.partition(" ")
        message = next((one for one in self._folder if str(one.uid) == number), None)
        if message is None:
            return
        match verb:
            case "FETCH" if "RFC822.SIZE" in what:
                self._say(f"* 1 FETCH (UID {number} RFC822.SIZE {len(message.content)})")
            case "FETCH":
                part = re.search(r"<0\.(\d+)>", what)
                content = message.content if part is None else message.content[: int(part[1])]
                self._stream.write(b"* 1 FETCH (UID %d BODY[] {%d}\r\n%b)\r\n" % (message.uid, len(content), content))
            case "STORE":
                message.flags |= set(re.findall(r"\\\w+", what))
            case "MOVE" | "COPY":
                name = what.strip('"')
                self.mailbox.folders[name].append(FakeMessage(message.uid, message.content, set(message.flags)))
                if verb == "MOVE":
                    self._folder.remove(message)
            case "EXPUNGE":
                self._folder.remove(message)

    def _say(self, line: str) -> None:
        self._stream.write(line.encode() + b"\r\n")
        self._stream.flush()


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "imap.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
