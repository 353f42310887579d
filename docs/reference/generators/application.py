"""The web application, put together to be asked what it has. It is never run: there is no database behind it."""

from functools import cache

from fastapi import FastAPI

from vangnet.config import Settings, default_data_dir
from vangnet.db import Database
from vangnet.keys import Keys
from vangnet.web.app import create_app


@cache
def application() -> FastAPI:
    """An application with the settings of an installation that runs as root and says nothing else."""
    database = Database.__new__(Database)  # Not opened: opening connects.
    return create_app(Settings(data_dir=default_data_dir({}, 0)), database, Keys(signing=bytes(32), sealing=bytes(32)))
