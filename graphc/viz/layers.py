"""Layered drawing of a directed acyclic graph: a place for each box, a path for each edge.

Boxes are set into layers so that edges point down, long edges get a waypoint in each layer they
pass, the order within layers is improved by sweeps of barycentres, and the horizontal places are
least-squares fits to the neighbours' places that keep the order (pool adjacent violators).
Deterministic; knows nothing of what the boxes are.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

Point = tuple[float, float]

_ORDER_SWEEPS = 12
_PLACE_SWEEPS = 12
_WAYPOINT_WIDTH = 6.0
_WAYPOINT_WEIGHT = 4.0
_TO_THE_MIDDLE = 0.03  # a pull towards one vertical axis, against drift in deep graphs


@dataclass(frozen=True)
class Gaps:
    """Distances: ``side`` between boxes of a layer, ``layer`` between layers."""

    side: float = 18.0
    layer: float = 44.0


@dataclass(frozen=True)
class Drawing:
    """``centres`` of the boxes and, for each edge, its ``waypoints`` between the two boxes."""

    centres: list[Point]
    waypoints: dict[tuple[int, int], list[Point]]
    width: float
    height: float

    def turned(self) -> Drawing:
        """The same upside down: edges point up."""
        return Drawing(
            [(x, self.height - y) for x, y in self.centres],
            {edge: [(x, self.height - y) for x, y in way] for edge, way in self.waypoints.items()},
            self.width,
            self.height,
        )


def draw(
    sizes: Sequence[Point],
    edges: Iterable[tuple[int, int]],
    gaps: Gaps,
    *,
    first: Collection[int] = (),
    last: Collection[int] = (),
) -> Drawing:
    """Places boxes of ``sizes`` (width, height) so that every edge (from, to) points down.

    ``first`` and ``last`` have the uppermost and the lowest layer to themselves; they must have
    nothing above and below, respectively.
    """
    unique = sorted(set(edges))
    if not sizes:
        return Drawing([], {}, 0.0, 0.0)
    layer = _layers(len(sizes), unique)
    top, bottom = min(layer) - 1, max(layer) + 1
    layer = [top if i in first else bottom if i in last else at for i, at in enumerate(layer)]
    layer = _numbered(layer)
    widths, layer, pieces, paths = _split(sizes, unique, layer)
    order = _ordered(layer, pieces)
    xs = _places(widths, order, pieces, len(sizes), gaps)
    left = min(x - w / 2 for x, w in zip(xs, widths, strict=True))
    xs = [x - left for x in xs]
    tops, middles = _heights(sizes, order, gaps)
    ys = [middles[at] for at in layer]
    _to_their_readers(ys, sizes, unique, layer, tops, gaps)
    return Drawing(
        [(xs[i], ys[i]) for i in range(len(sizes))],
        {edge: [(xs[v], ys[v]) for v in path] for edge, path in paths.items()},
        max(x + w / 2 for x, w in zip(xs, widths, strict=True)),
        tops[-1] - gaps.layer,
    )


def _neighbours(count: int, edges: Iterable[tuple[int, int]]) -> tuple[list[list[int]], ...]:
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        above[target].append(source)
        below[source].append(target)
    return above, below


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Each box as far down as its readers let it, so that what a box needs is gathered just above
    it; then back up, where that shortens more edges than it lengthens."""
    above, below = _neighbours(count, edges)
    layer = [0] * count
    waiting = [len(sources) for sources in above]
    sequence = [i for i in range(count) if not waiting[i]]
    for box in sequence:
        for target in below[box]:
            layer[target] = max(layer[target], layer[box] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                sequence.append(target)
    for box in reversed(sequence):
        if below[box]:
            layer[box] = min(layer[target] for target in below[box]) - 1
    for box in sequence:
        if len(above[box]) > len(below[box]):
            layer[box] = max(layer[source] for source in above[box]) + 1
    return layer


def _numbered(layer: Sequence[int]) -> list[int]:
    """The same layers without empty ones, from 0."""
    number = {at: i for i, at in enumerate(sorted(set(layer)))}
    return [number[at] for at in layer]


def _split(
    sizes: Sequence[Point], edges: Sequence[tuple[int, int]], layer: list[int]
) -> tuple[list[float], list[int], list[tuple[int, int]], dict[tuple[int, int], list[int]]]:
    """Waypoints for edges over several layers; edges of one box share theirs, as a trunk."""
    widths = [width for width, _ in sizes]
    layer = list(layer)
    trunk: dict[tuple[int, int], int] = {}
    pieces: dict[tuple[int, int], None] = {}
    paths: dict[tuple[int, int], list[int]] = {}
    for source, target in edges:
        path, last = [], source
        for at in range(layer[source] + 1, layer[target]):
            waypoint = trunk.setdefault((source, at), len(widths))
            if waypoint == len(widths):
                widths.append(_WAYPOINT_WIDTH)
                layer.append(at)
            pieces[last, waypoint] = None
            path.append(waypoint)
            last = waypoint
        pieces[last, target] = None
        paths[source, target] = path
    return widths, layer, list(pieces), paths


def _ordered(layer: Sequence[int], pieces: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The boxes and waypoints of each layer, from left to right, with few crossings."""
    above, below = _neighbours(len(layer), pieces)
    order: list[list[int]] = [[] for _ in range(max(layer) + 1)]
    for item in _depth_first(above, below):
        order[layer[item]].append(item)
    best, fewest = [list(row) for row in order], _crossings(order, below)
    for sweep in range(_ORDER_SWEEPS):
        down = sweep % 2 == 0
        rows = order if down else order[::-1]
        fixed = above if down else below
        for first, second in itertools.pairwise(rows):
            rank = {item: position for position, item in enumerate(first)}
            keys = {item: _mean([rank[n] for n in fixed[item]]) for item in second}
            position = {item: place for place, item in enumerate(second)}
            second.sort(key=_or_else(keys, position))
        found = _crossings(order, below)
        if found < fewest:
            best, fewest = [list(row) for row in order], found
        if not fewest:
            break
    return best


def _depth_first(above: Sequence[list[int]], below: Sequence[list[int]]) -> list[int]:
    seen: set[int] = set()
    found: list[int] = []
    stack = [i for i in range(len(above) - 1, -1, -1) if not above[i]]
    while stack:
        item = stack.pop()
        if item in seen:
            continue
        seen.add(item)
        found.append(item)
        stack.extend(reversed(below[item]))
    return found


def _or_else(
    keys: Mapping[int, float | None], position: Mapping[int, int]
) -> Callable[[int], float]:
    def key(item: int) -> float:
        found = keys[item]
        return position[item] if found is None else found

    return key


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _crossings(order: Sequence[Sequence[int]], below: Sequence[list[int]]) -> int:
    total = 0
    for first, second in itertools.pairwise(order):
        rank = {item: position for position, item in enumerate(second)}
        ends = [end for item in first for end in sorted(rank[n] for n in below[item])]
        total += _inversions(ends, len(second))
    return total


def _inversions(values: Sequence[int], limit: int) -> int:
    """Pairs out of order, counted with a binary indexed tree."""
    tree = [0] * (limit + 1)
    total = 0
    for seen, value in enumerate(values):
        not_after, at = 0, value + 1
        while at:
            not_after += tree[at]
            at -= at & -at
        total += seen - not_after
        at = value + 1
        while at <= limit:
            tree[at] += 1
            at += at & -at
    return total


def _places(
    widths: Sequence[float],
    order: Sequence[Sequence[int]],
    pieces: Sequence[tuple[int, int]],
    boxes: int,
    gaps: Gaps,
) -> list[float]:
    """The horizontal centre of each box and waypoint."""
    above, below = _neighbours(len(widths), pieces)
    xs = [0.0] * len(widths)
    for row in order:
        at = -sum(widths[item] + gaps.side for item in row) / 2
        for item in row:
            xs[item] = at + widths[item] / 2
            at += widths[item] + gaps.side
    pull = _pulls(order, above)
    for sweep in range(_PLACE_SWEEPS):
        near = (above, below, None)[sweep % 3]
        for row in order if sweep % 2 == 0 else reversed(order):
            wanted, weights = [], []
            for item in row:
                around = near[item] if near else above[item] + below[item]
                pulls = [pull.get((n, item)) or pull[item, n] for n in around]
                total = sum(pulls)
                straight = item >= boxes or any(n >= boxes for n in around)
                mean = sum(xs[n] * p for n, p in zip(around, pulls, strict=True))
                wanted.append(mean / (total + _TO_THE_MIDDLE) if total else xs[item])
                weights.append(max(total, 0.1) * (_WAYPOINT_WEIGHT if straight else 1.0))
            for item, x in zip(row, _fit(row, widths, wanted, weights, gaps), strict=True):
                xs[item] = x
    return xs


def _pulls(
    order: Sequence[Sequence[int]], above: Sequence[list[int]]
) -> dict[tuple[int, int], float]:
    """How much each edge pulls its ends together: fully along the longest path to a box, a little
    from the others, or a source at the side of each box of a chain would tilt the whole chain."""
    depth: dict[int, int] = {}
    pull: dict[tuple[int, int], float] = {}
    for row in order:
        for item in row:
            deepest = max((depth[n] for n in above[item]), default=-1)
            depth[item] = deepest + 1
            pull.update({(n, item): 1.0 if depth[n] == deepest else 0.1 for n in above[item]})
    return pull


def _fit(
    row: Sequence[int],
    widths: Sequence[float],
    wanted: Sequence[float],
    weights: Sequence[float],
    gaps: Gaps,
) -> list[float]:
    """The places nearest to ``wanted`` that keep the order of ``row`` and the gaps."""
    offsets, offset = [], 0.0
    for position, item in enumerate(row):
        if position:
            offset += (widths[row[position - 1]] + widths[item]) / 2 + gaps.side
        offsets.append(offset)
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, members = want - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other, heavy, more = pools.pop()
            mean = (mean * total + other * heavy) / (total + heavy)
            total, members = total + heavy, members + more
        pools.append((mean, total, members))
    means = [mean for mean, _, members in pools for _ in range(members)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _to_their_readers(
    ys: list[float],
    sizes: Sequence[Point],
    edges: Sequence[tuple[int, int]],
    layer: Sequence[int],
    tops: Sequence[float],
    gaps: Gaps,
) -> None:
    """In a layer higher than themselves, boxes without operands stand at its lower edge, and boxes
    without readers at its upper edge: near what they are connected with."""
    above, below = _neighbours(len(sizes), edges)
    for box, (_, height) in enumerate(sizes):
        if below[box] and not above[box]:
            ys[box] = tops[layer[box] + 1] - gaps.layer - height / 2
        elif above[box] and not below[box]:
            ys[box] = tops[layer[box]] + height / 2


def _heights(
    sizes: Sequence[Point], order: Sequence[Sequence[int]], gaps: Gaps
) -> tuple[list[float], list[float]]:
    """The upper edges of the layers (and the end), and the middles of the layers."""
    tops, middles = [0.0], []
    for row in order:
        height = max((sizes[i][1] for i in row if i < len(sizes)), default=0.0)
        middles.append(tops[-1] + height / 2)
        tops.append(tops[-1] + height + gaps.layer)
    return tops, middles
