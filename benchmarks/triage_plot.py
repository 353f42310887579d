"""Draws the plot of triage.py as SVG: panels side by side, shares from 0 to 100 %, each line with a mark of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 460, 280
_LEFT, _TOP, _RIGHT, _BOTTOM = 48, 70, 16, 64
#: Colour and dashes, so that nobody needs to tell colours apart.
_LOOKS = {
    "fifo": ("#7a4a00", "2 4"),
    "severity": ("#586170", "8 4"),
    "ours": ("#0b5c8a", ""),
    "bound": ("#1d6339", "12 3 2 3"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A way to choose, and its share in percent at each tick."""

    name: str
    look: str
    shares: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One diagram."""

    title: str
    ticks: Sequence[str]
    lines: Sequence[Line]


def drawn(title: str, panels: Sequence[Panel]) -> str:
    """The picture, with a white ground, so that it reads on dark pages too."""
    width = _WIDTH * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT + 40}" role="img"',
        'font-family="sans-serif" font-size="12" fill="#1b2230">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{_HEIGHT + 40}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="24" font-size="13" font-weight="bold">{escape(title)}</text>',
    ]
    for place, panel in enumerate(panels):
        parts += _panel(panel, place * _WIDTH)
    parts += _legend(panels[0].lines)
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, left: int) -> list[str]:
    from_x, to_x = left + _LEFT, left + _WIDTH - _RIGHT
    bottom = _HEIGHT - _BOTTOM + 20
    step = (to_x - from_x) / max(1, len(panel.ticks) - 1)

    def y(share: float) -> float:
        return bottom - share / 100 * (bottom - _TOP)

    parts = [f'<text x="{from_x}" y="52">{escape(panel.title)}</text>']
    for share in (0, 25, 50, 75, 100):
        parts.append(f'<line x1="{from_x}" x2="{to_x}" y1="{y(share):.1f}" y2="{y(share):.1f}" stroke="#d5dae1"/>')
        parts.append(f'<text x="{from_x - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{share} %</text>')
    for number, tick in enumerate(panel.ticks):
        parts.append(f'<text x="{from_x + number * step:.1f}" y="{bottom + 18}" text-anchor="middle">{escape(tick)}</text>')
    for line in panel.lines:
        colour, dashes = _LOOKS[line.look]
        points = [(from_x + number * step, y(share)) for number, share in enumerate(line.shares)]
        path = " ".join(f"{x:.1f},{down:.1f}" for x, down in points)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dashes}"/>'
        )
        parts += [f'<circle cx="{x:.1f}" cy="{down:.1f}" r="3.5" fill="{colour}"/>' for x, down in points]
    return parts


def _legend(lines: Sequence[Line]) -> list[str]:
    parts = []
    for number, line in enumerate(lines):
        colour, dashes = _LOOKS[line.look]
        x = _LEFT + number * 200
        parts.append(
            f'<line x1="{x}" x2="{x + 36}" y1="{_HEIGHT + 16}" y2="{_HEIGHT + 16}" stroke="{colour}" stroke-width="2.5" '
            f'stroke-dasharray="{dashes}"/>'
        )
        parts.append(f'<text x="{x + 44}" y="{_HEIGHT + 20}">{escape(line.name)}</text>')
    return parts
