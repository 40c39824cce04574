"""The state of one random graph while it is declared: random choices, tensors so far, arrays.

Responsible for sizes, inputs, parameters and the arrays they are given; which ops are applied is
decided by the modules of steps.  Everything follows from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np

import graphc
from graphc.ir import dims, dtypes
from graphc.ir.dims import Shape, Size
from graphc.ir.dtypes import DType
from graphc.tensor import Tensor

SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 33, 70)
CALLS = 2  # each graph is called with so many bindings of its dims
MOST_ELEMENTS = 2500
MOST_RANK = 5
LONG = (8191, 8193, 10_000)  # reductions fold in blocks of 8192
Fill = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


class Builder:
    """``sizes`` are the values of the named dims at each call; ``pool`` the tensors to choose from;
    ``temper`` says which kinds of values the arrays hold."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.sizes: list[dict[str, int]] = [{} for _ in range(CALLS)]
        self.pool: list[Tensor] = []
        self.fills: dict[str, tuple[Tensor, Fill]] = {}
        self.parameters: list[Tensor] = []
        self.generator: graphc.Generator | None = None
        self.temper = self.random.choices(("plain", "ties", "special"), (7, 2, 1))[0]
        # Axes of equal size are those that can be mistaken for each other.
        self.usual = self.random.choice(SIZES)
        self.most = 3 * LONG[-1] if self.chance(0.03) else MOST_ELEMENTS
        self.symbolic = self.random.choice((0.0, 0.15, 0.4))

    # -- choices --------------------------------------------------------------------------------

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def tensor(self, accept: Callable[[Tensor], bool] = lambda x: True) -> Tensor:
        """A tensor of the pool that ``accept`` takes, rather a late one; a new input where there is
        none."""
        found = [x for x in self.pool if accept(x)]
        if not found:
            made = self.input(self.shape(2, 3), self.dtype(floats=True))
            return made if accept(made) else graphc.astype(made, dtypes.int32)
        return self.random.choice(found[-4:] if self.chance(0.75) else found)

    def float_tensor(self, least_rank: int = 0) -> Tensor:
        return self.tensor(lambda x: x.dtype.is_float and x.ndim >= least_rank)

    def dtype(self, floats: bool = False) -> DType:
        if floats:
            return self.random.choices((dtypes.float32, dtypes.float64), (4, 1))[0]
        return self.random.choices(dtypes.ALL, (10, 3, 2, 2, 1, 1))[0]

    def size(self) -> Size:
        """A static size or a named dim, bound to two different sizes for the two calls."""
        if not self.chance(self.symbolic):
            return self.usual if self.chance(0.4) else self.random.choice(SIZES)
        name = self.random.choice("NMK")
        for call, bound in enumerate(self.sizes):
            if name not in bound:
                choices = (0, *SIZES) if call or self.chance(0.1) else SIZES
                bound[name] = self.usual if self.chance(0.3) else self.random.choice(choices)
        return dims.named(name)

    def shape(self, least: int = 0, most: int = MOST_RANK) -> Shape:
        """A random shape that is small enough at each call."""
        if self.most > MOST_ELEMENTS and least <= 1:
            return (self.random.choice(LONG),)
        rank = self.random.choice([r for r in (0, 1, 1, 2, 2, 2, 3, 3, 4, 5) if least <= r <= most])
        shape = [self.size() for _ in range(rank)]
        while self.elements(tuple(shape)) > self.most:
            shape[self.random.randrange(rank)] = self.random.choice((1, 2, 3))
        return tuple(shape)

    def axes(self, rank: int) -> tuple[int, ...]:
        """One to all axes, some counted from the end."""
        count = self.random.choice((1, 1, 1, 2, rank)) if rank else 0
        chosen = self.random.sample(range(rank), min(count, rank))
        return tuple(a - rank if self.chance(0.2) else a for a in sorted(chosen))

    # -- what is known of shapes ----------------------------------------------------------------

    def values(self, size: Size) -> list[int]:
        """The size at each call."""
        return [dims.evaluate(size, bound) for bound in self.sizes]

    def elements(self, shape: Shape) -> int:
        """The most elements that ``shape`` has at any call."""
        return max(self.values(dims.product(shape)))

    def fits(self, x: Tensor) -> bool:
        """Whether ``x`` is small enough to be used further, and has possible sizes."""
        possible = all(value >= 0 for size in x.shape for value in self.values(size))
        return x.ndim <= MOST_RANK and possible and self.elements(x.shape) <= self.most

    # -- sources --------------------------------------------------------------------------------

    def input(self, shape: Shape, dtype: DType, fill: Fill | None = None) -> Tensor:
        name = f"x{len(self.fills)}"
        made = graphc.input(name, shape, dtype)
        self.fills[name] = (made, fill or self.numbers(dtype))
        self.pool.append(made)
        return made

    def parameter(self, shape: Sequence[int], dtype: DType) -> Tensor:
        rng = np.random.default_rng(self.random.randrange(1 << 30))
        array = self.numbers(dtype)(rng, tuple(shape))
        made = graphc.parameter(f"g{self.seed}_p{len(self.parameters)}", array)
        self.parameters.append(made)
        self.pool.append(made)
        return made

    def numbers(self, dtype: DType) -> Fill:
        """How to make arrays of ``dtype``, by this graph's temper."""
        kind = self.temper if self.chance(0.7) else "plain"

        def fill(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
            if dtype.is_bool:
                return rng.integers(0, 2, shape).astype(bool)
            if dtype.is_integer:
                return _integers(rng, shape, dtype, kind)
            array = rng.standard_normal(shape) * rng.choice((0.3, 1.0, 3.0))
            if kind == "ties":
                array = np.round(array)
            array = array.astype(dtype.numpy)
            return _with_special(rng, array) if kind == "special" else array

        return fill

    def indices(self, limit: Size, dtype: DType) -> Fill:
        """How to make indices below ``limit``, whose value is that of the call."""

        def fill(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
            return rng.integers(0, 1 << 20, shape).astype(dtype.numpy)

        fill.limit = limit  # type: ignore[attr-defined]
        return fill

    def arrays(self, call: int) -> dict[str, np.ndarray]:
        """The inputs of a call."""
        found = {}
        for number, (name, (x, fill)) in enumerate(self.fills.items()):
            rng = np.random.default_rng([self.seed, call, number])
            shape = tuple(dims.evaluate(size, self.sizes[call]) for size in x.shape)
            array = fill(rng, shape)
            limit = getattr(fill, "limit", None)
            if limit is not None:
                most = max(dims.evaluate(limit, self.sizes[call]), 1)
                array = array % most
                if array.size and rng.random() < 0.05:  # to be refused
                    array.flat[rng.integers(array.size)] = min(most, np.iinfo(array.dtype).max)
            found[name] = np.asarray(array, x.dtype.numpy)
        return found


def _integers(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: DType, kind: str
) -> np.ndarray:
    limits = np.iinfo(dtype.numpy)
    low = 0 if dtype.kind == "u" else -9
    array = rng.integers(low, 20, shape).astype(dtype.numpy)
    if kind != "special":
        return array
    extreme = rng.choice(np.array([limits.min, limits.max, 0], dtype.numpy), shape)
    return np.where(rng.random(shape) < 0.2, extreme, array)


def _with_special(rng: np.random.Generator, array: np.ndarray) -> np.ndarray:
    limits = np.finfo(array.dtype)
    special = np.array(
        [0.0, -0.0, np.inf, -np.inf, np.nan, limits.smallest_subnormal * 3, limits.max, 1.0],
        array.dtype,
    )
    return np.where(rng.random(array.shape) < 0.15, rng.choice(special, array.shape), array)
