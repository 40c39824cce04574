"""The main job's kernels beside the most that the processor can do, and its hottest loop.

The most is measured in the same process: a compiled loop of independent multiply-adds that never
leave their registers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from table import duration, machine, markdown
from training import declared, training_step

if TYPE_CHECKING:
    from rich.console import Console

_BATCH, _SIZES = 128, (784, 512, 10)
_SECONDS = 3.0
_LEAST_SHARE = 0.005  # of the step's time, for a kernel to have a row of its own
_HEAD = ["", "threads", "time", "arithmetic", "a second", "of the peak"]


def report(console: Console, threads: Sequence[int]) -> str:
    """Prints the kernels' shares of the peak, and the loop; gives both in Markdown."""
    from rich.table import Table

    import graphc

    x, y, *initial = training_step(_BATCH).arrays()
    step = declared(_SIZES, initial)
    rows: list[list[str]] = []
    hottest = ""
    for count in threads:
        found = graphc.benchmark(
            step,
            sizes={"N": _BATCH},
            inputs=lambda sizes: {"x": x, "y": y},
            numpy=False,
            threads=count,
            seconds=_SECONDS,
        )
        fused = found.results[0].variant("fused")
        assert fused is not None
        rows += _rows(fused, found.limits.flops["float32"], count)
        hottest = max(fused.kernels, key=lambda kernel: kernel.seconds).name
    loop = hottest_loop(graphc.compile(step, threads=1).text("asm"), hottest)
    table = Table(*_HEAD, title=machine())
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(loop, highlight=False, markup=False)
    title = f"The innermost loop of `{hottest}`:"
    return f"{markdown(_HEAD, rows)}\n{title}\n\n```\n{loop}```\n"


def _rows(fused: Any, peak: float, threads: int) -> list[list[str]]:
    """The measured peak, the whole step, and its largest kernels."""
    whole = sum(kernel.seconds for kernel in fused.kernels)
    large = [kernel for kernel in fused.kernels if kernel.seconds > _LEAST_SHARE * whole]
    large.sort(key=lambda kernel: -kernel.seconds)
    flops = sum(kernel.flops for kernel in fused.kernels)
    timed = [("the whole step", fused.timing.minimum, flops)]
    timed += [(f"`{kernel.name}`", kernel.seconds, kernel.flops) for kernel in large]
    rows = [["multiply-adds in registers", str(threads), "", "", f"{peak / 1e9:.1f} Gflop", ""]]
    for name, seconds, count in timed:
        rate = count / seconds
        shown = [f"{count / 1e6:.2f} Mflop", f"{rate / 1e9:.1f} Gflop", f"{rate / peak:.0%}"]
        rows.append([name, str(threads), duration(seconds), *shown])
    return rows


def hottest_loop(assembly: str, kernel: str) -> str:
    """The loop of ``kernel`` that has most multiply-adds and no branch but the one back."""
    body = re.search(rf"^{re.escape(kernel)}:\n(.*?)^\.Lfunc_end", assembly, re.M | re.S)
    if body is None:
        raise ValueError(f"the assembly has no function {kernel}")
    found, block = "", ""
    for line in body[1].splitlines(keepends=True):
        block = line if line.startswith(".L") else block + line
        back = re.match(r"\s+j\w+\s+(\.L\w+)", line)
        if back is None:
            continue
        if block.startswith(f"{back[1]}:") and block.count("fmadd") > found.count("fmadd"):
            found = block
        block = ""
    return found
