"""Forms whose fields depend on what they are about, and drafts of policies, sent to and fro as a document."""

import json
from typing import Annotated, Any, TypeAlias

from fastapi import Depends
from starlette.datastructures import FormData
from starlette.requests import Request

from vangnet.errors import InvalidInput
from vangnet.web.languages import marked


async def _form(request: Request) -> FormData:
    return await request.form()


#: The whole form, whatever its fields are.
WholeForm: TypeAlias = Annotated[FormData, Depends(_form)]


def number(text: object) -> int:
    """The number that was typed; -1, which is refused everywhere, for anything else."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 10 else -1


def sent_draft(text: str) -> dict[str, Any]:
    """The document that the page of a preview sends; whether it is a policy is judged by whoever reads it.

    Raises InvalidInput.
    """
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise InvalidInput(field="document", problem=marked("must be a draft, as the page of its preview sends it"))
    return document
