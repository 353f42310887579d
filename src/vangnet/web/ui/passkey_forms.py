"""What the pages with a passkey button have in common: under which name the browser knows us, and what it is asked."""

from urllib.parse import urlsplit

from vangnet.db import Connection
from vangnet.identity.model import Ceremony
from vangnet.identity.service import passkeys
from vangnet.web.visit import OneVisit


def origin_of(visit: OneVisit) -> str:
    """The address under which this browser reached us, to which its passkeys are bound.

    That is the installation's own, or on a loopback address also its other names, of which only `localhost` can have
    passkeys. The Host header was compared with those before any route was reached.
    """
    scheme = urlsplit(visit.settings.base_url).scheme
    return f"{scheme}://{visit.request.headers['host'].lower()}"


def to_sign_in(visit: OneVisit) -> Ceremony | None:
    """What the browser is asked on the sign-in page; None where no passkey can work."""
    origin = origin_of(visit)
    return passkeys.begin_sign_in(base_url=origin, keys=visit.keys, now=visit.now) if passkeys.possible(origin) else None


def to_finish(conn: Connection, visit: OneVisit) -> Ceremony | None:
    """What the browser is asked after the password; None where the person has no passkey, or none can work."""
    origin = origin_of(visit)
    if not passkeys.possible(origin):
        return None
    return passkeys.begin_second_half(conn, visit.actor, base_url=origin, keys=visit.keys, now=visit.now)
