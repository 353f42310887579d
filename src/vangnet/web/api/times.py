"""Times as programs send them: written out (RFC 3339, section 5.6), with their offset from UTC."""

import re
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator

_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _written_out(value: object) -> object:
    # Pydantic would take a number too, and guess whether it counts seconds or milliseconds.
    if isinstance(value, str) and not _WRITTEN.fullmatch(value):
        raise ValueError("must be like 2026-11-21T13:02:07Z")
    return value


#: A moment in a query or a body.
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
