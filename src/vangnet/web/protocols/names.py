"""What a door calls a file that it does not let pass: a name such as scanners give to what they find."""

import re

from vangnet.config import DoorsNames
from vangnet.gate.model import CheckAnswer, Decision, Outcome

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9-]+")


def name_of(answer: CheckAnswer, naming: DoorsNames) -> str:
    """The name of what `answer` is about, in the letters that scanners use.

    `Vangnet.Known.…` is a listed file that is refused, `Vangnet.Refused.<reason>.…` another one, `Vangnet.Held.…` one that
    waits for a person, whatever the cause, and `Vangnet.Unavailable.…` one that could not be checked.
    """
    if answer.outcome is Outcome.UNAVAILABLE:
        return f"Vangnet.Unavailable.{answer.check_id}"
    if answer.decision is Decision.HOLD:
        return f"Vangnet.Held.{answer.check_id}"
    deciding = next((match for match in answer.matches if not match.shadow), None)
    if deciding is None:
        reason = "" if answer.reason is None else f"{answer.reason}."
        return f"Vangnet.Refused.{reason}{answer.check_id}"
    match naming:
        case DoorsNames.CHECK:
            return f"Vangnet.Known.{answer.check_id}"
        case DoorsNames.ENTRY if answer.withheld:
            return f"Vangnet.Known.{answer.check_id}"
        case DoorsNames.ENTRY:
            listed = _NOT_IN_NAMES.sub("-", deciding.list_name).strip("-") or str(deciding.list_id)
            return f"Vangnet.Known.{listed}.{deciding.entry_id}"
