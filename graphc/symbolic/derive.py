"""Writes ``graphc/ops/derivatives.py``: ``python -m graphc.symbolic.derive``.

Responsible for the gradient rules of graphc's own records that state their mathematics and no rule.
A test derives them again and compares, so the file is never edited by hand.  The text holds for one
version of sympy; another may write an equal form differently.
"""

from __future__ import annotations

from pathlib import Path

import sympy

import graphc.ops
from graphc.ir.op import Elementwise, registered
from graphc.symbolic.differentiate import attribute_names, gradient_steps, operand_names
from graphc.symbolic.source_text import rule_text

_HEAD = '''\
"""Gradient rules derived from the mathematics of the records, by ``graphc.symbolic.derive``.

Generated with sympy {sympy}: never edit it, but change a record's ``math`` and run
``python -m graphc.symbolic.derive``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.ops.declare import call
'''
PATH = Path(graphc.ops.__file__).parent / "derivatives.py"


def own_records() -> list[Elementwise]:
    """graphc's records with mathematics and without a rule, by name."""
    found = [
        record
        for record in registered()
        if isinstance(record, Elementwise)
        and record.grad is None
        and record.math is not None
        and record.lower.__module__.startswith("graphc.")
    ]
    return sorted(found, key=lambda record: record.name)


def text() -> str:
    """The whole file."""
    records = own_records()
    rules = [
        rule_text(f"{r.name}_gradient", operand_names(r), attribute_names(r), gradient_steps(r))
        for r in records
    ]
    table = "\n".join(f'    "{r.name}": {r.name}_gradient,' for r in records)
    closing = f"RULES: Mapping[str, Callable[..., Sequence[Any]]] = {{\n{table}\n}}\n"
    head = _HEAD.replace("{sympy}", sympy.__version__)
    return "\n\n".join([head, *(rule + "\n" for rule in rules), closing])


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
