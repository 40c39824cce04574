"""Initial values of parameters: ndarrays from a distribution and a seed.

Each function draws once and returns an array.  The same seed gives the same array; without a seed
every call draws anew.  Fans are Keras': of ``(..., in, out)`` the last two axes are those of a
matrix, and the axes before them are the receptive field of a convolution.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc import location
from graphc.errors import ArgumentError, DTypeError, GraphcError, ShapeError
from graphc.ir.dtypes import DType, as_dtype, float32

# An int, a sequence of ints, a ``np.random.Generator``, or None.  Not spelled out, because naming
# the generator would import ``numpy.random``, which few declarations need.
Seed = Any

# The standard deviation of a standard normal cut off at two of its standard deviations.
_CUT_DEVIATION = 0.87962566103423978


def _here(error: GraphcError) -> GraphcError:
    """``error`` at the user's line, to be raised."""
    return error.at(location.capture())


def _checked(shape: Any, dtype: Any, *, wants_float: bool) -> tuple[tuple[int, ...], DType]:
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0:
            reason = f"a parameter's size is an int of 0 or more, not {size!r}"
            raise _here(ShapeError(reason))
    try:
        kind = as_dtype(dtype)
    except (KeyError, TypeError):
        raise _here(DTypeError(f"graphc has no element type {dtype}")) from None
    if wants_float and not kind.is_float:
        raise _here(DTypeError(f"random parameters are float32 or float64, not {kind}"))
    return tuple(int(size) for size in sizes), kind


def zeros(shape: Any, dtype: Any = float32) -> np.ndarray:
    """Zeros.

    >>> zeros((2, 2)).dtype
    dtype('float32')
    """
    sizes, kind = _checked(shape, dtype, wants_float=False)
    return np.zeros(sizes, kind.numpy)


def ones(shape: Any, dtype: Any = float32) -> np.ndarray:
    """Ones.

    >>> float(ones((2, 2)).sum())
    4.0
    """
    sizes, kind = _checked(shape, dtype, wants_float=False)
    return np.ones(sizes, kind.numpy)


def constant(shape: Any, value: float = 0.0, dtype: Any = float32) -> np.ndarray:
    """``value`` everywhere.

    >>> float(constant((), 0.5))
    0.5
    """
    sizes, kind = _checked(shape, dtype, wants_float=False)
    return np.full(sizes, value, kind.numpy)


def uniform(
    shape: Any, low: float = -0.05, high: float = 0.05, *, seed: Seed = None, dtype: Any = float32
) -> np.ndarray:
    """Uniform in [``low``, ``high``].

    >>> bool((abs(uniform((8, 8), seed=1)) <= 0.05).all())
    True
    """
    sizes, kind = _checked(shape, dtype, wants_float=True)
    if not low <= high:
        raise _here(ArgumentError(f"the bounds {low} and {high} are in the wrong order"))
    return np.random.default_rng(seed).uniform(low, high, sizes).astype(kind.numpy)


def normal(
    shape: Any, mean: float = 0.0, stddev: float = 0.05, *, seed: Seed = None, dtype: Any = float32
) -> np.ndarray:
    """Normal.

    >>> normal((3, 4), seed=1).shape
    (3, 4)
    """
    sizes, kind = _checked(shape, dtype, wants_float=True)
    _check_deviation(stddev)
    return np.random.default_rng(seed).normal(mean, stddev, sizes).astype(kind.numpy)


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 0.05, *, seed: Seed = None, dtype: Any = float32
) -> np.ndarray:
    """Normal, drawn again where it is more than two standard deviations away.

    >>> bool((abs(truncated_normal((64, 64), stddev=1.0, seed=1)) <= 2).all())
    True
    """
    sizes, kind = _checked(shape, dtype, wants_float=True)
    _check_deviation(stddev)
    generator = np.random.default_rng(seed)
    drawn = np.asarray(generator.standard_normal(sizes))
    while (outside := np.abs(drawn) > 2.0).any():
        drawn[outside] = generator.standard_normal(int(outside.sum()))
    return (mean + stddev * drawn).astype(kind.numpy)


def _check_deviation(stddev: float) -> None:
    if stddev < 0:
        raise _here(ArgumentError(f"the standard deviation cannot be negative: {stddev}"))


def fans(shape: Any) -> tuple[float, float]:
    """How many inputs and outputs a weight of ``shape`` connects.

    >>> fans((3, 3, 16, 32))
    (144.0, 288.0)
    """
    sizes, _ = _checked(shape, float32, wants_float=True)
    if len(sizes) < 2:
        size = float(sizes[0]) if sizes else 1.0
        return size, size
    field = float(math.prod(sizes[:-2]))
    return field * sizes[-2], field * sizes[-1]


def _scaled(shape: Any, scale: float, mode: str, kind: str, seed: Seed, dtype: Any) -> np.ndarray:
    """Variance ``scale / fan``, as Keras' VarianceScaling."""
    fan_in, fan_out = fans(shape)
    fan = fan_in if mode == "fan_in" else (fan_in + fan_out) / 2
    variance = scale / max(1.0, fan)
    if kind == "uniform":
        limit = math.sqrt(3.0 * variance)
        return uniform(shape, -limit, limit, seed=seed, dtype=dtype)
    stddev = math.sqrt(variance) / _CUT_DEVIATION
    return truncated_normal(shape, 0.0, stddev, seed=seed, dtype=dtype)


def glorot_uniform(shape: Any, *, seed: Seed = None, dtype: Any = float32) -> np.ndarray:
    """Uniform with variance 2 / (fan in + fan out) (Glorot and Bengio, 2010).

    >>> glorot_uniform((784, 512), seed=1).shape
    (784, 512)
    """
    return _scaled(shape, 1.0, "fan_avg", "uniform", seed, dtype)


def glorot_normal(shape: Any, *, seed: Seed = None, dtype: Any = float32) -> np.ndarray:
    """Truncated normal with variance 2 / (fan in + fan out) (Glorot and Bengio, 2010).

    >>> glorot_normal((784, 512), seed=1).shape
    (784, 512)
    """
    return _scaled(shape, 1.0, "fan_avg", "normal", seed, dtype)


def he_uniform(shape: Any, *, seed: Seed = None, dtype: Any = float32) -> np.ndarray:
    """Uniform with variance 2 / fan in (He et al., 2015).

    >>> he_uniform((784, 512), seed=1).shape
    (784, 512)
    """
    return _scaled(shape, 2.0, "fan_in", "uniform", seed, dtype)


def he_normal(shape: Any, *, seed: Seed = None, dtype: Any = float32) -> np.ndarray:
    """Truncated normal with variance 2 / fan in (He et al., 2015).

    >>> he_normal((784, 512), seed=1).shape
    (784, 512)
    """
    return _scaled(shape, 2.0, "fan_in", "normal", seed, dtype)


def lecun_uniform(shape: Any, *, seed: Seed = None, dtype: Any = float32) -> np.ndarray:
    """Uniform with variance 1 / fan in (LeCun et al., 1998).

    >>> lecun_uniform((784, 512), seed=1).shape
    (784, 512)
    """
    return _scaled(shape, 1.0, "fan_in", "uniform", seed, dtype)


def lecun_normal(shape: Any, *, seed: Seed = None, dtype: Any = float32) -> np.ndarray:
    """Truncated normal with variance 1 / fan in (LeCun et al., 1998).

    >>> lecun_normal((784, 512), seed=1).shape
    (784, 512)
    """
    return _scaled(shape, 1.0, "fan_in", "normal", seed, dtype)
