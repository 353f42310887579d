"""How a picture was looked at when it matched, in words: the same ones wherever a match is shown."""

from typing import Any

from vangnet.gate.model import AtMostHeld, at_most_held
from vangnet.hashing.model import Cut, View
from vangnet.web.languages import marked

VIEW_NAMES = {
    View.ORIGINAL: marked("as it is"),
    View.ROTATE90: marked("a quarter turn to the left"),
    View.ROTATE180: marked("half a turn"),
    View.ROTATE270: marked("a quarter turn to the right"),
    View.FLIP_X: marked("upside down as in a mirror"),
    View.FLIP_Y: marked("mirrored"),
    View.TRANSPOSE: marked("mirrored at a diagonal"),
    View.ANTI_TRANSPOSE: marked("mirrored at the other diagonal"),
    Cut.BARS: marked("without its bars"),
    Cut.BORDER: marked("without its border"),
    Cut.CAPTION: marked("without its caption"),
    Cut.BANNER: marked("with its banner painted over"),
    Cut.FRAME: marked("cut out of a page"),
}
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
VIEW_WORDS: dict[str, Any] = {"view_names": VIEW_NAMES, "at_most_held": at_most_held, "why_at_most_held": AT_MOST_HELD}
