"""``keras.ops``: the functions of Keras that graphc has ops for.

Each takes Tensors, variables, layers' symbolic results, arrays and lists.  Of what is known it
gives arrays at once.  A name of Keras' that is not there says so.
"""

from __future__ import annotations

import sys
from typing import Any

from graphc.keras.naming import missing
from graphc.keras.ops import creation, elementwise, nn, reductions, shapes
from graphc.keras.ops.creation import *  # noqa: F403
from graphc.keras.ops.elementwise import *  # noqa: F403
from graphc.keras.ops.nn import *  # noqa: F403
from graphc.keras.ops.reductions import *  # noqa: F403
from graphc.keras.ops.shapes import *  # noqa: F403

slice = shapes.slice_of

__all__ = sorted(
    {
        "slice", *creation.__all__, *elementwise.__all__, *nn.__all__, *reductions.__all__,
        *shapes.__all__,
    }
    - {"slice_of"}
)  # fmt: skip


def __getattr__(name: str) -> Any:
    raise missing(sys.modules[__name__], name, __all__)
