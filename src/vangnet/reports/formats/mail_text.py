"""What is taken from the text of a message: its words, the addresses in it, its language. Nothing is fetched or run."""

import re
from collections.abc import Iterable

from lxml import etree

from vangnet.reports.formats.reading import Values, armed

#: So much of a message's text is looked at.
TEXT_MAX = 500_000
LINKS_MAX = 5000
_LINK = re.compile(
    r"(?:\b(?:h(?:tt|xx|\*\*)ps?|ftps?)\[?:\]?//|\bwww(?:\.|\[\.\]))[^\s<>\"'{}|\\^`\u0000-\u001f]{1,8192}+", re.IGNORECASE
)
_BEHIND = ".,;:!?*_»\N{RIGHT DOUBLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
_CLOSING = {")": "(", "]": "["}
_SILENT = frozenset({"script", "style", "head", "title", "template"})
#: Words that one language has and the other does not, and that nearly every text has.
_WORDS = {
    "nl": frozenset({
        "de", "het", "een", "en", "van", "ik", "niet", "dat", "op", "te", "zijn", "voor", "met", "die", "naar", "er",
        "maar", "ook", "bij", "wordt", "heb", "deze",
    }),
    "en": frozenset({
        "the", "and", "of", "to", "that", "it", "for", "was", "with", "this", "on", "are", "have", "be", "not", "you",
        "your", "from", "by", "they", "which",
    }),
}  # fmt: skip


def links(text: str) -> list[str]:
    """The addresses on the web in a text, each once, in their order; those made harmless to click on, too."""
    found: dict[str, None] = {}
    for match in _LINK.finditer(text, 0, TEXT_MAX):
        found[armed(_trimmed(match[0]))] = None
        if len(found) > LINKS_MAX:
            break
    return list(found)


def _trimmed(link: str) -> str:
    """Without the signs of the sentence that it stands in."""
    while link:
        last = link[-1]
        if last in _BEHIND or (last in _CLOSING and link.count(last) > link.count(_CLOSING[last])):
            link = link[:-1]
        else:
            break
    return link


def from_html(html: str) -> tuple[str, list[str]]:
    """The words of a page, and the addresses that it leads to."""
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(html[:TEXT_MAX].encode("utf-8", errors="replace"), parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        return html, []
    words: list[str] = []
    targets: list[str] = []
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        if element.tag == "a" and (target := element.get("href")):
            targets.append(target.strip())
        if element.text and element.tag not in _SILENT:
            words.append(element.text)
        if element.tail:
            words.append(element.tail)
    return "\n".join(line for word in words if (line := " ".join(word.split()))), targets[:LINKS_MAX]


def web_targets(targets: Iterable[str], values: Values) -> list[str]:
    """Of what a page leads to, what is on the web: not mail, telephones or places on the page itself."""
    kept = [target for target in targets if armed(target).lower().startswith(("http://", "https://", "ftp://", "ftps://"))]
    return [address for target in kept if (address := values.web_address(target)) is not None]


def language(text: str) -> str | None:
    """`nl` or `en`, where that is plain; else None."""
    words = re.findall(r"[a-zé]{2,12}", text[:20_000].lower())
    counts = {code: sum(word in known for word in words) for code, known in _WORDS.items()}
    (first, most), (_, next_most) = sorted(counts.items(), key=lambda one: -one[1])
    return first if most >= 3 and most >= 2 * next_most else None
