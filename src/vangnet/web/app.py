"""The application: every page and API file, behind the checks that all requests pass."""

import functools
import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from types import ModuleType

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from vangnet.config import FetchFrom, Settings
from vangnet.db import Database
from vangnet.errors import AppError
from vangnet.gate.service.gate import Gate
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.sandbox import Sandbox
from vangnet.identity.service.password_hashes import PASSWORD_HASHES, PasswordHashes
from vangnet.keys import Keys
from vangnet.partners.fetching import Fetcher
from vangnet.partners.transport import Transport
from vangnet.registry.service.live import LiveIndex
from vangnet.reports.service.assessment.crops import CropHasher
from vangnet.reports.service.assessment.looking import Viewer
from vangnet.vault.files import VaultFiles
from vangnet.web import api, protocols, ui
from vangnet.web.access import rules_of
from vangnet.web.api import openapi
from vangnet.web.cookies import Cookies
from vangnet.web.direct import DirectAnswers, direct_routes
from vangnet.web.errors import ErrorAnswers, answer
from vangnet.web.health import HealthBoard
from vangnet.web.help_file import HelpFile
from vangnet.web.metrics import Metrics
from vangnet.web.pages import Pages
from vangnet.web.protocols.wire import Room
from vangnet.web.security import RequestChecks, SecurityHeaders, allowed_hosts
from vangnet.web.site import Site
from vangnet.web.static_files import StaticFiles
from vangnet.web.traffic import Traffic
from vangnet.web.turns import Turns

#: What a process has that is a gate and nothing else.
_ASKED_OF_GATES = frozenset({
    "vangnet.web.api.check", "vangnet.web.api.probes", "vangnet.web.protocols.dutch_check", "vangnet.web.protocols.hma",
})  # fmt: skip


def create_app(
    settings: Settings,
    database: Database,
    keys: Keys,
    *,
    live: LiveIndex | None = None,
    gate: Gate | None = None,
    sandbox: Sandbox | None = None,
    only_gate: bool = False,
    password_hashes: PasswordHashes = PASSWORD_HASHES,
) -> FastAPI:
    """The web application of one installation.

    Without `live` it looks no hash up, without `gate` it checks no upload: those requests are answered as unavailable;
    without `sandbox` it shows no picture. With `only_gate` it has what programs ask a gate, and no pages.

    Every module of `ui`, `api` and `protocols` that has a router is part of it by being there. Raises RouteWithoutRule
    where a route does not say who may use it.
    """
    capabilities = [*_modules(ui), *_modules(api), *_modules(protocols)]
    if only_gate:
        capabilities = [module for module in capabilities if module.__name__ in _ASKED_OF_GATES]
    files = StaticFiles()
    help_file = HelpFile.named_by(settings)
    done = {code: sentence for module in capabilities for code, sentence in getattr(module, "DONE", {}).items()}
    measures = Metrics(database, live, gate)
    direct: dict[tuple[str, str], APIRoute] = {}
    app = FastAPI(
        title="Vangnet",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[
            Middleware(Traffic, metrics=measures),
            Middleware(SecurityHeaders, settings=settings),
            Middleware(ErrorAnswers),
            Middleware(RequestChecks, hosts=allowed_hosts(settings.base_url), larger=_larger_bodies(capabilities)),
            Middleware(DirectAnswers, routes=direct),
        ],
    )
    for kind in (AppError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, answer)
    app.state.site = Site(
        settings=settings,
        database=database,
        keys=keys,
        password_hashes=password_hashes,
        cookies=Cookies(settings.base_url),
        pages=Pages(files, done),
        static=files,
        health=HealthBoard(settings, database, live, help_file),
        metrics=measures,
        live=live,
        gate=gate,
        gate_room=Room(settings.gate_bytes_at_once),
        programs_only=only_gate,
        checks=Turns(settings.gate_checks_at_once),
        viewer=_viewer(settings, database, keys, sandbox),
        crops=_crops(settings, database, keys, sandbox),
        fetcher=_fetcher(settings),
        help=help_file,
    )
    for module in capabilities:
        app.include_router(module.router)
    rules = list(rules_of(app))
    direct |= direct_routes(app)
    # Written when somebody first asks for it: few do, and every start would wait for it.
    app.openapi = functools.cache(  # type: ignore[method-assign]
        lambda: openapi.document(app, rules, version=version("vangnet"), base_url=settings.base_url)
    )
    return app


def _viewer(settings: Settings, database: Database, keys: Keys, sandbox: Sandbox | None) -> Viewer | None:
    if sandbox is None:
        return None
    return Viewer(
        database,
        keys,
        vault=VaultFiles(settings.vault_dir, keys, bytes_max=settings.vault_bytes_max),
        sandbox=sandbox,
        budget_minutes=settings.sharp_minutes_a_day,
        golden_percent=settings.assessment_check_percent,
    )


def _crops(settings: Settings, database: Database, keys: Keys, sandbox: Sandbox | None) -> CropHasher | None:
    if sandbox is None:
        return None
    return CropHasher(
        database,
        keys,
        vault=VaultFiles(settings.vault_dir, keys, bytes_max=settings.vault_bytes_max),
        hasher=Hasher(sandbox),
        golden_percent=settings.assessment_check_percent,
    )


def _fetcher(settings: Settings) -> Fetcher | None:
    if settings.hma_fetch is FetchFrom.NOWHERE:
        return None
    transport = Transport.trusting(settings.partner_ca_file)
    return Fetcher(transport, anywhere=settings.hma_fetch is FetchFrom.ANYWHERE)


def _larger_bodies(capabilities: Sequence[ModuleType]) -> dict[str, int | None]:
    """How much a path takes that takes more than others; None where its own route limits it."""
    return {path: most for module in capabilities for path, most in getattr(module, "LARGER_BODIES", {}).items()}


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        module = importlib.import_module(found.name)
        if hasattr(module, "router"):
            yield module
