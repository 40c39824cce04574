"""A report as tables on a terminal, by rich; as text where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING, Literal

from graphc.bench.report import FUSED, UNFUSED, KernelRow, Report, SizeResult

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

_MOST_ROWS = 40


def duration(seconds: float) -> str:
    """A time in three significant digits.

    >>> duration(0.0012345), duration(2e-7), duration(1.5)
    ('1.23 ms', '0.200 us', '1.50 s')
    """
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if abs(seconds) >= scale:
            return f"{_digits(seconds / scale)} {unit}"
    return f"{seconds / 1e-6:.3f} us"


def amount(number: float, unit: str) -> str:
    """A count with a decimal prefix.

    >>> amount(2_500_000, "B"), amount(12, "flop")
    ('2.50 MB', '12.0 flop')
    """
    for prefix, scale in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= scale:
            return f"{_digits(number / scale)} {prefix}{unit}"
    return f"{_digits(number)} {unit}"


def _digits(number: float) -> str:
    return f"{number:.{max(0, 2 - len(str(int(abs(number)))) + 1)}f}"


def tables(report: Report) -> Group:
    """Everything in ``report`` to be printed by a rich console."""
    from rich.console import Group

    return Group(*_parts(report))


def as_text(report: Report, width: int) -> str:
    """The tables as plain text of at most ``width`` columns."""
    from rich.console import Console

    stream = StringIO()
    Console(file=stream, width=width, color_system=None).print(tables(report))
    return stream.getvalue()


def _parts(report: Report) -> Iterator[Table | str]:
    yield _limits(report)
    yield _overview(report)
    for result in report.results:
        for name in (FUSED, UNFUSED):
            variant = result.variant(name)
            if variant is not None and variant.kernels:
                yield _kernels(f"{name}, {_sizes(result)}", variant.kernels)
        if result.savings:
            yield _savings(result)


def _limits(report: Report) -> str:
    limits = report.limits
    peaks = ", ".join(f"{name} {amount(rate, 'flop/s')}" for name, rate in limits.flops.items())
    rates = ", ".join(f"{level} {amount(rate, 'B/s')}" for level, _, rate in limits.bandwidth)
    threads = "1 thread" if report.threads == 1 else f"{report.threads} threads"
    return f"This machine ({limits.target}, {threads}) can do {peaks}; moves {rates}."


def _table(title: str, *columns: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        first = i == 0
        justify: Literal["left", "right"] = "left" if first else "right"
        table.add_column(column, justify=justify, no_wrap=not first, overflow="fold")
    return table


def _sizes(result: SizeResult) -> str:
    return ", ".join(f"{name} = {size}" for name, size in result.sizes.items()) or "fixed sizes"


def _overview(report: Report) -> Table:
    columns = ("sizes", "variant", "minimum", "median", "spread", "calls", "fused is faster by")
    table = _table(f"@{report.graph}", *columns)
    for result in report.results:
        for i, variant in enumerate(result.variants):
            timing = variant.timing
            gain = result.speedup(variant.name) if variant.name != FUSED else None
            table.add_row(
                _sizes(result) if i == 0 else "",
                variant.name,
                duration(timing.minimum),
                duration(timing.median),
                f"{timing.spread:.0%}",
                str(timing.calls),
                f"{gain:.2f} x" if gain else "",
            )
    return table


def _kernels(title: str, kernels: tuple[KernelRow, ...]) -> Table:
    columns = ("kernel", "time", "of all", "arithmetic", "moved", "predicted", "limit", "share")
    table = _table(title, *columns)
    total = sum(kernel.seconds for kernel in kernels) or 1.0
    for kernel in sorted(kernels, key=lambda k: -k.seconds)[:_MOST_ROWS]:
        table.add_row(
            kernel.name,
            duration(kernel.seconds),
            f"{kernel.seconds / total:.0%}",
            amount(kernel.flops, "flop"),
            amount(kernel.bytes, "B"),
            duration(kernel.predicted),
            kernel.bound,
            f"{kernel.share:.0%}",
        )
    if len(kernels) > _MOST_ROWS:
        table.add_row(f"and {len(kernels) - _MOST_ROWS} more")
    table.add_row("all", duration(total), "100%", *[""] * 5, end_section=True)
    return table


def _savings(result: SizeResult) -> Table:
    columns = ("fused kernel", "instead of", "fused", "unfused", "saved", "fewer bytes")
    table = _table(f"What fusion saved, {_sizes(result)}", *columns)
    for saving in result.savings[:_MOST_ROWS]:
        table.add_row(
            saving.kernel,
            f"{len(saving.unfused)} kernels",
            duration(saving.fused_seconds),
            duration(saving.unfused_seconds),
            duration(saving.seconds),
            amount(saving.bytes_saved, "B"),
        )
    return table
