"""The doors that `vangnet serve` opens beside HTTP, as the settings say.

They know no log-in: whoever reaches them belongs to the one provider whose installation this is. So they listen on this
machine, for uploads; anything else (mail, chat, a forward proxy, other machines) needs a legal basis with an end date.
After that date they check nothing any more, and say so.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from importlib.metadata import version

import structlog

from vangnet.config import Settings
from vangnet.errors import InvalidSettings
from vangnet.gate.model import Door
from vangnet.registry.service.live import LiveIndex
from vangnet.web.protocols.clamd import ClamdDoor
from vangnet.web.protocols.icap import IcapDoor
from vangnet.web.protocols.server import DoorServer, Examiner, Inspector, Opens, listen
from vangnet.web.protocols.wire import DoorLimits, Room


@contextmanager
def open_doors(
    settings: Settings, examiner: Examiner, live: LiveIndex, room: Room, *, today: date, grace_s: float
) -> Iterator[dict[Door, str]]:
    """Opens the doors that the settings name, until the end of the block. Yields where each listens.

    `room` is the memory that files share while they arrive, at whatever door. Raises InvalidSettings, PortTaken.
    """
    until = settings.doors_legal_basis_until if settings.doors_need_basis else None
    if until is not None and today > until:
        raise InvalidSettings(problems=f"VANGNET_DOORS_LEGAL_BASIS_UNTIL: the legal basis ended on {until}")
    limits = door_limits(settings)
    name = f"Vangnet {version('vangnet')}"
    opens: dict[Door, tuple[str | None, str, Opens]] = {
        Door.CLAMD: (
            settings.clamd_listen,
            "VANGNET_CLAMD_LISTEN",
            ClamdDoor(
                inspector=Inspector(examiner, Door.CLAMD, limits, room=room, until=until),
                naming=settings.doors_names,
                version=lambda: f"{name}/{live.sequence}",
            ),
        ),
        Door.ICAP: (
            settings.icap_listen,
            "VANGNET_ICAP_LISTEN",
            IcapDoor(
                inspector=Inspector(examiner, Door.ICAP, limits, room=room, until=until),
                naming=settings.doors_names,
                version=version("vangnet"),
                index_version=lambda: live.sequence,
            ),
        ),
    }
    with ExitStack() as stack:
        listening = {}
        for door, (address, setting, opened) in opens.items():
            if address is not None:
                server = stack.enter_context(DoorServer(listen(address, setting=setting), opened, limits, grace_s=grace_s))
                listening[door] = server.address
                structlog.get_logger().info("a door is open", door=door, use=settings.doors_use, until=until)
        yield listening


def door_limits(settings: Settings) -> DoorLimits:
    """What one connection may ask for."""
    return DoorLimits(
        connections=settings.doors_connections,
        idle_s=settings.doors_idle_seconds,
        request_s=settings.doors_request_seconds,
        keep_bytes=settings.media_bytes_max,
        memory_bytes=settings.gate_bytes_at_once,
    )
