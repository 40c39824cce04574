"""The table of a model's layers that ``summary`` prints."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.keras import tree
from graphc.keras.layers.layer import Layer

_WIDTH = 80


def print_summary(
    model: Any,
    *,
    line_length: int | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
) -> None:
    """Prints layers, output shapes and numbers of parameters; through ``print_fn`` if given."""
    text = summary_text(
        model, line_length or _WIDTH, expand_nested=expand_nested, show_trainable=show_trainable
    )
    (print_fn or print)(text)


def summary_text(
    model: Any, width: int = _WIDTH, *, expand_nested: bool = False, show_trainable: bool = False
) -> str:
    """What ``summary`` prints."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    connected = hasattr(model, "network")
    table = Table(box=box.HEAVY_HEAD, show_lines=True, width=width - 4)
    table.add_column("Layer (type)", ratio=5 if not connected else 4)
    table.add_column("Output Shape", ratio=4 if not connected else 3)
    table.add_column("Param #", ratio=2, justify="right")
    if connected:
        table.add_column("Connected to", ratio=3)
    if show_trainable:
        table.add_column("Trainable", ratio=2)
    for depth, layer in _rows(model, expand_nested):
        row = [f"{'  ' * depth}{layer.name} ({type(layer).__name__})"]
        row += [_shape(layer), f"{_count(layer):,}" if layer.built else "0 (unbuilt)"]
        if connected:
            row.append(_sources(model, layer))
        if show_trainable:
            row.append("Y" if layer.trainable else "N")
        table.add_row(*row)
    out = io.StringIO()
    # Highlighting and markup would read names of layers as markup.
    console = Console(file=out, width=width, highlight=False, markup=False, color_system=None)
    console.print(table)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join([f'Model: "{model.name}"', *lines, *_totals(model)])


def _rows(model: Any, nested: bool) -> list[tuple[int, Layer]]:
    rows: list[tuple[int, Layer]] = []
    stack: list[tuple[int, Layer]] = [(0, layer) for layer in reversed(model.layers)]
    while stack:
        depth, layer = stack.pop()
        rows.append((depth, layer))
        if nested and hasattr(layer, "_prepare_training"):
            stack.extend((depth + 1, inner) for inner in reversed(layer.layers))  # type: ignore[attr-defined]
    return rows


def _shape(layer: Layer) -> str:
    if layer._nodes:
        return ", ".join(str(x.shape) for x in tree.flatten(layer._nodes[-1].result))
    if not layer.built or layer._build_shapes is None:
        return "?"
    try:  # it was called on Tensors alone, as by a model that is a subclass
        return str(layer.compute_output_shape(layer._build_shapes))
    except (ValueError, TypeError):
        return "?"


def _count(layer: Layer) -> int:
    return sum(variable.size for variable in layer.weights)


def _sources(model: Any, layer: Layer) -> str:
    """The layers that feed this one."""
    nodes = [node for node in model.network.nodes if node.operation is layer]
    names = [f"{x.node.operation.name}[{x.index}]" for node in nodes for x in node.inputs if x.node]
    return ", ".join(names) or "-"


def _totals(model: Any) -> list[str]:
    """Totals of parameters, and of the optimizer's."""
    trained = model.trainable_weights
    fixed = model.non_trainable_weights
    held = model.optimizer.variables if model.optimizer is not None else []
    groups = [("Trainable params", trained), ("Non-trainable params", fixed)]
    if held and model.optimizer.built:
        groups.append(("Optimizer params", held))
    every = [v for _, group in groups for v in group]
    return [_total(name, group) for name, group in [("Total params", every), *groups]]


def _total(name: str, variables: list[Any]) -> str:
    count = sum(v.size for v in variables)
    size = float(sum(v.size * np.dtype(v.dtype).itemsize for v in variables))
    units = ["B", "KB", "MB", "GB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f" {name}: {count:,} ({size:.2f} {units[0]})"
