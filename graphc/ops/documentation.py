"""The docstring of an op's public function, made from its record.  Writes text and nothing else."""

from __future__ import annotations

import inspect

from graphc.ir.dtypes import DType, float32
from graphc.ir.op import Elementwise, Op
from graphc.operands import COMPUTED_IN


def elementwise_notes(domain: str, result: str | DType) -> str:
    """What an elementwise op takes and gives."""
    computed_in = COMPUTED_IN[domain]
    taken = ", ".join(d.name for d, to in computed_in.items() if d is to)
    lines = [f"Operands broadcast and promote as in NumPy; computed in {taken}."]
    converted = [f"{d} as {to}" for d, to in computed_in.items() if d is not to]
    if converted:
        lines.append(f"Other element types are converted: {', '.join(converted)}.")
    lines.append(
        f"The result has the operands' shape{'' if result == 'same' else f', of {result}'}.\n"
        "``ShapeError`` where shapes do not broadcast, ``DTypeError`` for other element types."
    )
    return "\n".join(lines)


def docstring(op: Op, signature: inspect.Signature, notes: str, domain: str) -> str:
    """``op.doc``, what it takes and gives, and an example for elementwise ops."""
    parts = [op.doc, notes]
    complete = all(
        p.default is not p.empty for p in signature.parameters.values() if p.kind == p.KEYWORD_ONLY
    )
    if isinstance(op, Elementwise) and complete and ">>>" not in op.doc:
        parts.append(_example(op, signature, domain))
    return "\n\n".join(part for part in parts if part) + "\n"


def _example(op: Op, signature: inspect.Signature, domain: str) -> str:
    operands = [p.name for p in signature.parameters.values() if p.kind != p.KEYWORD_ONLY]
    dtype = "" if float32 in COMPUTED_IN[domain] else ', "int32"'
    lines = [f'>>> {name} = graphc.input("{name}", ("N", 3){dtype})' for name in operands]
    lines.append(f">>> graphc.ops.{op.name}({', '.join(operands)}).shape")
    return "\n".join([">>> import graphc", *lines, "(N, 3)"])
