"""The name of the variable that a result is about to be assigned to.

Responsible for reading ``scores`` out of the user's ``scores = x @ w``, so that graphs and errors
speak of ``%scores``.  It looks at the one instruction after the call, in frames of the user's only;
where that is no plain assignment there is no name.
"""

from __future__ import annotations

import os
import sys
from opcode import opmap
from types import CodeType, FrameType

import numpy as np

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
# Operators and NumPy's dispatch stand between the user and an op; other files of graphc make
# tensors that are not the user's.
_BETWEEN = (
    _HERE + "tensor.py",
    _HERE + "numpy_protocol.py",
    os.path.dirname(np.__file__),
    "<__arr",
)

_CACHE, _EXTENDED, _COPY = opmap["CACHE"], opmap["EXTENDED_ARG"], opmap["COPY"]
_LOCAL = opmap["STORE_FAST"]
_NAMED = (opmap["STORE_NAME"], opmap["STORE_GLOBAL"])
_TWO_LOCALS = [opmap[n] for n in ("STORE_FAST_STORE_FAST", "STORE_FAST_LOAD_FAST") if n in opmap]

_known: dict[tuple[CodeType, int], str | None] = {}
_MOST_KNOWN = 1 << 16


def assigned_name() -> str | None:
    """The variable to which the user assigns the call now running, that of the caller of this
    function.

    >>> def call():
    ...     return assigned_name()
    >>> scores = call()
    >>> scores
    'scores'
    >>> call() is None
    True
    """
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(_BETWEEN):
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename.startswith(_HERE):
        return None
    key = (frame.f_code, frame.f_lasti)
    if key not in _known:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[key] = _stored_after(*key)
    return _known[key]


def _stored_after(code: CodeType, place: int) -> str | None:
    """The name stored to by the instruction after the one at ``place``."""
    text = code.co_code
    argument = 0
    for at in range(place + 2, len(text), 2):
        operation, argument = text[at], argument << 8 | text[at + 1]
        if operation == _EXTENDED:
            continue
        if operation not in (_CACHE, _COPY):
            return _name_of(code, operation, argument)
        argument = 0
    return None


def _name_of(code: CodeType, operation: int, argument: int) -> str | None:
    names: tuple[str, ...] = ()
    if operation in _NAMED:
        names = code.co_names
    elif operation == _LOCAL or operation in _TWO_LOCALS:
        names = code.co_varnames
        argument = argument if operation == _LOCAL else argument >> 4
    name = names[argument] if argument < len(names) else "_"
    return name if name.isidentifier() and not name.startswith("_") else None
