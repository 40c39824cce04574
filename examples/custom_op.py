"""Ops of one's own: their mathematics is enough for the gradient and for native code.

    python examples/custom_op.py

``from_sympy`` takes an expression and derives everything.  ``elementwise`` is what graphc's own ops
are made with: its meaning, its reference in NumPy and its scalar arithmetic, in one place.
"""

from __future__ import annotations

import numpy as np
import sympy

import graphc

t = sympy.Symbol("t")
bump = graphc.from_sympy("bump", sympy.exp(-(t**2)) * (1 - t**2), doc="A small hat.")

soft_clip = graphc.elementwise(
    "soft_clip",
    math=lambda sp, x: x / sp.sqrt(1 + x**2),
    numpy=lambda x: x / np.sqrt(1 + x * x),
    lower=lambda b, x: b.div(x, b.sqrt(b.add(b.mul(x, x), 1.0))),
    doc="x / sqrt(1 + x^2): the identity near 0, between -1 and 1 everywhere.",
)

x = graphc.input("x", ("N",))
y = soft_clip(3 * x) + bump(x)
(slope,) = graphc.grad(graphc.sum(y), [x])
curve = graphc.Graph("curve", outputs={"y": y, "slope": slope})


def main() -> float:
    """Compares the derived slope with differences of the curve; gives the largest distance."""
    executable = graphc.compile(curve)
    at = np.linspace(-2, 2, 9, dtype=np.float32)
    found = executable(x=at)
    step = np.float32(1 / 64)
    above, below = executable(x=at + step)["y"], executable(x=at - step)["y"]
    measured = (above - below) / (2 * step)
    print("      x        y    slope   by differences")
    for row in zip(at, found["y"], found["slope"], measured, strict=True):
        print("  ".join(f"{value:7.4f}" for value in row))
    return float(np.abs(found["slope"] - measured).max())


if __name__ == "__main__":
    main()
