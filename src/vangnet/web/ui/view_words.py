"""How a picture was looked at when it matched, in words: the same ones wherever a match is shown."""

from typing import Any

from vangnet.gate.model import AtMostHeld, at_most_held
from vangnet.hashing.view_words import WORDS
from vangnet.web.languages import marked

AT_MOST_HELD = {
    AtMostHeld.PART: marked(
        "Entry %(entry)s was found by a part of the listed picture, as after cropping. Other pictures can have such a part "
        "too, so this holds and never blocks, whatever the policy says."
    ),
    AtMostHeld.GUESS: marked(
        "Entry %(entry)s was found after a strip over the picture was painted over. What was under it was guessed, so this "
        "holds and never blocks, whatever the policy says."
    ),
}
VIEW_WORDS: dict[str, Any] = {"view_names": WORDS, "at_most_held": at_most_held, "why_at_most_held": AT_MOST_HELD}
