"""``keras.random``: draws from a seed, a ``SeedGenerator``, or the process' own generator.

A draw is a function of seed and step, by graphc's Philox.  With numbers for both it is computed at
once; within a trace the step of a ``SeedGenerator`` is a variable, and every run of the graph draws
anew.  The same seed gives the same numbers in both.
"""

from __future__ import annotations

import random as python_random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import graphc
from graphc.errors import ArgumentError, ShapeError, UnsupportedError
from graphc.keras import tensor as keras_tensor
from graphc.keras.calling import evaluated, is_symbolic, tensor
from graphc.keras.config import floatx, standard_dtype
from graphc.keras.naming import auto_name, missing
from graphc.keras.registry import Configured, fail
from graphc.keras.variables import Variable, plain
from graphc.ops.random import Generator
from graphc.tensor import Tensor

__all__ = [
    "SeedGenerator", "beta", "binomial", "categorical", "dropout", "gamma", "normal", "randint",
    "shuffle", "truncated_normal", "uniform",
]  # fmt: skip


def make_default_seed() -> int:
    """A seed from Python's ``random``, for those who give none."""
    return python_random.randint(1, 10**9)


class SeedGenerator(Configured):
    """Gives another state to every draw that asks for one; equal seeds repeat.

    ``state`` is a variable of two int64: the seed, and how often a draw has asked.

    >>> seeds = SeedGenerator(seed=7)
    >>> first, second = uniform((2,), seed=seeds), uniform((2,), seed=seeds)
    >>> bool((first == second).any())
    False
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **_: Any) -> None:
        self._given_seed = seed
        own = make_default_seed() if seed is None else seed
        if isinstance(own, bool) or not isinstance(own, (int, np.integer)):
            raise fail(ArgumentError(f"the seed is an int, not {seed!r}"))
        self.name = name or auto_name("seed_generator")
        first = np.array([own, 0], np.int64)
        self.state = Variable(first, trainable=False, name=f"{self.name}_state")

    def next(self, ordered: bool = True) -> Any:
        """The state for a draw; the one after it will get another."""
        state = self.state.value
        self.state.assign(state + np.array([0, 1], np.int64))
        return state

    def get_config(self) -> dict[str, Any]:
        """``seed``, as it was given, and ``name``."""
        return {"seed": self._given_seed, "name": self.name}


class _Process:
    """What draws that are given no seed share."""

    seeds: SeedGenerator | None = None


def set_global_seed(seed: int) -> None:
    """What draws without a seed start from, from now on."""
    _Process.seeds = SeedGenerator(seed)


def seed_state(seed: Any) -> Any:
    """Seed and step for one draw: numbers, or within a trace a Tensor.  ``ArgumentError`` for a
    seed that is neither an int nor a ``SeedGenerator`` nor ``None``."""
    if seed is None:
        _Process.seeds = _Process.seeds or SeedGenerator()
        seed = _Process.seeds
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise fail(ArgumentError(f"a seed is an int or a SeedGenerator, not {seed!r}"))
    return np.array([seed, 0], np.int64)


def draw_seed(seed: Any) -> list[int]:
    """Seed and step as the two ints that NumPy's generators take."""
    return [int(number) % 2**64 for number in np.asarray(seed_state(seed))]


class _Source(Generator):
    """graphc's source of random numbers, at a state that is given."""

    def __init__(self, state: Any) -> None:
        self.state = tensor(state)
        self._streams = 0


def _drawn(make: Callable[[_Source], Tensor], seed: Any, *given: Any) -> Any:
    """What ``make`` draws: a Tensor, or numbers where state and arguments are numbers."""
    state = seed_state(seed)
    result = make(_Source(state))
    return result if is_symbolic(state, *given) else evaluated(result)


def _float(dtype: Any) -> str:
    kind = standard_dtype(dtype)
    if not kind.startswith("float"):
        raise fail(ArgumentError(f"draws float32 or float64, not {kind}"))
    return kind


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Normal.

    >>> normal((2, 3), seed=1).shape
    (2, 3)
    """
    kind = _float(dtype)

    def make(source: _Source) -> Any:
        return graphc.normal(shape, mean, stddev, generator=source, dtype=kind)

    return _drawn(make, seed, shape, mean, stddev)


def uniform(
    shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Uniform in [``minval``, ``maxval``).

    >>> bool((uniform((9,), 2.0, 3.0, seed=1) >= 2).all())
    True
    """
    kind = _float(dtype)

    def make(source: _Source) -> Any:
        return graphc.uniform(shape, minval, maxval, generator=source, dtype=kind)

    return _drawn(make, seed, shape, minval, maxval)


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Any:
    """Integers of [``minval``, ``maxval``), all alike.

    >>> sorted(set(randint((99,), 3, 6, seed=1).tolist()))
    [3, 4, 5]
    """
    kind = standard_dtype(dtype)
    if "int" not in kind:
        raise fail(ArgumentError(f"randint draws integers, not {kind}"))

    def make(source: _Source) -> Any:
        drawn = graphc.uniform(shape, generator=source, dtype="float64")
        span = tensor(maxval) - tensor(minval)
        return graphc.astype(graphc.floor(drawn * span) + tensor(minval), kind)

    return _drawn(make, seed, shape, minval, maxval)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """``num_samples`` classes for each row of ``logits``, (N, C), by their probabilities.

    The largest of the logits after Gumbel noise is such a class.  ``ShapeError`` where ``logits``
    is no matrix.

    >>> categorical([[0.0, -np.inf]], 4, seed=1)
    array([[0, 0, 0, 0]], dtype=int32)
    """
    if keras_tensor.is_symbolic(logits):
        return keras_tensor.record(categorical, (logits, num_samples, dtype, seed), {})
    rows = tensor(logits)
    if rows.ndim != 2:
        raise fail(ShapeError(f"logits are rows of classes, (N, C), not {rows.shape}"))

    def make(source: _Source) -> Any:
        sizes = (rows.shape[0], num_samples, rows.shape[1])
        fraction = graphc.uniform(sizes, generator=source, dtype=rows.dtype)
        noise = -graphc.log(-graphc.log(graphc.maximum(fraction, 1e-30)))
        found = graphc.argmax(graphc.expand_dims(rows, 1) + noise, axis=-1)
        return graphc.astype(found, standard_dtype(dtype))

    return _drawn(make, seed, logits)


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """``inputs`` with a share ``rate`` of them 0 and the others divided by ``1 - rate``; equal
    along the axes that ``noise_shape`` has as 1.

    >>> sorted(set(dropout(np.ones(99), 0.5, seed=1).tolist()))
    [0.0, 2.0]
    """
    if keras_tensor.is_symbolic(inputs):
        return keras_tensor.record(dropout, (inputs, rate, noise_shape, seed), {})
    if not 0 <= rate <= 1:
        raise fail(ArgumentError(f"rate is from 0 to 1, not {rate}"))
    x = tensor(inputs)
    if rate == 0.0:
        return plain(inputs)
    given = x.shape if noise_shape is None else noise_shape
    sizes = tuple(own if size is None else size for own, size in zip(x.shape, given, strict=True))

    def make(source: _Source) -> Any:
        if rate == 1.0:
            return graphc.zeros_like(x)
        kept = graphc.bernoulli(1.0 - rate, sizes, generator=source)
        return graphc.where(kept, x / (1.0 - rate), 0)

    return _drawn(make, seed, inputs)


# -- what is drawn at once only ------------------------------------------------------------------


def _at_once(name: str, seed: Any, *given: Any) -> np.random.Generator:
    """NumPy's generator at the state of ``seed``."""
    state = seed_state(seed)
    if is_symbolic(state, *given) or keras_tensor.is_symbolic(*given):
        reason = f"keras.random.{name} is not drawn within a graph"
        advice = "draw it beforehand, or use normal or uniform"
        raise fail(UnsupportedError(reason, advice=advice))
    return np.random.default_rng([int(number) % 2**64 for number in np.asarray(state)])


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> np.ndarray:
    """Normal, drawn again where it is more than two standard deviations away.

    >>> bool((abs(truncated_normal((999,), seed=1)) <= 2).all())
    True
    """
    source = _at_once("truncated_normal", seed, shape, mean, stddev)
    drawn = graphc.initializers.truncated_normal(shape, 0.0, 1.0, seed=source, dtype="float64")
    return np.asarray(mean + stddev * drawn, _float(dtype))


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """``x`` with its parts along ``axis`` in another order.

    >>> sorted(shuffle(np.arange(4), seed=1).tolist())
    [0, 1, 2, 3]
    """
    return _at_once("shuffle", seed, x).permutation(np.asarray(plain(x)), axis=axis)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> np.ndarray:
    """Gamma distributed with shape ``alpha`` and scale 1.

    >>> gamma((3,), 2.0, seed=1).dtype
    dtype('float32')
    """
    drawn = _at_once("gamma", seed, shape, alpha).gamma(alpha, size=shape)
    return np.asarray(drawn, _float(dtype))


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> np.ndarray:
    """Beta distributed.

    >>> beta((3,), 2.0, 2.0, seed=1).shape
    (3,)
    """
    source = _at_once("beta", seed, shape, alpha, beta)
    return np.asarray(source.beta(alpha, beta, size=shape), _float(dtype))


def binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> np.ndarray:
    """How many of ``counts`` trials succeed that each do with ``probabilities``, as floats.

    >>> binomial((2,), 5, 1.0, seed=1)
    array([5., 5.], dtype=float32)
    """
    source = _at_once("binomial", seed, shape, counts, probabilities)
    drawn = source.binomial(counts, probabilities, size=shape)
    return np.asarray(drawn, dtype or floatx())


def __getattr__(name: str) -> Any:
    raise missing(sys.modules[__name__], name, __all__)
