"""A report as a chart in SVG: the variants' times, and the kernels of the largest sizes.

The upper part has a group of bars for each combination of sizes; the lower part sets each fused
kernel against the kernels it replaces, with a mark where the machine's limit is.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from graphc.bench.report import FUSED, NUMPY, UNFUSED, KernelRow, Report, Saving, SizeResult
from graphc.bench.table import duration

_COLOURS = {FUSED: "#15803d", UNFUSED: "#c2410c", NUMPY: "#64748b"}
_WIDTH, _LEFT, _RIGHT = 860, 250, 120
_BAR, _STEP, _GROUP_GAP = 14, 18, 14
_MOST_KERNELS = 16
_STYLE = """
text { font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace;
  font-size: 11px; fill: #1f2937 }
.title { font-size: 15px; font-weight: 700 }
.small { font-size: 10px; fill: #4b5563 }
"""


def chart(report: Report) -> str:
    """``report`` as SVG text."""
    body: list[str] = [_text(16, 24, f"@{report.graph}", "title")]
    y = _legend(body, 44)
    y = _overview(body, report, y + 14)
    if report.results:
        y = _kernels(body, report.results[-1], y + 18)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y + 12}" '
        f'viewBox="0 0 {_WIDTH} {y + 12}">\n<style>{_STYLE}</style>\n'
        f'<rect width="{_WIDTH}" height="{y + 12}" fill="#ffffff"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _legend(body: list[str], y: int) -> int:
    x = 16
    for name, colour in _COLOURS.items():
        body.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colour}"/>')
        body.append(_text(x + 18, y, name))
        x += 40 + 7 * len(name)
    body.append(f'<path d="M{x + 6} {y - 11}v14" stroke="#111827" stroke-width="2"/>')
    body.append(_text(x + 14, y, "the machine's limit for what the kernel computes and moves"))
    return y


def _bar(y: float, seconds: float, longest: float, name: str, label: str) -> Iterator[str]:
    width = (_WIDTH - _LEFT - _RIGHT) * seconds / longest if longest else 0.0
    yield (
        f'<rect x="{_LEFT}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{_BAR}" rx="2" '
        f'fill="{_COLOURS[name]}"><title>{escape(name)}: {duration(seconds)}</title></rect>'
    )
    yield _text(_LEFT + width + 6, y + _BAR - 3, label, "small")


def _overview(body: list[str], report: Report, y: int) -> int:
    """A group of bars for each combination of sizes, each group to its own scale."""
    for result in report.results:
        longest = max(variant.timing.minimum for variant in result.variants)
        label = ", ".join(f"{name} = {size}" for name, size in result.sizes.items())
        body.append(_text(_LEFT - 10, y + _BAR - 3, label or "fixed sizes", anchor="end"))
        for variant in result.variants:
            gain = result.speedup(variant.name) if variant.name != FUSED else None
            note = f"  fused: {gain:.2f} x faster" if gain and gain >= 1 else ""
            least = variant.timing.minimum
            body += _bar(y, least, longest * 1.35, variant.name, duration(least) + note)
            y += _STEP
        y += _GROUP_GAP
    return y


def _kernels(body: list[str], result: SizeResult, y: int) -> int:
    fused, unfused = result.variant(FUSED), result.variant(UNFUSED)
    if fused is None or unfused is None or not fused.kernels:
        return y
    sizes = ", ".join(f"{name} = {size}" for name, size in result.sizes.items())
    body.append(_text(16, y, f"Kernels {f'at {sizes}' if sizes else ''}", "title"))
    y += 14
    replaced: dict[str, Saving] = {saving.kernel: saving for saving in result.savings}
    rows = sorted(fused.kernels, key=lambda kernel: -kernel.seconds)[:_MOST_KERNELS]
    longest = max(
        max(kernel.seconds, replaced[kernel.name].unfused_seconds)
        if kernel.name in replaced
        else kernel.seconds
        for kernel in rows
    )
    for kernel in rows:
        y = _kernel(body, kernel, replaced.get(kernel.name), longest * 1.2, y)
    return y


def _kernel(
    body: list[str], kernel: KernelRow, saving: Saving | None, longest: float, y: int
) -> int:
    name = kernel.name if len(kernel.name) <= 32 else kernel.name[:31] + "…"
    body.append(_text(_LEFT - 10, y + _BAR - 3, name, anchor="end"))
    label = f"{duration(kernel.seconds)}, {kernel.share:.0%} of {kernel.bound}"
    body += _bar(y, kernel.seconds, longest, FUSED, label)
    x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(kernel.predicted / longest, 1.0)
    body.append(f'<path d="M{x:.1f} {y - 2}v{_BAR + 4}" stroke="#111827" stroke-width="2"/>')
    y += _STEP
    if saving is not None:
        label = f"{duration(saving.unfused_seconds)} in {len(saving.unfused)} kernels"
        body += _bar(y, saving.unfused_seconds, longest, UNFUSED, label)
        y += _STEP
    return y + _GROUP_GAP // 2
