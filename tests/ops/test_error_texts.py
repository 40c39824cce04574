"""Errors as a user sees them: each mistake in a small file of its own, its text kept golden."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import graphc
from graphc.errors import GraphcError

MISTAKES = {
    "broadcast": """
        x = graphc.input("x", ("N", 784))
        w = graphc.parameter("w", graphc.initializers.zeros((784, 10)))
        bias = graphc.parameter("bias", graphc.initializers.zeros(12))
        scores = x @ w
        logits = scores + bias
    """,
    "symbolic sizes": """
        x = graphc.input("x", ("N", 3))
        y = graphc.input("y", ("M", 3))
        z = x * y
    """,
    "matmul": """
        x = graphc.input("x", ("N", 784))
        w = graphc.parameter("w", graphc.initializers.zeros((748, 10)))
        y = graphc.relu(x @ w)
    """,
    "dtype": """
        mask = graphc.input("mask", ("N",), graphc.bool)
        total = mask - mask
    """,
    "integer does not fit": """
        image = graphc.input("image", (28, 28), graphc.uint8)
        shifted = image + 300
    """,
    "axis": """
        x = graphc.input("x", ("N", 3))
        y = graphc.sum(x, axis=2)
    """,
    "index": """
        x = graphc.input("x", (4, 3))
        last = x[4]
    """,
    "reshape": """
        x = graphc.input("x", ("N", 6))
        y = graphc.reshape(x, ("N", 5))
    """,
    "concat": """
        x = graphc.input("x", ("N", 6))
        y = graphc.input("y", ("N", 5))
        z = graphc.concat([x, y])
    """,
    "truth value": """
        x = graphc.input("x", ())
        y = x if x > 0 else -x
    """,
    "float labels": """
        labels = graphc.input("labels", ("N",))
        y = graphc.one_hot(labels, 10)
    """,
    "several lines": """
        x = graphc.input("x", ("N", 6))
        y = graphc.concat(
            [
                x,
                x[:, :, 0],
            ]
        )
    """,
    "numpy": """
        import numpy as np
        x = graphc.input("x", ("N", 6))
        y = np.cumsum(x)
    """,
    "advanced indexing": """
        x = graphc.input("x", ("N", 6))
        y = x[x > 0]
    """,
}


@pytest.mark.parametrize("name", MISTAKES)
def test_text(name: str, golden: Callable[[str, str], None], tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    source = "import graphc\n\n" + textwrap.dedent(MISTAKES[name]).lstrip()
    path.write_text(source, encoding="utf-8")
    with pytest.raises(GraphcError) as raised:
        exec(compile(source, str(path), "exec"), {"graphc": graphc, "__name__": "train"})
    error = raised.value
    golden(f"errors/{name.replace(' ', '_')}.txt", f"{type(error).__name__}: {error}\n")
