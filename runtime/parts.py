"""A long module's text cut into shorter ones, which can be compiled at the same time.

Works on text as ``graphc.codegen`` writes it: a function begins with ``define`` at the beginning of
a line, which holds all of its head, and ends with a line ``}``.  Where the text is cut depends on
the text alone, so the code is the same on every machine.  Knows nothing of LLVM but its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_END = "\n}\n"
_HEAD = re.compile(r"^define ", re.MULTILINE)
_GLOBAL = re.compile(r'^(@(?:"[^"]*"|[-\w$.]+)) = (.*)$', re.MULTILINE)
_NAME = re.compile(r'@(?:"[^"]*"|[-\w$.]+)')
_DECLARATION = re.compile(r"^declare .*$", re.MULTILINE)
_PARAMETER = re.compile(r" %[\w.]+(?=[,)])")
LINES = 1000  # a function of so many takes some 25 ms; a part more, about 1 ms


def cut(text: str) -> list[str]:
    """Modules that together are the module ``text``: each defines some of its functions.  What was
    internal can be seen from the others, and nothing else changes.

    >>> functions = "".join(f"define void @f{i}() {{\\n" + "\\n" * 600 + "}\\n" for i in range(4))
    >>> [part.count("define") for part in cut("@c = private constant i8 0\\n" + functions)]
    [2, 2]
    """
    functions, around = _separated(text)
    groups = _groups(functions)
    constants = dict(_GLOBAL.findall(around))
    if len(groups) < 2 or not all(map(_is_plain, constants.values())):
        return [text]
    around = _GLOBAL.sub("", around)
    heads = {symbol(line): line for line in _DECLARATION.findall(around)}
    rest = [line for line in _DECLARATION.sub("", around).split("\n") if line]
    heads.update((symbol(function), head(function)) for function in functions)
    return [part(group, heads, constants, rest) for group in groups]


def _separated(text: str) -> tuple[list[str], str]:
    """The functions of a module, and all that is around them."""
    functions, around = [], []
    *pieces, last = text.split(_END)
    for piece in pieces:
        head = _HEAD.search(piece)
        if head is None:
            around.append(piece + _END)
            continue
        around.append(piece[: head.start()])
        functions.append(piece[head.start() :] + _END)
    return functions, "".join([*around, last])


def _is_plain(global_: str) -> bool:
    """Whether there may be several: it is not written to, and refers to nothing."""
    return global_.startswith("private ") and " constant " in global_ and "@" not in global_


def _groups(functions: list[str]) -> list[list[str]]:
    """Neighbours together, until they are long enough."""
    groups: list[list[str]] = [[]]
    lines = 0
    for function in functions:
        if lines >= LINES:
            groups.append([])
            lines = 0
        groups[-1].append(function)
        lines += function.count("\n")
    return groups


def part(
    functions: Iterable[str],
    heads: Mapping[str, str],
    constants: Mapping[str, str],
    rest: Iterable[str],
) -> str:
    """The module that defines ``functions`` alone.  ``heads`` declare others, ``constants`` are
    what follows ``name =``, both by name; what is not used is left out.  ``rest`` is added."""
    functions = list(functions)
    own = set(map(symbol, functions))
    body = "".join(functions).replace("define internal ", "define ")
    used = dict.fromkeys(_NAME.findall(body))
    globals_ = [f"{name} = {constants[name]}" for name in used if name in constants]
    others = [heads[name] for name in used if name in heads and name not in own]
    return "\n".join([*globals_, *others, *rest, body])


def symbol(text: str) -> str:
    """The first name in the text, that of what a function or a declaration is about."""
    found = _NAME.search(text)
    assert found is not None
    return found[0]


def head(function: str) -> str:
    """The declaration of a function."""
    line = function[: function.index("\n")].replace("define internal ", "define ")
    signature = line[: line.rindex(")") + 1].replace("define ", "declare ", 1)
    return _PARAMETER.sub("", signature)
