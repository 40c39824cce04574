"""What a benchmark found, as plain data that JSON can hold.  Measures and draws nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any

from graphc.bench.calibrate import Limits

FUSED, UNFUSED, NUMPY = "fused", "unfused", "numpy"


@dataclass(frozen=True)
class Timing:
    """Seconds of one call: the ``minimum``, the ``median``, and the ``spread``, which is the
    distance of the quartiles as a share of the median, over ``calls`` timed calls."""

    minimum: float
    median: float
    spread: float
    calls: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing:
        """The summary of single calls' times.

        >>> Timing.of([1.0, 2.0, 3.0])
        Timing(minimum=1.0, median=2.0, spread=1.0, calls=3)
        """
        middle = median(seconds)
        low, _, high = quantiles(seconds, n=4) if len(seconds) > 1 else (middle,) * 3
        return cls(min(seconds), middle, (high - low) / middle if middle else 0.0, len(seconds))


@dataclass(frozen=True)
class KernelRow:
    """One kernel of one variant: ``seconds`` of a call (the least seen), what its description
    predicts (``flops``, ``bytes``, and from these and the machine's limits ``predicted`` seconds),
    and which limit that is (``bound``: "compute" or a level of the caches)."""

    name: str
    kind: str
    nodes: tuple[str, ...]
    locations: tuple[str, ...]
    seconds: float
    flops: int
    bytes: int
    predicted: float
    bound: str

    @property
    def share(self) -> float:
        """Of the machine's limit: predicted over measured time."""
        return self.predicted / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Variant:
    """One way to run the graph: "fused", "unfused" or "numpy" (which has no kernels)."""

    name: str
    timing: Timing
    kernels: tuple[KernelRow, ...] = ()


@dataclass(frozen=True)
class Saving:
    """What one fused kernel saved against the ``unfused`` kernels of the same nodes."""

    kernel: str
    unfused: tuple[str, ...]
    fused_seconds: float
    unfused_seconds: float
    bytes_saved: int

    @property
    def seconds(self) -> float:
        return self.unfused_seconds - self.fused_seconds


@dataclass(frozen=True)
class SizeResult:
    """All variants at one binding of the named dims.  ``error`` is the largest difference from the
    reference, relative to each output's largest element."""

    sizes: Mapping[str, int]
    variants: tuple[Variant, ...]
    savings: tuple[Saving, ...]
    error: float

    def variant(self, name: str) -> Variant | None:
        """The variant called ``name``, if it was run."""
        return next((v for v in self.variants if v.name == name), None)

    def speedup(self, over: str = UNFUSED) -> float | None:
        """How many times faster the fused program is than another variant, by their minima."""
        fused, other = self.variant(FUSED), self.variant(over)
        if fused is None or other is None or not fused.timing.minimum:
            return None
        return other.timing.minimum / fused.timing.minimum


@dataclass(frozen=True)
class Report:
    """Everything a benchmark found.  Print it for a table; ``json`` and ``svg`` give files."""

    graph: str
    threads: int
    limits: Limits
    results: tuple[SizeResult, ...]

    def json(self) -> str:
        """The report as JSON text; ``Report.from_json`` reads it."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The report that ``json`` wrote."""
        return _report(json.loads(text))

    def svg(self) -> str:
        """A chart of the times and of what fusion saved, as SVG text."""
        from graphc.bench.chart import chart

        return chart(self)

    def text(self, width: int = 118) -> str:
        """The tables as plain text."""
        from graphc.bench.table import as_text

        return as_text(self, width)

    def __str__(self) -> str:
        return self.text()

    def __rich__(self) -> Any:
        from graphc.bench.table import tables

        return tables(self)


def savings(
    fused: Sequence[KernelRow], unfused: Sequence[KernelRow], home: Mapping[str, str]
) -> tuple[Saving, ...]:
    """What each fused kernel saved, the largest first; ``home`` says for each unfused kernel which
    fused one does its work."""
    parts: dict[str, list[KernelRow]] = {}
    for kernel in unfused:
        if kernel.name in home:
            parts.setdefault(home[kernel.name], []).append(kernel)
    found = [
        Saving(
            kernel.name,
            tuple(k.name for k in parts[kernel.name]),
            kernel.seconds,
            sum(k.seconds for k in parts[kernel.name]),
            sum(k.bytes for k in parts[kernel.name]) - kernel.bytes,
        )
        for kernel in fused
        if len(parts.get(kernel.name, ())) > 1
    ]
    return tuple(sorted(found, key=lambda saving: -saving.seconds))


def _report(data: dict[str, Any]) -> Report:
    limits = data["limits"]
    return Report(
        data["graph"],
        data["threads"],
        Limits(
            limits["target"],
            dict(limits["flops"]),
            tuple((level, size, rate) for level, size, rate in limits["bandwidth"]),
        ),
        tuple(_size_result(result) for result in data["results"]),
    )


def _size_result(data: dict[str, Any]) -> SizeResult:
    variants = tuple(
        Variant(
            variant["name"],
            Timing(**variant["timing"]),
            tuple(KernelRow(**_with_tuples(kernel)) for kernel in variant["kernels"]),
        )
        for variant in data["variants"]
    )
    found = tuple(Saving(**_with_tuples(saving)) for saving in data["savings"])
    return SizeResult(data["sizes"], variants, found, data["error"])


def _with_tuples(data: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in data.items()}
