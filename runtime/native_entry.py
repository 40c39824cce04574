"""An entry's two native functions as Python callables, and what keeps their code in memory."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from runtime.jit import Library


class NativeEntry(NamedTuple):
    """``run`` takes a frame's address and gives a status, ``fill_sizes`` takes a table's address;
    ``address`` is that of ``run``'s code.

    Other Python threads run meanwhile.  The code is unmapped with the last reference to
    ``library``, so whoever may call has to hold this whole object.
    """

    address: int
    run: Callable[[int], int]
    fill_sizes: Callable[[int], None]
    library: Library


def find(library: Library, name: str) -> NativeEntry:
    """The entry ``name`` of ``library``; raises as ``Library.address`` does."""
    address = library.address(name)
    run = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(address)
    sizes = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(library.address(f"{name}.sizes"))
    return NativeEntry(address, run, sizes, library)
