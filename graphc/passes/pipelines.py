"""The passes in the order in which they run.

Literal tuples, to be read from top to bottom.  Each relies on those above it: ``stabilize`` needs
composites whole, ``order`` needs reductions of one axis, ``cse`` needs the orders.
"""

from __future__ import annotations

from graphc.passes.base import Pass
from graphc.passes.canonicalize import Canonicalize
from graphc.passes.constant_fold import ConstantFold
from graphc.passes.cse import CommonSubexpressions
from graphc.passes.dce import DeadCode
from graphc.passes.decompose import Decompose
from graphc.passes.few_places import FewPlaces
from graphc.passes.order import Order
from graphc.passes.shape_products import ShapeProducts
from graphc.passes.simplify import Simplify
from graphc.passes.stabilize import Stabilize

OPTIMIZE: tuple[Pass, ...] = (
    Stabilize(),
    Decompose(),
    FewPlaces(),
    Canonicalize(),
    ConstantFold(),
    Simplify(),
    Order(),
    ShapeProducts(),
    CommonSubexpressions(),
    DeadCode(),
)
