"""Random numbers that are a function of seed, step, stream and position.

Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011)
turns a counter of 128 bits and a key of 64 into 128 random bits.  The key is the generator's seed;
the counter holds the element's number in its low half, and in its high half the step, kept in a
parameter, and the stream, one for each draw declared.  So draws do not depend on order, fusion or
threads, every draw of a graph differs, and equal seeds repeat.

The graph advances the step itself: ``random_updates`` finds the generators that a graph's results
depend on and gives the new states, which belong to the updates of the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from graphc.errors import ArgumentError, DTypeError, Mark, ShapeError
from graphc.ir import dims, dtypes
from graphc.ir.dtypes import DType
from graphc.ir.graphs import topological
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Attributes, Rearrange
from graphc.ir.types import TensorType
from graphc.operands import as_tensor, fail, supported_dtype
from graphc.ops.declare import call, composite, elementwise, helper, public
from graphc.ops.sources import as_shape
from graphc.tensor import Tensor

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)  # the golden ratio, and the square root of 3 less 1
LOW = 0xFFFFFFFF
STREAM_SHIFT = 40  # 2**40 steps and 2**23 streams share the high half of the counter


class Generator:
    """A source of random numbers that a graph advances by itself, one step each time it runs.

    ``state`` is a parameter, int64 of shape (2,): seed and step.  Each draw declared with a
    generator is a stream of its own, numbered in order of declaration.  A graph that draws has
    ``updates()`` among its updates.  Raises ``ArgumentError`` where ``seed`` is no int of 64 bits.

    >>> import graphc
    >>> generator = graphc.Generator(7)
    >>> noise = graphc.normal(("N", 3), generator=generator)
    >>> [parameter.name for parameter, _ in generator.updates()]
    ['generator']
    """

    def __init__(self, seed: int, name: str = "generator") -> None:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise fail(ArgumentError(f"the seed must be an int, not {seed!r}"), "Generator")
        if not -(2**63) <= seed < 2**63:
            raise fail(ArgumentError(f"the seed {seed} does not fit into 64 bits"), "Generator")
        self.state: Tensor = call.parameter(name, np.array([seed, 0], np.int64))
        self._streams = 0

    def next_stream(self) -> int:
        """The number of the next draw."""
        if self._streams >= 1 << 23:
            raise fail(ArgumentError("a generator has no more than 2**23 streams"), "Generator")
        self._streams += 1
        return self._streams - 1

    def updates(self) -> list[tuple[Tensor, Tensor]]:
        """The state with its value after one step."""
        return [(self.state, _advanced(self.state))]


def _advanced(state: Tensor) -> Tensor:
    return state + call.constant(np.array([0, 1], np.int64))  # type: ignore[no-any-return]


def random_updates(results: Iterable[Tensor | Value]) -> list[tuple[Tensor, Tensor]]:
    """Parameters of the generators that ``results`` depend on, each with its next state, in order
    of appearance.  A graph adds those it has no update for already.

    >>> import graphc
    >>> noise = graphc.uniform((3,), generator=graphc.Generator(7))
    >>> [parameter.name for parameter, _ in graphc.random_updates([noise])]
    ['generator']
    """
    values = [r.value if isinstance(r, Tensor) else r for r in results]
    states = dict.fromkeys(
        _state_of(node) for node in topological(values) if node.op in (_philox.op, *_DRAWS)
    )
    tensors = [Tensor(state) for state in states if state is not None]
    return [(state, _advanced(state)) for state in tensors]


def _state_of(node: Node) -> Value | None:
    """The parameter from which a draw takes its key; ``None`` where it takes it from elsewhere."""
    value = node.operands[-1]
    while isinstance(value.node.op, Rearrange):
        value = value.node.operands[0]
    return value if value.node.op.name == "parameter" else None


# -- Philox ------------------------------------------------------------------------------------


def _bits_type(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    for position, operand in enumerate(types):
        if operand.dtype is not dtypes.int64:
            reason = f"random bits are int64, not {operand.dtype}"
            raise DTypeError(reason, mark=Mark(position, None))
        if operand.shape != types[0].shape:
            raise ShapeError(f"operands of {types[0]} and {operand}; a broadcast is missing")
    return (types[0],)


def _philox_numpy(low: Any, high: Any, key: Any, *, half: int = 0) -> np.ndarray:
    wide = [np.asarray(word, np.int64).astype(np.uint64) for word in (low, high, key)]
    mask, shift = np.uint64(LOW), np.uint64(32)
    counter = [wide[0] & mask, wide[0] >> shift, wide[1] & mask, wide[1] >> shift]
    keys = [wide[2] & mask, wide[2] >> shift]
    for _ in range(ROUNDS):
        first, second = (counter[2 * i] * np.uint64(MULTIPLIERS[i]) for i in (0, 1))
        counter = [
            (second >> shift) ^ counter[1] ^ keys[0],
            second & mask,
            (first >> shift) ^ counter[3] ^ keys[1],
            first & mask,
        ]
        keys = [(word + np.uint64(weyl)) & mask for word, weyl in zip(keys, WEYL, strict=True)]
    return np.asarray(counter[2 * half] | counter[2 * half + 1] << shift).astype(np.int64)


def _philox_lower(b: Any, low: Any, high: Any, key: Any, *, half: int = 0) -> Any:
    """Words of 32 bits in int64; a product of two wraps to the same low 64 bits."""

    def masked(x: Any) -> Any:
        return b.bit_and(x, LOW)

    def upper(x: Any) -> Any:
        return b.shift_right_logical(x, 32)

    counter = [masked(low), upper(low), masked(high), upper(high)]
    keys = [masked(key), upper(key)]
    for _ in range(ROUNDS):
        first, second = (b.mul(counter[2 * i], MULTIPLIERS[i]) for i in (0, 1))
        counter = [
            b.bit_xor(b.bit_xor(upper(second), counter[1]), keys[0]),
            masked(second),
            b.bit_xor(b.bit_xor(upper(first), counter[3]), keys[1]),
            masked(first),
        ]
        keys = [masked(b.add(word, weyl)) for word, weyl in zip(keys, WEYL, strict=True)]
    return b.bit_or(counter[2 * half], b.shift_left(counter[2 * half + 1], 32))


_philox = elementwise(
    "philox",
    numpy=_philox_numpy,
    lower=_philox_lower,
    grad=lambda g, out, low, high, key, *, half: (None, None, None),
    domain="integer",
    infer=_bits_type,
    cost=120,
    doc="64 of the 128 random bits of Philox4x32-10 (half 0: words 0 and 1; half 1: words 2 and 3) "
    "of a counter, given as its low and high 64 bits, and a key.",
)


def _fraction_type(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    (bits,) = _bits_type(types, attributes)
    return (bits.with_dtype(attributes["dtype"]),)


def _discarded(dtype: DType, word: int) -> tuple[int, int]:
    """By how much to shift left, then right, to keep the bits of a fraction in ``dtype``: 53 of all
    64 for float64, and 24 of the chosen word's 32 for float32."""
    if dtype is dtypes.float64:
        return 0, 11
    return (32, 40) if word == 0 else (0, 40)


def _fraction_numpy(bits: Any, *, dtype: DType = dtypes.float32, word: int = 0) -> np.ndarray:
    left, right = (np.uint64(count) for count in _discarded(dtype, word))
    kept = (np.asarray(bits).astype(np.uint64) << left) >> right
    return kept.astype(dtype.numpy) * dtype.numpy.type(2.0 ** (int(right) - 64))  # type: ignore[no-any-return]


def _fraction_lower(b: Any, bits: Any, *, dtype: DType = dtypes.float32, word: int = 0) -> Any:
    left, right = _discarded(dtype, word)
    moved = b.shift_left(bits, left) if left else bits
    kept = b.cast(b.shift_right_logical(moved, right), dtype)
    return b.mul(kept, b.constant(2.0 ** (right - 64), dtype))


_fraction = elementwise(
    "random_fraction",
    numpy=_fraction_numpy,
    lower=_fraction_lower,
    grad=lambda g, out, bits, *, dtype, word: (None,),
    domain="integer",
    infer=_fraction_type,
    cost=4,
    doc="Random bits as a multiple of 2**-24 (float64: 2**-53) in [0, 1).",
)


# -- draws -------------------------------------------------------------------------------------


def _counters(shape: Any) -> Tensor:
    """Each element's number, in row-major order."""
    size = dims.product(shape)
    return call.reshape(call.iota((size,)), shape)  # type: ignore[no-any-return]


def _bits(state: Tensor, shape: Any, stream: int, half: int) -> Tensor:
    seed, step = state[0], state[1]
    high = step + (stream << STREAM_SHIFT)
    return call.philox(_counters(shape), high, seed, half=half)  # type: ignore[no-any-return]


def _uniform_expansion(state: Tensor, *, shape: Any, dtype: DType, stream: int) -> Tensor:
    return call.random_fraction(_bits(state, shape, stream, 0), dtype=dtype, word=0)  # type: ignore[no-any-return]


def _normal_expansion(state: Tensor, *, shape: Any, dtype: DType, stream: int) -> Tensor:
    """Box and Muller's: a radius and an angle, of two independent fractions."""
    first = _bits(state, shape, stream, 0)
    second = _bits(state, shape, stream, 1) if dtype is dtypes.float64 else first
    fraction = call.random_fraction(first, dtype=dtype, word=0)
    angle = call.random_fraction(second, dtype=dtype, word=1) * (2 * np.pi)
    # 1 - u is exact and lies in (0, 1], so the logarithm is finite.
    return call.sqrt(-2 * call.log(1 - fraction)) * call.cos(angle)  # type: ignore[no-any-return]


def _bits_numpy(state: np.ndarray, shape: Any, stream: int, half: int) -> np.ndarray:
    index = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape)
    return _philox_numpy(index, state[1] + (stream << STREAM_SHIFT), state[0], half=half)


def _uniform_numpy(state: np.ndarray, *, shape: Any, dtype: DType, stream: int) -> np.ndarray:
    return _fraction_numpy(_bits_numpy(state, shape, stream, 0), dtype=dtype, word=0)


def _normal_numpy(state: np.ndarray, *, shape: Any, dtype: DType, stream: int) -> np.ndarray:
    first = _bits_numpy(state, shape, stream, 0)
    second = _bits_numpy(state, shape, stream, 1) if dtype is dtypes.float64 else first
    fraction = _fraction_numpy(first, dtype=dtype, word=0)
    angle = _fraction_numpy(second, dtype=dtype, word=1) * dtype.numpy.type(2 * np.pi)
    return np.sqrt(-2 * np.log(1 - fraction)) * np.cos(angle)  # type: ignore[no-any-return]


def _draw_type(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    return (TensorType(attributes["dtype"], attributes["shape"]),)


def _no_gradient(cotangents: Any, outputs: Any, state: Tensor, **attributes: Any) -> Any:
    return [None]


_uniform = composite(
    "uniform",
    numpy=_uniform_numpy,
    expand=_uniform_expansion,
    grad=_no_gradient,
    infer=_draw_type,
    doc="Random numbers spread evenly over [0, 1).",
)
_normal = composite(
    "normal",
    numpy=_normal_numpy,
    expand=_normal_expansion,
    grad=_no_gradient,
    infer=_draw_type,
    doc="Random numbers of the standard normal distribution.",
)
_DRAWS = (_uniform.op, _normal.op)


def _draw(record: Any, shape: Any, dtype: Any, generator: Any) -> Tensor:
    name = record.__name__
    if not isinstance(generator, Generator):
        reason = f"generator must be a graphc.Generator, not {generator!r}"
        advice = "make one with graphc.Generator(seed), and use it for all draws of a graph"
        raise fail(ArgumentError(reason, advice=advice), name)
    kind = supported_dtype(dtype, name)
    if not kind.is_float:
        raise fail(ArgumentError(f"draws float32 or float64, not {kind}"), name)
    return record(  # type: ignore[no-any-return]
        generator.state, shape=as_shape(shape, name), dtype=kind, stream=generator.next_stream()
    )


def _are(first: Any, second: Any, numbers: tuple[float, float]) -> bool:
    """Whether both are numbers, and those of the bare distribution."""
    return all(isinstance(x, (int, float)) for x in (first, second)) and (first, second) == numbers


def _parameters(drawn: Tensor, *parameters: Any) -> list[Tensor]:
    """Parameters of a distribution, of the type of what is drawn."""
    return [call.broadcast_to(as_tensor(x, drawn.dtype), drawn.shape) for x in parameters]


@public(_uniform)
def uniform(
    shape: Any,
    low: Any = 0.0,
    high: Any = 1.0,
    *,
    generator: Generator,
    dtype: Any = dtypes.float32,
) -> Tensor:
    """Random numbers spread evenly over ``[low, high)``, new ones each time the graph runs.

    ``low`` and ``high`` are numbers or Tensors that broadcast to ``shape``, and gradients flow to
    them; rounding may give ``high`` itself unless they are 0 and 1.  float32 or float64.  Raises
    ``ArgumentError``, ``ShapeError``.

    >>> import graphc
    >>> graphc.uniform(("N", 3), -1.0, 1.0, generator=graphc.Generator(7))
    Tensor add: f32[N, 3]
    """
    drawn = _draw(_uniform, shape, dtype, generator)
    if _are(low, high, (0, 1)):
        return drawn
    floor, ceiling = _parameters(drawn, low, high)
    return drawn * (ceiling - floor) + floor


@public(_normal)
def normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    *,
    generator: Generator,
    dtype: Any = dtypes.float32,
) -> Tensor:
    """Random numbers of the normal distribution, new ones each time the graph runs.

    ``mean`` and ``stddev`` are numbers or Tensors that broadcast to ``shape``, and gradients flow
    to them.  By Box and Muller's method from fractions of 24 bits (float64: 53), so no number is
    further than 5.8 (8.6) deviations from the mean.  Raises ``ArgumentError``, ``ShapeError``.

    >>> import graphc
    >>> graphc.normal(("N", 3), generator=graphc.Generator(7))
    Tensor normal: f32[N, 3]
    """
    drawn = _draw(_normal, shape, dtype, generator)
    if _are(mean, stddev, (0, 1)):
        return drawn
    middle, spread = _parameters(drawn, mean, stddev)
    return drawn * spread + middle


@helper
def bernoulli(p: Any, shape: Any, *, generator: Generator) -> Tensor:
    """Random booleans, each true with probability ``p``, new ones each time the graph runs.

    ``p`` is a number or a Tensor that broadcasts to ``shape``; it gets no gradient.  Probabilities
    are met to 2**-24 (2**-53 where ``p`` is float64).  Raises ``ArgumentError``, ``ShapeError``.

    >>> import graphc
    >>> graphc.bernoulli(0.8, ("N", 3), generator=graphc.Generator(7))
    Tensor less: bool[N, 3]
    """
    kind = dtypes.float64 if getattr(p, "dtype", None) == dtypes.float64 else dtypes.float32
    drawn = _draw(_uniform, shape, kind, generator)
    return drawn < call.broadcast_to(as_tensor(p, kind), drawn.shape)  # type: ignore[no-any-return]
