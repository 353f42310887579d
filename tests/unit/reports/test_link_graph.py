"""The drawing of a group says what the table says."""

from vangnet.reports.rules.linking.features import FeatureKind
from vangnet.reports.rules.linking.links import Because, Link
from vangnet.reports.service.linking.link_views import GroupLink
from vangnet.web.ui.link_graph import NODES_MAX, WIDTH, graph_of, joined_by_hand


def tie(a: int, b: int, kind: FeatureKind = FeatureKind.ACCOUNT, *, cut: bool = False, held: bool = False) -> GroupLink:
    return GroupLink(link=Link(kind=kind, a=a, b=b, because=Because()), cut=cut, held=held)


def test_every_report_stands_in_the_drawing_and_no_two_at_one_place() -> None:
    for count in (2, 7, 8, NODES_MAX):
        graph = graph_of(range(count), [], frozenset(), [])
        assert len({(node.x, node.y) for node in graph.nodes}) == count
        assert all(0 < node.x < WIDTH and 0 < node.y < graph.height for node in graph.nodes)
        assert [node.report for node in graph.nodes if node.here] == [0]


def test_links_of_two_reports_are_one_line_that_is_open_only_if_all_are() -> None:
    links = [tie(1, 2), tie(1, 2, FeatureKind.FILE, cut=True), tie(2, 3, held=True)]
    edges = graph_of([1, 2, 3], links, frozenset({(1, 2)}), []).edges
    assert [(edge.a.report, edge.b.report, edge.kinds, edge.open, edge.bridge) for edge in edges] == [
        (1, 2, 2, False, True),
        (2, 3, 1, True, False),
    ]


def test_more_than_can_be_told_apart_are_not_drawn() -> None:
    graph = graph_of(range(NODES_MAX + 9), [tie(0, NODES_MAX), tie(0, 1)], frozenset(), [(0, NODES_MAX)])
    assert (len(graph.nodes), len(graph.edges)) == (NODES_MAX, 1)


def test_what_people_joined_is_told_only_where_no_link_holds_it_together() -> None:
    links = [tie(1, 2), tie(3, 4), tie(2, 3, cut=True)]
    assert joined_by_hand([1, 2, 3, 4], links, [frozenset({1, 2, 3, 4})]) == [(2, 3)]
    assert joined_by_hand([1, 2], links, [frozenset({1, 2})]) == []
    assert joined_by_hand([1, 2], [], [frozenset({1, 2, 9}), frozenset({1, 2})]) == [(1, 2)]
