"""Where the reports of a group and the links between them stand in a drawing: on a circle, the one looked at on top.

The drawing says no more than the table beside it. It is made on the server, and needs no script.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from vangnet.reports.service.linking.link_views import GroupLink

#: More than these cannot be told apart in a drawing.
NODES_MAX = 40
WIDTH = 640
_MARGIN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A report."""

    report: int
    x: float
    y: float
    #: It is the one that is looked at.
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """All links between two reports."""

    a: Node
    b: Node
    #: How many kinds of value they share.
    kinds: int
    #: It joins nothing: cut, or held.
    open: bool
    #: It alone holds two parts of the group together.
    bridge: bool
    #: No link joins them, but a person.
    by_hand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A drawing."""

    height: int
    nodes: Sequence[Node]
    edges: Sequence[Edge]


def joined_by_hand(
    members: Sequence[int], links: Iterable[GroupLink], merged: Iterable[frozenset[int]]
) -> list[tuple[int, int]]:
    """The pairs by which people joined what no link holds together: of each part, its first report."""
    part = {report: report for report in members}

    def join(a: int, b: int) -> None:
        low, high = sorted((part[a], part[b]))
        part.update({report: low for report, first in part.items() if first == high})

    for one in links:
        if not one.cut and not one.held and one.link.a in part and one.link.b in part:
            join(one.link.a, one.link.b)
    pairs = []
    for reports in merged:
        for a, b in pairwise(sorted(reports & part.keys())):
            if part[a] != part[b]:
                pairs.append((a, b))
                join(a, b)
    return pairs


def graph_of(
    members: Sequence[int],
    links: Iterable[GroupLink],
    bridges: frozenset[tuple[int, int]],
    by_hand: Iterable[tuple[int, int]],
) -> Graph:
    """The drawing of a group; its first report is the one that is looked at."""
    shown = members[:NODES_MAX]
    height = 240 if len(shown) < 8 else 420
    nodes = {report: _node(place, len(shown), report, height) for place, report in enumerate(shown)}
    between: dict[tuple[int, int], list[GroupLink]] = {}
    for one in links:
        if one.link.a in nodes and one.link.b in nodes:
            between.setdefault((one.link.a, one.link.b), []).append(one)
    edges = [
        Edge(
            a=nodes[a],
            b=nodes[b],
            kinds=len(found),
            open=all(one.cut or one.held for one in found),
            bridge=(a, b) in bridges,
        )
        for (a, b), found in between.items()
    ]
    edges += [
        Edge(a=nodes[a], b=nodes[b], kinds=0, open=False, bridge=False, by_hand=True)
        for a, b in by_hand
        if a in nodes and b in nodes
    ]
    return Graph(height=height, nodes=list(nodes.values()), edges=edges)


def _node(place: int, count: int, report: int, height: int) -> Node:
    angle = 2 * math.pi * place / count - math.pi / 2
    x = WIDTH / 2 + (WIDTH / 2 - _MARGIN) * math.cos(angle)
    y = height / 2 + (height / 2 - _MARGIN / 2) * math.sin(angle)
    return Node(report=report, x=round(x, 1), y=round(y, 1), here=place == 0)
