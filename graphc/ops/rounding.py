"""Numbers made whole.  Integers and booleans are whole already and stay what they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.ops.declare import OpFunction, elementwise


def _rounding(name: str, reference: Callable[..., Any], doc: str) -> OpFunction:
    """A rounding whose scalar arithmetic is the builder's operation of NumPy's name."""
    operation = reference.__name__
    return elementwise(
        name,
        numpy=lambda x: reference(x) if x.dtype.kind == "f" else x,
        lower=lambda b, x: getattr(b, operation)(x) if b.dtype(x).is_float else x,
        grad=lambda g, out, x: (None,),
        domain="any",
        doc=doc,
    )


floor = _rounding("floor", np.floor, "The largest whole number that is not above x.")
ceil = _rounding("ceil", np.ceil, "The smallest whole number that is not below x.")
trunc = _rounding("trunc", np.trunc, "The whole number next to x towards zero.")
round = _rounding("round", np.rint, "The nearest whole number, of two the even one.")
