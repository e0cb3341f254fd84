"""Directed graphs as inline SVG: boxes in rows, and an arrow for each edge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from zoo.metrics.figures import Graph

_WIDTH, _HEIGHT = 172, 38
_GAP_X, _GAP_Y = 26, 24
_COLUMN = 8
_LETTERS, _SMALL_LETTERS = 25, 30
_BOW = 14


def draw_graph(figure: Graph, name: str) -> Markup:
    """Draw a graph.

    A node stands in the row below its lowest predecessor. A long chain is folded into columns. An
    arrow over several rows is bent around what lies between.

    Args:
        figure: The graph.
        name: Prefix of the ids in the page.

    Returns:
        An ``svg`` element.
    """
    places = _places(figure)
    shapes, left, right = [], 0.0, max(x for x, _ in places.values()) + _WIDTH
    for start, end in figure.edges:
        path, furthest = _arrow(places, start, end)
        left, right = min(left, furthest), max(right, furthest)
        shapes.append(f'<path d="{path}" marker-end="url(#{name}-arrow)"/>')
    shapes += [_box(places[node], *text) for node, text in enumerate(figure.nodes)]
    width = right - left + 2
    height = max(y for _, y in places.values()) + _HEIGHT + 2
    head = (
        f'<svg class="graph" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{left - 1:.0f} -1 {width:.0f} {height:.0f}" xmlns="http://www.w3.org/2000/svg">'
        f'<defs><marker id="{name}-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
    )
    return Markup(f"{head}{''.join(shapes)}</svg>")  # texts are escaped by _box


def _places(figure: Graph) -> dict[int, tuple[float, float]]:
    """Return the upper left corner of each box."""
    before: dict[int, list[int]] = defaultdict(list)
    for start, end in figure.edges:
        before[end].append(start)
    row: dict[int, int] = {}
    for node in range(len(figure.nodes)):
        row[node] = max((row[one] + 1 for one in before[node]), default=0)
    in_row: dict[int, list[int]] = defaultdict(list)
    for node, at in row.items():
        in_row[at].append(node)
    is_chain = figure.edges == tuple((node, node + 1) for node in range(len(figure.nodes) - 1))
    if is_chain and len(figure.nodes) > _COLUMN:
        return _folded(len(figure.nodes))
    widest = max(map(len, in_row.values()))
    middle = (widest * (_WIDTH + _GAP_X) - _GAP_X) / 2
    places: dict[int, tuple[float, float]] = {}
    for at in sorted(in_row):
        nodes = in_row[at]
        # Below what they come from, so that few arrows cross.
        nodes.sort(key=lambda node: _mean([places[one][0] for one in before[node]], middle))
        left = middle - (len(nodes) * (_WIDTH + _GAP_X) - _GAP_X) / 2
        for number, node in enumerate(nodes):
            places[node] = left + number * (_WIDTH + _GAP_X), at * (_HEIGHT + _GAP_Y)
    return places


def _folded(count: int) -> dict[int, tuple[float, float]]:
    return {
        node: (
            node // _COLUMN * (_WIDTH + 2 * _GAP_X),
            node % _COLUMN * (_HEIGHT + _GAP_Y),
        )
        for node in range(count)
    }


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _arrow(places: Mapping[int, tuple[float, float]], start: int, end: int) -> tuple[str, float]:
    """Return the path of an arrow, and how far it goes to the left or to the right."""
    (ax, ay), (bx, by) = places[start], places[end]
    rows = round((by - ay) / (_HEIGHT + _GAP_Y))
    if rows == 1:
        ax, ay, bx = ax + _WIDTH / 2, ay + _HEIGHT, bx + _WIDTH / 2
        bend = (ay + by) / 2
        return f"M{ax:.0f} {ay:.0f}C{ax:.0f} {bend:.0f} {bx:.0f} {bend:.0f} {bx:.0f} {by:.0f}", ax
    ay, by = ay + _HEIGHT / 2, by + _HEIGHT / 2
    if rows < 1:  # to the top of the next column
        middle = (ax + _WIDTH + bx) / 2
        return f"M{ax + _WIDTH:.0f} {ay:.0f}H{middle:.0f}V{by:.0f}H{bx:.0f}", middle
    # Around the boxes between, on the side that is nearer.
    beside = [x for x, y in places.values() if ay - _HEIGHT < y < by]
    lowest, highest = (min(x for x, _ in places.values()), max(x for x, _ in places.values()))
    bow = _BOW + 7 * rows
    if ax + bx < lowest + highest:
        out = min(beside) - bow
    else:
        out, ax, bx = max(beside) + _WIDTH + bow, ax + _WIDTH, bx + _WIDTH
    return f"M{ax:.0f} {ay:.0f}C{out:.0f} {ay:.0f} {out:.0f} {by:.0f} {bx:.0f} {by:.0f}", out


def _box(place: tuple[float, float], first: str, second: str) -> str:
    x, y = place
    middle = x + _WIDTH / 2
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{_WIDTH}" height="{_HEIGHT}" rx="5"/>'
        f'<text x="{middle:.0f}" y="{y + 16:.0f}">{escape(_cut(first, _LETTERS))}</text>'
        f'<text class="second" x="{middle:.0f}" y="{y + 30:.0f}">'
        f"{escape(_cut(second, _SMALL_LETTERS))}</text>"
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
