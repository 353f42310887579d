"""How a picture was seen, in plain English, for texts that people read away from our pages. Pure."""

from collections.abc import Mapping

from vangnet.hashing.model import Cut, View

WORDS: Mapping[str, str] = {
    View.ORIGINAL: "as it is",
    View.ROTATE90: "a quarter turn to the left",
    View.ROTATE180: "half a turn",
    View.ROTATE270: "a quarter turn to the right",
    View.FLIP_X: "upside down as in a mirror",
    View.FLIP_Y: "mirrored",
    View.TRANSPOSE: "mirrored at a diagonal",
    View.ANTI_TRANSPOSE: "mirrored at the other diagonal",
    Cut.BARS: "without its bars",
    Cut.BORDER: "without its border",
    Cut.CAPTION: "without its caption",
    Cut.BANNER: "with its banner painted over",
    Cut.FRAME: "cut out of a page",
}


def in_words(view: str) -> str:
    """The view that `model.view_name` names, in words; what another installation calls otherwise stays as it is called."""
    return ", ".join(WORDS.get(part, part) for part in view.split("+"))
