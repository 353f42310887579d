"""Texts as programs send them: what is taken, said in the words of JSON Schema.

The services check what they are given, and say what is wrong with it; this tells those who read the description beforehand.
"""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic.config import JsonDict

from vangnet.identity.model.text import LINE_PATTERN, NAME_PATTERN, TEXT_PATTERN

#: A line that says something, of at most 120, 500 or 1,000 letters.
Name = Annotated[str, Field(max_length=120, json_schema_extra={"pattern": LINE_PATTERN})]
Reason = Annotated[str, Field(max_length=500, json_schema_extra={"pattern": LINE_PATTERN})]
Line = Annotated[str, Field(max_length=1000, json_schema_extra={"pattern": LINE_PATTERN})]
#: A line of which nothing is kept where nobody wrote anything.
AnyName = Annotated[str, Field(max_length=120, json_schema_extra={"pattern": TEXT_PATTERN})]
AnyReason = Annotated[str, Field(max_length=500, json_schema_extra={"pattern": TEXT_PATTERN})]
#: Somebody's own name for something, kept as it comes.
GivenName = Annotated[str, Field(max_length=200, json_schema_extra={"pattern": NAME_PATTERN})]

Md5Digits = Annotated[str, Field(json_schema_extra={"pattern": "^[0-9a-fA-F]{32}$"})]
Sha1Digits = Annotated[str, Field(json_schema_extra={"pattern": "^[0-9a-fA-F]{40}$"})]
Sha256Digits = Annotated[str, Field(json_schema_extra={"pattern": "^[0-9a-fA-F]{64}$"})]

#: How the picture of a match was seen (`hashing.model.view_name`).
SEEN_AS = (
    "How the picture was seen: what was cut off, one after the other, and how it was held, joined by `+`; see `Cut` and "
    "`View` in the closed sets. A match by `pdq_window` or with `banner` in its view holds and never blocks."
)


def _no_word(value: object) -> object:
    # Pydantic would take "1" and true for the number.
    if isinstance(value, (bool, str)):
        raise ValueError("must be a number")
    return value


def _digits_alone(value: object) -> object:
    # Pydantic would take spaces around them, and 1.0 and 1_0.
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value) is None:
        raise ValueError("must be a number")
    return value


#: Of a whole number in an address; it stands last, so that the limits before it are described too.
DIGITS = BeforeValidator(_digits_alone)
#: A whole number from 0 to 100, as JSON has it.
Percent = Annotated[int, Field(ge=0, le=100), BeforeValidator(_no_word)]


def at_least_one(*names: str) -> JsonDict:
    """For the description of an object of which one of these fields must be there, and be a text."""
    return {"anyOf": [{"required": [name], "properties": {name: {"type": "string"}}} for name in names]}
