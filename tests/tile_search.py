"""How good the model of register tiles is: its choice against every other tile, timed.

    python -m tests.tile_search                          a list of odd shapes, on this machine
    python -m tests.tile_search 100x64x30 65x300x100T    T: the left one transposed, t: the right
    python -m tests.tile_search --target avx2 --dtype float64

Prints for each shape the model's tile, the best one, and the regret: how much longer the model's
takes.  Times are of this thread's processor time, all tiles in turn, the least of many.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from graphc.codegen.kernel import unit_count
from graphc.codegen.module import emit_kernel_module
from graphc.ir import dims, dtypes
from graphc.loops import scheduling
from graphc.loops.ir import Argument, Axis, AxisIndex, For, Kernel, Load, Name, Reduce, Store
from graphc.loops.tiling import Product
from runtime import jit
from runtime.target import Target

SHAPES = (
    "37x61x83", "100x64x30", "129x300x100", "96x96x96", "200x500x75", "17x1000x250", "333x77x211",
    "5x640x384", "64x12x700", "450x450x450", "250x33x90T", "120x200x56t", "700x700x700", "900x40x9",
)  # fmt: skip
Tile = tuple[int, int]


def product_kernel(shape: str, dtype: dtypes.DType) -> Kernel:
    """A plain product, not scheduled."""
    m, k, n = (int(part) for part in shape.strip("Tt").split("x"))
    left, right = (
        ("k", "i") if "T" in shape else ("i", "k"),
        ("j", "k") if "t" in shape else ("k", "j"),
    )
    extent = {"i": m, "k": k, "j": n}
    arguments = [
        Argument(name, dtype, tuple(extent[a] for a in axes), mode)
        for name, axes, mode in (("x", left, "in"), ("w", right, "in"), ("y", ("i", "j"), "out"))
    ]
    loads = (Load("x", _at(left), dtype), Load("w", _at(right), dtype))
    reduce = Reduce(("d",), ("fma",), Axis("k", k), "ascending", (), loads)
    store = Store("y", _at(("i", "j")), Name("d", dtype))
    return Kernel(
        "product", tuple(arguments), (For((Axis("i", m), Axis("j", n)), (reduce, store)),)
    )


def _at(axes: Sequence[str]) -> tuple[AxisIndex, ...]:
    return tuple(map(AxisIndex, axes))


def legal_tiles(product: Product, target: Target) -> Iterator[Tile]:
    """Every tile that the registers hold."""
    limit, lanes = target.vector_registers - 1, target.lanes(product.size)
    assert isinstance(product.rows, int) and isinstance(product.columns, int)
    for height in range(1, min(product.rows, limit) + 1):
        for vectors in range(1, -(-product.columns // lanes) + 1):
            if height * vectors + vectors <= limit:
                yield height, vectors


class Timed:
    """A kernel compiled with one tile."""

    def __init__(self, kernel: Kernel, tile: Tile | None, target: Target) -> None:
        chosen: list[Product] = []
        choose = scheduling.choose_tile

        def ours(product: Product, processor: Target) -> Tile:
            chosen.append(product)
            return tile or choose(product, processor)

        across = scheduling.choose_across
        scheduling.choose_tile = ours
        if tile is not None:
            scheduling.choose_across = lambda product, processor: None
        try:
            self.kernel = scheduling.schedule(kernel, target)
        finally:
            scheduling.choose_tile, scheduling.choose_across = choose, across
        self.product = chosen[-1] if chosen else None
        self.library = jit.compile(emit_kernel_module(self.kernel, target), target)
        types = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
        self.call = ctypes.CFUNCTYPE(None, *types)(self.library.address(self.kernel.name))
        self.units = dims.evaluate(unit_count(self.kernel), {})

    @property
    def tile(self) -> str:
        loop = self.kernel.body[0]
        assert isinstance(loop, For)
        rows, columns = loop.axes
        (reduce, _) = loop.body
        assert isinstance(reduce, Reduce)
        across = " across" if reduce.across else ""
        return f"{rows.tile}x{columns.tile // max(1, columns.vector)}{across}"

    def run(self, pointers: ctypes.Array[ctypes.c_void_p], times: int) -> None:
        for _ in range(times):
            self.call(ctypes.addressof(pointers), 0, 0, self.units)


def least(calls: Sequence[Callable[[int], None]], seconds: float) -> list[float]:
    """The least processor time of each call, in turn for ``seconds`` of the clock."""
    clock = time.thread_time
    counts = []
    for call in calls:
        call(1)
        start = clock()
        call(1)
        counts.append(max(1, int(2e-4 / max(1e-7, clock() - start))))
    best = [float("inf")] * len(calls)
    end = time.perf_counter() + seconds
    while True:
        for number, (call, count) in enumerate(zip(calls, counts, strict=True)):
            start = clock()
            call(count)
            best[number] = min(best[number], (clock() - start) / count)
        if time.perf_counter() > end:
            return best


def search(shape: str, target: Target, dtype: dtypes.DType, seconds: float) -> tuple[str, float]:
    """A line on ``shape``, and the regret."""
    kernel = product_kernel(shape, dtype)
    own = Timed(kernel, None, target)
    size = Product(
        *(int(part) for part in np.array(shape.strip("Tt").split("x"))[[0, 2, 1]]), dtype.size
    )
    others = [Timed(kernel, tile, target) for tile in legal_tiles(size, target)]
    rng = np.random.default_rng(0)
    arrays = []
    for argument in kernel.arguments:
        raw = np.zeros(int(np.prod(argument.shape)) * dtype.size + 64, np.uint8)
        view = raw[-raw.ctypes.data % 64 :][: raw.size - 64].view(dtype.numpy)
        view[:] = rng.standard_normal(view.size)
        arrays.append(view)
    pointers = (ctypes.c_void_p * 3)(*(array.ctypes.data for array in arrays))
    calls = [lambda times, each=each: each.run(pointers, times) for each in (own, *others)]
    mine, *times = least(calls, seconds)
    best = int(np.argmin(times))
    flops = 2e-9 * float(np.prod([int(part) for part in shape.strip("Tt").split("x")]))
    regret = mine / times[best] - 1
    line = (
        f"{shape:14} model {own.tile:12} {flops / mine:6.1f} GFLOP/s   "
        f"best of {len(others)} {others[best].tile:7} {flops / times[best]:6.1f}   "
        f"regret {100 * regret:5.1f} %"
    )
    return line, regret


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("shapes", nargs="*", default=SHAPES)
    parser.add_argument("--target", default="host")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each shape")
    given = parser.parse_args(arguments)
    regrets = []
    for shape in given.shapes:
        line, regret = search(
            shape, jit.resolve(given.target), dtypes.as_dtype(given.dtype), given.seconds
        )
        print(line, flush=True)
        regrets.append(regret)
    print(f"regret: mean {100 * statistics.mean(regrets):.1f} %, most {100 * max(regrets):.1f} %")


if __name__ == "__main__":
    main()
