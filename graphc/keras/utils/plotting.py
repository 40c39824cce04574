"""A picture of a model's layers, drawn as graphc draws its graphs.

Turns layers into cards and tensors into wires; ``graphc.viz`` places and draws them.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from graphc.viz.layout import layout
from graphc.viz.phases import FORWARD
from graphc.viz.routes import scene
from graphc.viz.svg import draw
from graphc.viz.view import Card, Picture, Wire
from runtime.atomic import write_atomically


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> Any:
    """Draws the layers of a built ``model`` into ``to_file``: ``.svg``, or ``.png`` with the
    package resvg-py (``pip install graphc[png]``).

    ``show_shapes`` and ``show_dtype`` write each layer's output beside it; ``show_layer_names``,
    ``show_layer_activations`` and ``show_trainable`` add lines to it; ``expand_nested`` shows the
    layers of models within the model, in a box.  ``dpi`` is the PNG's.  In a notebook the picture
    is shown as well.  Models are drawn from top to bottom.

    Raises ``ValueError`` for a model that is not built or is connected in ``call`` alone, and for
    another kind of file; ``ImportError`` where resvg-py is missing.

    >>> import tempfile
    >>> from graphc import keras
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> path = os.path.join(tempfile.mkdtemp(), "model.svg")
    >>> plot_model(model, path, show_shapes=True)
    >>> "(None, 3)" in open(path).read()
    True
    """
    if rankdir != "TB":
        warnings.warn(f"plot_model draws from top to bottom, not {rankdir!r}", stacklevel=2)
    target = Path(to_file)
    if target.suffix not in (".svg", ".png"):
        raise ValueError(f"plot_model writes .svg and .png, not {target.name!r}")
    shown = _Shown(
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable
    )
    text = _svg(model, shown, expand_nested)
    content = text.encode() if target.suffix == ".svg" else _png(text, dpi)
    write_atomically(target, [content])
    return _in_notebook(text)


class _Shown:
    """What a card says of its layer."""

    def __init__(
        self, shapes: bool, dtype: bool, names: bool, activations: bool, trainable: bool
    ) -> None:
        self.shapes, self.dtype = shapes, dtype
        self.names, self.activations, self.trainable = names, activations, trainable

    def card(self, operation: Any, node: Any, box: int | None) -> Card:
        kind = type(operation).__name__
        is_input = kind == "InputLayer"
        title = operation.name if is_input or kind == "Operation" else kind
        details = []
        if self.names and title != operation.name:
            details.append(operation.name)
        activation = getattr(operation, "activation", None)
        if self.activations and activation is not None:
            details.append(getattr(activation, "__name__", type(activation).__name__))
        if self.trainable and getattr(operation, "weights", None):
            details.append("trainable" if operation.trainable else "not trainable")
        return Card(
            title,
            "input" if is_input else "op",
            FORWARD,
            FORWARD,
            detail=_joined(*details),
            type=", ".join(self.tensor(x) for x in node.outputs),
            box=box,
        )

    def tensor(self, x: Any) -> str:
        parts = [str(tuple(x.shape))] if self.shapes else []
        return " ".join([*parts, str(x.dtype)] if self.dtype else parts)


class _Cards:
    """The cards and wires of a model, its nested models opened where asked for."""

    def __init__(self, shown: _Shown, expand: bool) -> None:
        self.shown, self.expand = shown, expand
        self.cards: list[Card] = []
        self.wires: list[tuple[int, int, str]] = []
        self.boxes: list[str] = []
        self._known: set[int] = set()

    def add(self, model: Any, given: list[list[int]], box: int | None = None) -> list[list[int]]:
        """Adds the layers of ``model``, whose inputs come from the cards ``given``, or from cards
        of their own where there are none; the cards that each of its outputs comes from.

        Goes into nested models, which are as deep as a person nests them."""
        makers: dict[tuple[int, int], list[int]] = {}
        for i, x in enumerate(model.inputs):
            if i < len(given):
                makers[id(x.node), x.index] = given[i]
        for node in _nodes(model.outputs):
            if (id(node), 0) in makers:
                continue
            sources = [makers[id(x.node), x.index] for x in node.inputs]
            if self.expand and _is_open(node.operation):
                inner = box
                if box is None:
                    inner = len(self.boxes)
                    self.boxes.append(node.operation.name)
                results = self.add(node.operation, sources, inner)
                makers.update({(id(node), i): cards for i, cards in enumerate(results)})
                continue
            card = self._card(node, box)
            for x, cards in zip(node.inputs, sources, strict=True):
                self.wires.extend((source, card, self.shown.tensor(x)) for source in cards)
            makers.update({(id(node), i): [card] for i in range(len(node.outputs))})
        return [makers[id(x.node), x.index] for x in model.outputs]

    def _card(self, node: Any, box: int | None) -> int:
        """The card of a call; a layer that is called again is shown again."""
        card = self.shown.card(node.operation, node, box)
        again = id(node.operation) in self._known
        self._known.add(id(node.operation))
        self.cards.append(replace(card, reference=again))
        return len(self.cards) - 1

    def picture(self, title: str) -> Picture:
        """All of it; what no wire leaves has its tensor within the card."""
        leaving = {source for source, _, _ in self.wires}
        cards = tuple(
            card if i in leaving else replace(card, detail=_joined(card.detail, card.type))
            for i, card in enumerate(self.cards)
        )
        wires = tuple(Wire(*wire) for wire in dict.fromkeys(self.wires))
        return Picture(title, cards, wires, tuple(self.boxes), (), "a model within the model")


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _svg(model: Any, shown: _Shown, expand: bool) -> str:
    try:
        outputs = list(model.outputs)
    except (AttributeError, ValueError):
        outputs = []
    if not outputs:
        raise ValueError(
            f"plot_model: the layers of {model.name!r} are not connected: build it, or call fit "
            f"first; a model connected in its call method cannot be drawn"
        )
    made = _Cards(shown, expand)
    made.add(model, [])
    picture = made.picture(model.name)
    return draw(picture, scene(picture, layout(picture)))


def _is_open(operation: Any) -> bool:
    """Whether an operation is a model whose layers are known."""
    return hasattr(operation, "layers") and bool(getattr(operation, "outputs", None))


def _nodes(outputs: list[Any]) -> Iterator[Any]:
    """The calls that ``outputs`` come from, each after those it needs."""
    seen: set[int] = set()
    stack = [(x.node, False) for x in reversed(outputs)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((x.node, False) for x in reversed(node.inputs))


def _png(text: str, dpi: int) -> bytes:
    if find_spec("resvg_py") is None:
        raise ImportError(
            "plot_model needs the package resvg-py for PNG (pip install graphc[png]); "
            "to_file='model.svg' needs nothing"
        )
    import resvg_py

    width = float(ElementTree.fromstring(text).attrib["width"]) * dpi / 96
    return bytes(resvg_py.svg_to_bytes(svg_string=text, width=max(1, round(width))))


def _in_notebook(text: str) -> Any:
    import sys

    if "ipykernel" not in sys.modules:
        return None
    from IPython.display import SVG

    return SVG(data=text)
