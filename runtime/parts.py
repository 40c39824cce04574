"""A long module's text cut into shorter ones, which can be compiled at the same time.

Works on text as ``graphc.codegen`` writes it: a function begins with ``define`` at the beginning of
a line, which holds all of its head, and ends with a line ``}``.  Where the text is cut depends on
the text alone, so the code is the same on every machine.  Knows nothing of LLVM but its text.
"""

from __future__ import annotations

import re

_FUNCTION = re.compile(r"^define .*?^\}\n", re.MULTILINE | re.DOTALL)
_GLOBAL = re.compile(r'^(@(?:"[^"]*"|[-\w$.]+)) = (.*)$', re.MULTILINE)
_NAME = re.compile(r'@(?:"[^"]*"|[-\w$.]+)')
_PARAMETER = re.compile(r" %[\w.]+(?=[,)])")
_LINES = 1000  # a function of so many takes some 25 ms; a part more, about 1 ms


def cut(text: str) -> list[str]:
    """Modules that together are the module ``text``: each defines some of its functions.  What was
    internal can be seen from the others, and nothing else changes.

    >>> functions = "".join(f"define void @f{i}() {{\\n" + "\\n" * 600 + "}\\n" for i in range(4))
    >>> [part.count("define") for part in cut("@c = private constant i8 0\\n" + functions)]
    [2, 2]
    """
    functions = _FUNCTION.findall(text)
    groups = _groups(functions)
    around = _FUNCTION.sub("", text)
    constants = dict(_GLOBAL.findall(around))
    # Of what can be written to there must be one.
    if len(groups) < 2 or not all(
        c.startswith("private") and " constant " in c for c in constants.values()
    ):
        return [text]
    rest = _GLOBAL.sub("", around)
    heads = {_symbol(function): _declaration(function) for function in functions}
    return [_part(group, heads, constants, rest) for group in groups]


def _groups(functions: list[str]) -> list[list[str]]:
    """Neighbours together, until they are long enough."""
    groups: list[list[str]] = [[]]
    lines = 0
    for function in functions:
        if lines >= _LINES:
            groups.append([])
            lines = 0
        groups[-1].append(function)
        lines += function.count("\n")
    return groups


def _part(group: list[str], heads: dict[str, str], constants: dict[str, str], rest: str) -> str:
    own = {_symbol(function) for function in group}
    body = "".join(group).replace("define internal ", "define ")
    used = dict.fromkeys(_NAME.findall(body))
    globals_ = [f"{name} = {constants[name]}" for name in used if name in constants]
    others = [heads[name] for name in used if name in heads and name not in own]
    return "\n".join([*globals_, *others, rest, body])


def _symbol(function: str) -> str:
    found = _NAME.search(function)
    assert found is not None
    return found[0]


def _declaration(function: str) -> str:
    line = function[: function.index("\n")].replace("define internal ", "define ")
    signature = line[: line.rindex(")") + 1].replace("define ", "declare ", 1)
    return _PARAMETER.sub("", signature)
