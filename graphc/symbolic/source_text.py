"""Steps written as Python source over the public functions of ``graphc.ops``.

Responsible for how a derived gradient rule reads in ``graphc/ops/derivatives.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from graphc.symbolic.steps import Argument, Reference, Step, Steps

_INFIX = {"add": ("+", 1), "subtract": ("-", 1), "multiply": ("*", 2), "divide": ("/", 2)}
_PREFIX = 3
_ATOM = 4
_COLUMNS = 100
_LONGEST = 50  # columns of an expression before it gets a name


def rule_text(name: str, operands: Sequence[str], attributes: Sequence[str],
              steps: Sequence[Steps]) -> str:  # fmt: skip
    """The source of a rule called ``name`` with the signature of ``Op.grad``."""
    lines = _heading(name, [*operands, *(["*", *attributes] if attributes else [])])
    used = {a for one in steps for s in one.steps for a in s.operands}
    used |= {a for one in steps for a in one.results}
    lines += ["    (g,) = cotangents"] if "g" in used else []
    lines += ["    (out,) = outputs"] if "out" in used else []
    results = []
    for position, one in enumerate(steps):
        definitions, result = _written(one, f"t{position}_" if len(steps) > 1 else "t")
        lines += [f"    {line}" for line in definitions]
        results.append(result)
    lines.append(f"    return [{', '.join(results)}]")
    return "\n".join(lines)


def _heading(name: str, parameters: Sequence[str]) -> list[str]:
    typed = [p if p == "*" else f"{p}: Any" for p in ("cotangents", "outputs", *parameters)]
    line = f"def {name}({', '.join(typed)}) -> Sequence[Any]:"
    if len(line) <= _COLUMNS:
        return [line]
    return [f"def {name}(", f"    {', '.join(typed)}", ") -> Sequence[Any]:"]


def _written(steps: Steps, prefix: str) -> tuple[list[str], str]:
    """Definitions of what is used more than once, and the expression of the only result."""
    uses = Counter(a.step for s in steps.steps for a in s.operands if isinstance(a, Reference))
    lines: list[str] = []
    texts: list[tuple[str, int]] = []

    def text_of(argument: Argument) -> tuple[str, int]:
        if isinstance(argument, Reference):
            return texts[argument.step]
        if isinstance(argument, float) and argument == int(argument):
            return repr(int(argument)), _ATOM
        return str(argument), _ATOM

    for position, step in enumerate(steps.steps):
        text, level = _expression(step, [text_of(a) for a in step.operands])
        if uses[position] > 1 or len(text) > _LONGEST:
            lines.append(f"{prefix}{position} = {text}")
            text, level = f"{prefix}{position}", _ATOM
        texts.append((text, level))
    (result,) = steps.results
    return lines, "None" if result == 0 else text_of(result)[0]


def _expression(step: Step, operands: Sequence[tuple[str, int]]) -> tuple[str, int]:
    if step.op in _INFIX:
        symbol, level = _INFIX[step.op]
        (left, left_level), (right, right_level) = operands
        left = f"({left})" if left_level < level else left
        right = f"({right})" if right_level <= level else right
        return f"{left} {symbol} {right}", level
    if step.op == "negative":
        text, level = operands[0]
        return f"-({text})" if level < _ATOM else f"-{text}", _PREFIX
    texts = [text for text, _ in operands]
    if step.op == "where" and not any(isinstance(a, Reference | str) for a in step.operands[1:]):
        texts[1] = f"call.constant({texts[1]}, g.dtype)"
    return f"call.{step.op}({', '.join(texts)})", _ATOM
