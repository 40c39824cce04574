"""What the polynomials of the vector math approximate: one entry a table in ``graphc.ops.vecmath``.

``python -m tests.coefficients.tables [NAME]`` prints the tables anew, with the weighted error of
each as a power of two.
"""

from __future__ import annotations

import sys

import mpmath as mp
import numpy as np

from tests.coefficients.fit import Fit, Function, error, solve

HALF_LN2 = 0.3475


def both(f: Function, terms: tuple[int, int], low: float, high: float, weight: Function,
         fixed: tuple[float, ...] = ()) -> dict[str, Fit]:
    """The same fit in both precisions, with ``terms`` coefficients each."""
    names = ("float32", "float64")
    return {
        name: Fit(f, count, low, high, weight, name, fixed)
        for name, count in zip(names, terms, strict=True)
    }


TABLES: dict[str, dict[str, Fit]] = {
    # exp(r) = 1 + r + r^2 q(r); the weight makes it good for expm1(r) = r + r^2 q(r), too.
    "exponential.EXP_TAIL": both(
        lambda r: (mp.expm1(r) - r) / r**2, (5, 10), -HALF_LN2, HALF_LN2, lambda r: r
    ),
}


def literal(value: float, precision: str) -> str:
    """The shortest decimal that rounds to ``value`` in ``precision``."""
    return str(np.dtype(precision).type(value))


def main(wanted: list[str]) -> None:
    for name, fits in TABLES.items():
        if wanted and not any(name.endswith(w) for w in wanted):
            continue
        print(f"{name}:")
        for precision, fit in fits.items():
            coefficients = solve(fit)
            print(f"    {precision}: (  # 2^{error(fit, coefficients):.1f}")
            for c in coefficients:
                print(f"        {literal(c, precision)},")
            print("    ),")


if __name__ == "__main__":
    main(sys.argv[1:])
