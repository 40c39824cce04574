"""Gradient rules derived from the mathematics of the records, by ``graphc.symbolic.derive``.

Generated: change a record's ``math`` and run ``python -m graphc.symbolic.derive``; never edit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

RULES: Mapping[str, Callable[..., Sequence[Any]]] = {}
