"""The user's source lines: where a value was declared.

Responsible for finding the line of the user's file (or notebook cell) that called into graphc, and
for its text.  Knows nothing of tensors.  ``capture`` is called once a node and is kept cheap: it
walks frames by file name and reads no source; text is read when an error is shown.
"""

from __future__ import annotations

import linecache
import os
import sys
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Location:
    """A line of the user's file (as shown, e.g. ``train.py``) and its text where it is known.

    ``path`` is where the text is found; it is empty for locations read from a graph's text, and
    takes no part in equality, so that a graph that was printed and read again is the same graph.
    """

    file: str
    line: int
    path: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return f'"{self.file}":{self.line}'

    @property
    def short(self) -> str:
        """``train.py:9``, as errors and reports show it."""
        return f"{self.file}:{self.line}"

    @property
    def text(self) -> str:
        """The source line, stripped; ``""`` where the source is not at hand."""
        return linecache.getline(self.path, self.line).strip() if self.path else ""


def _directory(file: str | None) -> str:
    return os.path.dirname(os.path.abspath(file or ".")) + os.sep


# Frames of these are never the user's.  NumPy is passed over because ``np.exp(x)`` may reach a
# Tensor through Python frames of NumPy's dispatch, one of which has this made-up file name; frozen
# are the modules of Python that start a program.
_PASSED_OVER = (
    _directory(__file__), _directory(np.__file__), "<__array_function__ internals>", "<frozen ",
)  # fmt: skip

_override: ContextVar[Location | None] = ContextVar("graphc_location", default=None)
_known: dict[tuple[str, int], Location] = {}
_MOST_KNOWN = 1 << 16


def capture() -> Location | None:
    """The line outside graphc from which it was called, or the one set by ``at``.

    ``None`` when every frame is graphc's own.  In a notebook the file is shown as ``In[3]``.
    """
    overridden = _override.get()
    if overridden is not None:
        return overridden
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PASSED_OVER):
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return None
    key = (frame.f_code.co_filename, frame.f_lineno)
    known = _known.get(key)
    return known if known is not None else _locate(*key)


def _locate(path: str, line: int) -> Location:
    cell = _notebook_cell(path)
    if cell is not None:  # not remembered: the same text run again is another cell
        return Location(cell, line, path)
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    location = Location(os.path.basename(path) or path, line, path)
    _known[path, line] = location
    return location


def _notebook_cell(path: str) -> str | None:
    """``In[3]`` where ``path`` is a cell of the running IPython, which is never imported here."""
    module = sys.modules.get("IPython")
    shell: Any = module.get_ipython() if module is not None else None
    name_of = getattr(getattr(shell, "compile", None), "format_code_name", None)
    named = name_of(path) if name_of is not None else None
    return str(named[1]) if named else None


def is_set() -> bool:
    """Whether ``at`` says where nodes come from, so that they are not the user's own calls."""
    return _override.get() is not None


class at:  # noqa: N801
    """Within it every ``capture`` gives ``location``; ``None`` changes nothing.

    Autodiff uses it so that the nodes of a gradient carry the line of the forward node, passes so
    that what they make points to what it replaces.

    >>> with at(Location("train.py", 9)):
    ...     capture().short
    'train.py:9'
    """

    __slots__ = ("_location", "_token")

    def __init__(self, location: Location | None) -> None:
        self._location = location

    def __enter__(self) -> None:
        self._token = _override.set(self._location or _override.get())

    def __exit__(self, *_: object) -> None:
        _override.reset(self._token)
