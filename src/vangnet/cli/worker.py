"""`vangnet worker`: runs the jobs of this installation and seals its audit trail, apart from its pages."""

import signal
import threading

import structlog

from vangnet import config, log
from vangnet.audit.sealer import Sealer
from vangnet.cli.output import say
from vangnet.db import open_database
from vangnet.hashing.model import Limits
from vangnet.hashing.sandbox import Sandbox
from vangnet.keys import Keys
from vangnet.registry.service.live import LiveIndex
from vangnet.worker import Worker


def worker() -> None:
    """Run jobs and seal the audit trail until Ctrl-C, beside `vangnet serve --only web` or for more speed."""
    settings = config.load()
    log.configure(settings)
    keys = Keys.open(settings.keys_dir)
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    with (
        open_database(settings) as database,
        Sealer(database, keys, settings.audit_heads_dir),
        LiveIndex(database, keys, settings.data_dir / "registry-index") as live,
        Sandbox(limits=Limits(**settings.media_limits)) as sandbox,
        Worker(database, keys, settings, live=live, sandbox=sandbox),
    ):
        say("The worker runs jobs until Ctrl-C.")
        told.wait()
    structlog.get_logger().info("stopped")
