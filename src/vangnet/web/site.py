"""What all visits of one running application share. Built once in `create_app`, kept in `app.state.site`."""

from dataclasses import dataclass, field

from vangnet.config import Settings
from vangnet.db import Database
from vangnet.gate.service.gate import Gate
from vangnet.keys import Keys
from vangnet.registry.service.live import LiveIndex
from vangnet.web.cookies import Cookies
from vangnet.web.health import HealthBoard
from vangnet.web.metrics import Metrics
from vangnet.web.pages import Pages
from vangnet.web.protocols.wire import Room
from vangnet.web.remembered_keys import RememberedKeys
from vangnet.web.static_files import StaticFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The parts of a running application."""

    settings: Settings = field(repr=False)
    database: Database
    keys: Keys = field(repr=False)
    cookies: Cookies
    pages: Pages
    static: StaticFiles
    health: HealthBoard
    metrics: Metrics
    #: The listed hashes in memory; None in a process that has none.
    live: LiveIndex | None
    #: What checks uploads; None likewise.
    gate: Gate | None
    #: The memory that uploads share while they are received.
    gate_room: Room
    remembered_keys: RememberedKeys = field(default_factory=RememberedKeys, repr=False)
