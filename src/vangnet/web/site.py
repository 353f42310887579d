"""What all visits of one running application share. Built once in `create_app`, kept in `app.state.site`."""

from dataclasses import dataclass, field

from vangnet.config import Settings
from vangnet.db import Database
from vangnet.gate.service.gate import Gate
from vangnet.identity.service.password_hashes import PasswordHashes
from vangnet.keys import Keys
from vangnet.partners.fetching import Fetcher
from vangnet.registry.service.live import LiveIndex
from vangnet.reports.service.assessment.crops import CropHasher
from vangnet.reports.service.assessment.looking import Viewer
from vangnet.web.cookies import Cookies
from vangnet.web.health import HealthBoard
from vangnet.web.help_file import HelpFile
from vangnet.web.metrics import Metrics
from vangnet.web.pages import Pages
from vangnet.web.protocols.wire import Room
from vangnet.web.public_limit import PublicLimit
from vangnet.web.remembered_keys import RememberedKeys
from vangnet.web.static_files import StaticFiles
from vangnet.web.turns import Turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The parts of a running application."""

    settings: Settings = field(repr=False)
    database: Database
    keys: Keys = field(repr=False)
    password_hashes: PasswordHashes
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
    #: Whether nobody is shown a page: all answers are for programs.
    programs_only: bool = False
    #: The threads in which what is asked of it directly is checked.
    checks: Turns
    #: What shows pictures of the vault; None in a process that decodes nothing.
    viewer: Viewer | None
    #: What hashes parts of pictures that are about to be listed; None likewise.
    crops: CropHasher | None
    #: What fetches files by their addresses; None where the settings say that nothing is fetched.
    fetcher: Fetcher | None
    #: The contacts of the public page; None where there is no such page.
    help: HelpFile | None = None
    public_limit: PublicLimit = field(default_factory=PublicLimit, repr=False)
    remembered_keys: RememberedKeys = field(default_factory=RememberedKeys, repr=False)
