"""Keras' initializers: objects that make the first value of a variable, ``(shape, dtype)`` to an
array.

The distributions are those of ``graphc.initializers``; here they get Keras' names, arguments and
scaling.  An initializer without a seed takes one when it is made, from Python's ``random``, as
Keras does: it gives the same array whenever it is called, and ``keras.utils.set_random_seed`` makes
all of them repeat.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc import initializers as draw
from graphc.errors import ArgumentError, ShapeError
from graphc.keras.config import standard_dtype
from graphc.keras.naming import missing
from graphc.keras.random import SeedGenerator, draw_seed, make_default_seed
from graphc.keras.registry import Configured, Registry, fail, with_snake_case

# The standard deviation of a standard normal cut off at two of its standard deviations.
_CUT_DEVIATION = 0.87962566103423978


class Initializer(Configured):
    """Base of all initializers; a user's own has ``__call__(self, shape, dtype=None)``.

    >>> class Halves(Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return np.full(shape, 0.5, dtype)
    >>> Halves()((2,), "float32")
    array([0.5, 0.5], dtype=float32)
    """

    def __call__(self, shape: Any, dtype: Any = None, **keywords: Any) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} must have __call__(shape, dtype)")

    def clone(self) -> Initializer:
        """Another one of the same configuration; where it has no seed it takes a new one."""
        return self.from_config(self.get_config())


class Zeros(Initializer):
    """Zeros."""

    def __call__(self, shape: Any, dtype: Any = None, **keywords: Any) -> np.ndarray:
        return draw.zeros(shape, standard_dtype(dtype))


class Ones(Initializer):
    """Ones."""

    def __call__(self, shape: Any, dtype: Any = None, **keywords: Any) -> np.ndarray:
        return draw.ones(shape, standard_dtype(dtype))


class Constant(Initializer):
    """``value`` everywhere; an array broadcasts to the shape asked for.

    >>> Constant(3.0)((2,))
    array([3., 3.], dtype=float32)
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None, **keywords: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(self.value, standard_dtype(dtype)), shape).copy()

    def get_config(self) -> dict[str, Any]:
        """``value``, an array as nested lists."""
        value = self.value
        return {"value": value.tolist() if isinstance(value, np.ndarray) else value}


class Identity(Initializer):
    """``gain`` times the identity matrix; ``ShapeError`` where the shape is no matrix.

    >>> Identity(2.0)((2, 2))
    array([[2., 0.],
           [0., 2.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None, **keywords: Any) -> np.ndarray:
        if len(shape) != 2:
            raise fail(ShapeError(f"Identity makes matrices, not an array of shape {shape}"))
        kind = np.dtype(standard_dtype(dtype))
        return np.asarray(kind.type(self.gain) * np.eye(*shape, dtype=kind))

    def get_config(self) -> dict[str, Any]:
        """``gain``."""
        return {"gain": self.gain}


class _Random(Initializer):
    """One that draws from a seed."""

    def __init__(self, seed: Any = None) -> None:
        if isinstance(seed, Mapping):  # as get_config has one
            seed = SeedGenerator(**seed.get("config", seed))
        self._given_seed = seed
        self.seed = make_default_seed() if seed is None else seed

    def get_config(self) -> dict[str, Any]:
        """``seed``, as it was given."""
        given = self._given_seed
        return {"seed": given if given is None or isinstance(given, int) else given.get_config()}


class RandomNormal(_Random):
    """Normal.

    >>> float(RandomNormal(stddev=2.0, seed=1)((1000,)).std().round(1))
    2.0
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape: Any, dtype: Any = None, **keywords: Any) -> np.ndarray:
        settings = {"seed": draw_seed(self.seed), "dtype": standard_dtype(dtype)}
        return draw.normal(shape, self.mean, self.stddev, **settings)

    def get_config(self) -> dict[str, Any]:
        """``mean``, ``stddev`` and ``seed``."""
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}


class TruncatedNormal(RandomNormal):
    """Normal, drawn again where it is more than two standard deviations away."""

    def __call__(self, shape: Any, dtype: Any = None, **keywords: Any) -> np.ndarray:
        settings = {"seed": draw_seed(self.seed), "dtype": standard_dtype(dtype)}
        return draw.truncated_normal(shape, self.mean, self.stddev, **settings)


class RandomUniform(_Random):
    """Uniform in [``minval``, ``maxval``)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def __call__(self, shape: Any, dtype: Any = None, **keywords: Any) -> np.ndarray:
        settings = {"seed": draw_seed(self.seed), "dtype": standard_dtype(dtype)}
        return draw.uniform(shape, self.minval, self.maxval, **settings)

    def get_config(self) -> dict[str, Any]:
        """``minval``, ``maxval`` and ``seed``."""
        return {"minval": self.minval, "maxval": self.maxval, **super().get_config()}


class VarianceScaling(_Random):
    """Of variance ``scale / fan``: fan in, fan out or their mean, as ``mode`` says.

    ``distribution`` is ``truncated_normal``, ``untruncated_normal`` or ``uniform``.  Fans are those
    of the last two axes, times the sizes of those before them, unless ``input_axes`` and
    ``output_axes`` say which axes belong to each.

    >>> kernel = VarianceScaling(2.0, mode="fan_out", seed=1)((300, 400))
    >>> float((kernel.var() * 400).round(1))
    2.0
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        if scale <= 0.0:
            raise fail(ArgumentError(f"scale must be positive, not {scale}"))
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise fail(ArgumentError(f"mode is fan_in, fan_out or fan_avg, not {mode!r}"))
        known = ("uniform", "truncated_normal", "untruncated_normal")
        distribution = "truncated_normal" if distribution == "normal" else distribution.lower()
        if distribution not in known:
            raise fail(ArgumentError(f"distribution is one of {known}, not {distribution!r}"))
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes

    def __call__(self, shape: Any, dtype: Any = None, **keywords: Any) -> np.ndarray:
        fan_in, fan_out = self._fans(tuple(shape))
        fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}
        variance = self.scale / max(1.0, fans[self.mode])
        settings: dict[str, Any] = {"seed": draw_seed(self.seed), "dtype": standard_dtype(dtype)}
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return draw.uniform(shape, -limit, limit, **settings)
        if self.distribution == "untruncated_normal":
            return draw.normal(shape, 0.0, math.sqrt(variance), **settings)
        return draw.truncated_normal(shape, 0.0, math.sqrt(variance) / _CUT_DEVIATION, **settings)

    def _fans(self, shape: tuple[int, ...]) -> tuple[float, float]:
        if self.input_axes is None or self.output_axes is None:
            return draw.fans(shape)
        return (
            float(math.prod(shape[axis] for axis in self.input_axes)),
            float(math.prod(shape[axis] for axis in self.output_axes)),
        )

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {
            **super().get_config(), "scale": self.scale, "mode": self.mode,
            "distribution": self.distribution, "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }  # fmt: skip


class _Named(VarianceScaling):
    """A variance scaling that has a name of its own, and keeps only a seed and the axes."""

    settings: tuple[float, str, str]

    def __init__(
        self,
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self.settings, seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        """``seed`` and the axes."""
        kept = super().get_config()
        return {name: kept[name] for name in ("seed", "input_axes", "output_axes")}


class GlorotUniform(_Named):
    """Uniform of variance 2 / (fan in + fan out) (Glorot and Bengio, 2010).

    >>> GlorotUniform(seed=1)((784, 512)).shape
    (784, 512)
    """

    settings = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Named):
    """Truncated normal of variance 2 / (fan in + fan out) (Glorot and Bengio, 2010)."""

    settings = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Named):
    """Uniform of variance 2 / fan in (He et al., 2015)."""

    settings = (2.0, "fan_in", "uniform")


class HeNormal(_Named):
    """Truncated normal of variance 2 / fan in (He et al., 2015)."""

    settings = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Named):
    """Uniform of variance 1 / fan in (LeCun et al., 1998)."""

    settings = (1.0, "fan_in", "uniform")


class LecunNormal(_Named):
    """Truncated normal of variance 1 / fan in (LeCun et al., 1998)."""

    settings = (1.0, "fan_in", "truncated_normal")


class Orthogonal(_Random):
    """``gain`` times orthonormal rows or columns, whichever are fewer (Saxe et al., 2014); all axes
    but the last count as rows.  ``ShapeError`` below rank 2.

    >>> rows = Orthogonal(seed=1)((2, 5))
    >>> bool(np.allclose(rows @ rows.T, np.eye(2), atol=1e-6))
    True
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None, **keywords: Any) -> np.ndarray:
        if len(shape) < 2:
            raise fail(ShapeError(f"Orthogonal takes rank 2 or more, not shape {shape}"))
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        drawn = draw.normal(tall, 0.0, 1.0, seed=draw_seed(self.seed), dtype="float64")
        q, r = np.linalg.qr(drawn)
        q *= np.sign(np.diag(r))
        square = q.T if rows < columns else q
        return (self.gain * square.reshape(shape)).astype(standard_dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        """``gain`` and ``seed``."""
        return {"gain": self.gain, **super().get_config()}


_CLASSES = (
    Zeros, Ones, Constant, Identity, RandomNormal, TruncatedNormal, RandomUniform, VarianceScaling,
    GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal, Orthogonal,
)  # fmt: skip
zeros, ones, constant, identity = Zeros, Ones, Constant, Identity
random_normal, truncated_normal, random_uniform = RandomNormal, TruncatedNormal, RandomUniform
variance_scaling, orthogonal = VarianceScaling, Orthogonal
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal
IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal

_NAMED = with_snake_case(*_CLASSES)
_REGISTRY = Registry(
    "initializer",
    "keras.initializers",
    _NAMED
    | {
        "IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal, "zero": Zeros,
        "one": Ones, "normal": RandomNormal, "uniform": RandomUniform,
    },
)  # fmt: skip
serialize, deserialize = _REGISTRY.serialize, _REGISTRY.deserialize

__all__ = [
    *_NAMED, "IdentityInitializer", "Initializer", "OrthogonalInitializer", "deserialize", "get",
    "serialize",
]  # fmt: skip


def get(identifier: Any) -> Any:
    """What makes arrays of ``(shape, dtype)``: by name, class, config, or itself; an array makes
    one that gives its elements.  ``None`` stays.  ``ArgumentError`` for an unknown name.

    >>> type(get("he_normal")).__name__
    'HeNormal'
    """
    if not isinstance(identifier, (np.ndarray, np.generic)):
        return _REGISTRY.called(identifier)

    def given(shape: Any, dtype: Any = None) -> np.ndarray:
        if tuple(shape) != identifier.shape:
            reason = f"an array of shape {identifier.shape} cannot start a variable of {shape}"
            raise fail(ShapeError(reason))
        return np.array(identifier, standard_dtype(dtype))

    return given


def __getattr__(name: str) -> Any:
    raise missing(sys.modules[__name__], name, __all__)
