"""`vangnet worker`: runs the jobs of this installation, apart from its pages."""

import signal
import threading

import structlog

from vangnet import config, log
from vangnet.cli.output import say
from vangnet.db import open_database
from vangnet.keys import Keys
from vangnet.worker import Worker


def worker() -> None:
    """Run jobs until Ctrl-C. `vangnet serve` has a worker of its own; this is one more, or the one beside `--only web`."""
    settings = config.load()
    log.configure(settings)
    keys = Keys.open(settings.keys_dir)
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    with open_database(settings) as database, Worker(database, keys, settings):
        say("The worker runs jobs until Ctrl-C.")
        told.wait()
    structlog.get_logger().info("stopped")
