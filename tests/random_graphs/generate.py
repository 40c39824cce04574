"""One random graph from a seed: the steps, their weights, outputs, updates and gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

import graphc
from graphc import api
from graphc.errors import GraphcError
from graphc.ir import dims, dtypes, graphs
from graphc.tensor import Tensor
from tests.random_graphs import elementwise, folds, views
from tests.random_graphs.builder import CALLS, Builder

Step = Callable[[Builder], Tensor]

# The usual weight of each step; a graph multiplies each by a factor of its own, so that graphs
# differ in what they are made of.
STEPS: dict[Step, float] = {
    elementwise.unary: 6, elementwise.binary: 6, elementwise.ternary: 2, elementwise.cast: 1.5,
    elementwise.chain: 2, elementwise.index_arithmetic: 0.7,
    views.permuted: 1.5, views.sliced: 2.5, views.flipped: 1, views.padded: 1.2, views.joined: 1.5,
    views.stacked: 0.8, views.reshaped: 2, views.broadcasted: 1, views.units: 1,
    folds.reduced: 4, folds.row_use: 1.5, folds.extreme_index: 0.8, folds.product: 2,
    folds.dense: 1.5, folds.columns: 0.8, folds.gathered: 0.8, folds.scattered: 0.8,
    folds.one_hot: 0.4, folds.softmaxed: 1, folds.loss: 0.8, folds.drawn: 0.5, folds.size_used: 0.4,
}  # fmt: skip
# For graphs of few kinds of kernels and many views of what they make.
VIEWS = {step: weight for step, weight in STEPS.items() if step.__module__ == views.__name__}
ACROSS_VIEWS = {step: 0.1 for step in STEPS} | VIEWS | {
    elementwise.unary: 1.5, elementwise.binary: 1.5, folds.reduced: 2.5, folds.row_use: 1.5,
    folds.product: 2.5, folds.dense: 2.5, folds.columns: 1.5, folds.gathered: 0.6,
    folds.softmaxed: 0.7,
}  # fmt: skip
_FACTORS = (0.1, 0.3, 1.0, 1.0, 3.0, 8.0)


@dataclass(frozen=True)
class Case:
    """A graph and the inputs of each call."""

    seed: int
    graph: api.Graph
    calls: tuple[dict[str, np.ndarray], ...]


def case(seed: int, steps: Mapping[Step, float] = STEPS) -> Case:
    """The graph that ``seed`` means, of ``steps`` by their weights; every fourth has gradients."""
    build = Builder(seed)
    build.input(build.shape(0 if build.chance(0.2) else 1), build.dtype())
    if seed % 8 == 0:  # a layer to be trained
        _take(build, folds.dense)
    weights = [weight * build.random.choice(_FACTORS) for weight in steps.values()]
    for _ in range(build.random.randrange(2, 12)):
        step = build.random.choices(list(steps), weights)[0]
        _take(build, step)
    outputs = _outputs(build, (1, 1, 2, 2, 3, 4) if steps is STEPS else (2, 3, 5, 8))
    updates = _updates(build) if build.chance(0.4) else []
    if seed % 4 == 0:
        _differentiate(build, outputs, updates)
    outputs |= _anchors(build, [*outputs.values(), *(new for _, new in updates)])
    flush = build.random.choice((None, None, None, True, False))
    graph = api.Graph(f"g{seed}", outputs, updates, flush_denormals=flush)
    used = {value.name for value in graph.ir.inputs}
    calls = ({n: a for n, a in build.arrays(call).items() if n in used} for call in range(CALLS))
    return Case(seed, graph, tuple(calls))


def _take(build: Builder, step: Step) -> None:
    """Apply ``step``; what it may not do, or would make too large, is left out."""
    before = list(build.pool)
    try:
        result = step(build)
    except GraphcError:
        build.pool[:] = before
        return
    if not isinstance(result, Tensor) or not build.fits(result):
        build.pool[:] = before
    else:
        build.pool.append(result)


def _outputs(build: Builder, counts: Sequence[int]) -> dict[str, Tensor]:
    count = build.random.choice(counts)
    computed = [x for x in build.pool if x.value.node.operands] or build.pool
    late = computed[-8:] if build.chance(0.9) else build.pool
    chosen = [late[-1], *build.random.sample(late, min(count, len(late)))]
    return {f"y{i}": x for i, x in enumerate(chosen[:count])}


def _anchors(build: Builder, results: list[Tensor]) -> dict[str, Tensor]:
    """An output that reads an input of each dim that no input would bind otherwise."""
    found = graphs.collect("found", {str(i): x.value for i, x in enumerate(results)})
    used = {
        name
        for node in found.nodes
        for value in node.results
        for size in value.type.shape
        for name in dims.names(size)
    }
    missing = used - set(found.dims)
    return {f"anchor{n}": build.input((dims.named(n),), dtypes.float32) for n in sorted(missing)}


def _updates(build: Builder) -> list[tuple[Tensor, Tensor]]:
    """New values for parameters: steps towards something, swaps, reversed and permuted copies."""
    while len(build.parameters) < build.random.choice((1, 2)):
        like = build.random.choice(build.pool)
        shape = [s if isinstance(s, int) else 3 for s in like.shape]
        build.parameter(shape, like.dtype)
    chosen = build.random.sample(
        build.parameters, build.random.randrange(1, min(len(build.parameters), 3) + 1)
    )
    return [(p, _new_value(build, p)) for p in chosen]


def _new_value(build: Builder, p: Tensor) -> Tensor:
    same = [x for x in build.pool if x.shape == p.shape and x.dtype == p.dtype and x is not p]
    kind = build.random.random()
    others = [x for x in same if x.value.node.op.name == "parameter"]
    if kind < 0.15 and others:
        return build.random.choice(others)  # perhaps a swap
    if kind < 0.3 and p.ndim:
        return graphc.flip(p, build.random.randrange(p.ndim))
    if kind < 0.4 and p.ndim == 2 and p.shape[0] == p.shape[1]:
        return p.T
    if kind < 0.65 and same:
        other = build.random.choice(same)
        return graphc.astype(p * 2 + other if not p.dtype.is_bool else p & other, p.dtype)
    late = build.pool[-1]
    number = graphc.astype(graphc.sum(graphc.astype(late, graphc.float32)), p.dtype)
    return graphc.astype(graphc.where(number > 3, number, p), p.dtype)


def _differentiate(
    build: Builder, outputs: dict[str, Tensor], updates: list[tuple[Tensor, Tensor]]
) -> None:
    """Gradients of a late float tensor, as outputs or as updates of parameters."""
    late = build.float_tensor()
    scalar = graphc.mean(late) if build.chance(0.5) else graphc.sum(late * 0.1)
    given = build.parameters + [x for x, _ in build.fills.values()]
    sources = [x for x in given if x.dtype.is_float][:5]
    if not sources:
        return
    try:
        gradients = graphc.grad(scalar, sources)
    except GraphcError:
        return
    outputs["loss"] = scalar
    free = set(build.parameters) - {p for p, _ in updates}
    for number, (x, dx) in enumerate(zip(sources, gradients, strict=True)):
        if x in free and build.chance(0.7):
            updates.append((x, x - 0.1 * dx))
        elif build.fits(dx):
            outputs[f"d{number}"] = dx
