"""What an uploader of a refused file may be told: that it was refused, whom to ask, where help is found. Pure.

It is the same whatever the reason: never a list, a distance or why. On `hold` nothing is told, so that nobody is warned.
"""

from vangnet.gate.model import CheckAnswer, Decision, Outcome

_NL = "Upload geweigerd. Klopt dat niet? Vraag je aanbieder, en noem {reference}. Zorgen over wat je bekijkt? {help}"
_EN = "Upload refused. Not right? Ask your provider, and name {reference}. Worried about what you view? {help}"
#: So much of the check's number is enough to find it again.
_REFERENCE_LETTERS = 8


def uploader_text(answer: CheckAnswer, *, help_nl: str | None, help_en: str | None) -> dict[str, str] | None:
    """The text in Dutch and English; None where nothing is to be told, or nobody said where help is found."""
    refused = answer.decision is Decision.BLOCK and answer.outcome is not Outcome.UNAVAILABLE
    if not refused or help_nl is None or help_en is None:
        return None
    reference = str(answer.check_id)[:_REFERENCE_LETTERS]
    return {"nl": _NL.format(reference=reference, help=help_nl), "en": _EN.format(reference=reference, help=help_en)}
