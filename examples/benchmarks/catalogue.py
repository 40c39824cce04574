"""The works of the table in its order, more of their kinds, small ones, and those of the charts."""

from __future__ import annotations

from elementwise import adam, black_scholes, chain, gelu, small_call
from moving import moves
from products import dense, product
from rows import layer_norm, layer_norm_gradient, reduction, softmax
from training import training_step
from transformer import forward, with_gradient
from work import Work


def works() -> list[Work]:
    """The table's works; each one's data are made when it is run."""
    return [
        training_step(128),
        training_step(32, 256, 300, 3),
        dense(128, 784, 512),
        dense(1024, 1024, 1024),
        dense(32, 64, 64),
        product(128, 512, 10),
        product(784, 128, 512, "a"),
        product(128, 10, 512, "b"),
        product(512, 512, 512),
        product(129, 300, 1000),
        gelu(10**4),
        gelu(10**6),
        gelu(16 * 10**6),
        black_scholes(10**6, "float32"),
        black_scholes(10**7, "float32"),
        black_scholes(10**6, "float64"),
        softmax(4096, 1024),
        softmax(4096, 10),
        layer_norm(4096, 1024),
        layer_norm_gradient(4096, 1024),
        forward(),
        with_gradient(),
        adam(10**7),
        *(
            reduction(name, 4096, 4096, axis)
            for name in ("sum", "mean", "max", "var")
            for axis in (0, 1, None)
        ),
        small_call(),
    ]


def others() -> list[Work]:
    """Works of the same kinds that nothing was tuned by: odd shapes, other layouts and types."""
    return [
        training_step(1000, 784, 1024, 2),
        training_step(37, 100, 77, 2),
        training_step(512, 2000, 128, 1),
        dense(1, 784, 512),
        dense(77, 301, 1029),
        dense(3000, 96, 50),
        product(2048, 2048, 2048),
        product(1000, 20_000, 64, "a"),
        product(300, 4096, 10, "a"),
        product(500, 700, 1),
        product(1, 900, 900),
        product(300, 300, 300, dtype="float64"),
        product(784, 256, 512, "a", dtype="float64"),
        product(64, 64, 64, batch=(96,)),
        product(100, 40, 100, "b", batch=(50,)),
        gelu(123_457),
        black_scholes(77_777, "float32"),
        black_scholes(20_000, "float64"),
        softmax(1000, 37),
        softmax(50_000, 100),
        softmax(10, 100_000),
        layer_norm(1000, 768),
        layer_norm(20_000, 48),
        layer_norm_gradient(1000, 768),
        layer_norm_gradient(20_000, 48),
        adam(123_457),
        *(
            reduction(name, 100_000, 30, axis)
            for name in ("sum", "min", "std")
            for axis in (0, 1, None)
        ),
        *(reduction("max", 30, 100_000, axis) for axis in (0, 1)),
    ]


def quick_works() -> list[Work]:
    """One small work of each kind: they show that every form computes the same."""
    return [
        training_step(8, 20, 16),
        training_step(5, 12, 8, 3),
        dense(9, 20, 33),
        product(7, 12, 10, "a"),
        product(7, 12, 10, "b"),
        product(7, 12, 10, "b", batch=(3,), dtype="float64"),
        gelu(1000),
        black_scholes(1000, "float64"),
        softmax(12, 33),
        layer_norm(9, 40),
        layer_norm_gradient(9, 40),
        adam(1000),
        *(reduction(name, 20, 30, axis) for name in ("max", "var") for axis in (0, 1, None)),
        small_call(),
    ]


def batches() -> list[Work]:
    """The first network's step at batches of 1 to 4096."""
    return [training_step(4**power) for power in range(7)]


def widths() -> list[Work]:
    """One hidden layer of 32 to 4096 units."""
    return [training_step(128, width=2**power) for power in range(5, 13)]


def depths() -> list[Work]:
    """1 to 100 hidden layers of 128 units."""
    return [training_step(128, width=128, depth=depth) for depth in (1, 3, 10, 30, 100)]


def chains() -> list[Work]:
    """Chains of 1 to 64 elementwise ops."""
    return [chain(length, 4 * 10**6, bend="relu") for length in (1, 2, 4, 8, 16, 32, 64)]


_ALL = (works, others, moves, quick_works, batches, widths, depths, chains)
LISTS = {list_.__name__: list_ for list_ in _ALL}
