"""The usual call of an entry without Python code on the way, by ``native/call.ll``.

Keeps, for each entry, the tables which that code reads: what the entry takes, and a record of each
of its last calls with the sizes, frame and arena found for it by the Python path.  Decides nothing
that the Python path does not: a call that is like none of the records is made there.

Needs CPython with its global lock; elsewhere every call is made by the Python path.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from runtime import native
from runtime.binding import Binding, Shape
from runtime.memory import address_of
from runtime.once import Once
from runtime.program import FRAME_BUFFERS, Entry, TensorSpec
from runtime.state import State
from runtime.workspace import Frame, Workspace

if TYPE_CHECKING:
    from runtime.jit import Library

_RECORD, _PYTHON_PATH, _CALLS = 0, 1, 11  # words of %head
_METHOD_FLAGS = 0x0080 | 0x0002  # METH_FASTCALL | METH_KEYWORDS
_MOST_BUFFERS = 64
_RECORDS_KEPT = 8
_LARGEST_KEPT_OUTPUT = 256 << 10
# Below this, letting other threads run costs more than it gives.
_SHORT_SECONDS = 10e-6
_PER_SECOND = 2e10  # flops or bytes, roughly and of any one core
_SYMBOLS = """
PyTuple_GetItem PyTuple_Size PyLong_AsVoidPtr PyObject_Vectorcall PyObject_CallNoArgs
PyObject_Type PyObject_GetBuffer PyBuffer_Release
PyDict_New PyDict_Size PyDict_SetItem PyDict_GetItem PyList_GetItem PyList_SetItem
PyEval_SaveThread PyEval_RestoreThread PyErr_Clear Py_IncRef Py_DecRef
""".split()
_OUT = sys.intern("out")


class _Method(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    ]


class _Code(NamedTuple):
    """The linked text; ``claim`` takes the word at an address if nobody has it."""

    library: Library
    claim: Callable[[int], int]
    method: _Method


def claim(address: int) -> bool:
    """Take the word at ``address``, which native code may take at the same time; whether it was
    free.  Where no native code takes any, it is: there are no records before the code is linked."""
    code = link() if link.is_made else None
    if code is not None:
        return bool(code.claim(address))
    ctypes.c_int64.from_address(address).value = 1
    return True


@Once
def link() -> _Code | None:
    """``call.ll``, linked once for the process; ``None`` where it cannot work."""
    if not _is_known_python():
        return None
    from runtime import jit

    text = native.text("call.ll")
    python = ctypes.pythonapi
    symbols = {
        name: ctypes.cast(getattr(python, name), ctypes.c_void_p).value or 0 for name in _SYMBOLS
    }
    try:
        library = jit.compile(text, symbols=symbols)
    except RuntimeError:
        return None
    take = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(library.address("graphc.claim"))
    call = library.address("graphc.call")
    return _Code(library, take, _Method(b"entry", call, _METHOD_FLAGS, b"A call of an entry."))


def _is_known_python() -> bool:
    """Whether objects and their reference counts are as ``call.ll`` takes them to be."""
    if sys.implementation.name != "cpython" or "t" in getattr(sys, "abiflags", ""):
        return False
    if sys.byteorder != "little" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    probe = object()
    once = ctypes.c_int32.from_address(id(probe)).value
    again = probe
    twice = ctypes.c_int32.from_address(id(again)).value
    return (once, twice) == (1, 2)


class _Record:
    """A call that was made, as ``%record`` of the native text, with all that it points to."""

    def __init__(
        self, entry: Entry, shapes: Sequence[Shape], binding: Binding, place: _Place
    ) -> None:
        inputs = _forms(entry.inputs, shapes)
        outputs = _forms(entry.outputs, binding.output_shapes)
        results = zip(entry.outputs, binding.output_shapes, strict=True)
        self.lists = [_kept(spec, shape) for spec, shape in results]
        sources = [
            (id(maker), 0 if kept is None else id(kept), 0)
            for maker, kept in zip(binding.output_makers, self.lists, strict=True)
        ]
        self.sources = np.array(sources or [(0, 0, 0)], np.int64)
        self.binding, self.place = binding, place
        self.forms = (inputs, outputs)
        self.words = np.array(
            [
                0,
                id(self),
                place.frame.address,
                place.workspace.claim,
                place.workspace.arena.place,
                binding.arena_bytes,
                binding.address,
                _is_long(entry, binding),
                address_of(inputs),
                address_of(outputs),
                address_of(self.sources),
            ],
            np.int64,
        )
        self.address = address_of(self.words)

    @property
    def key(self) -> tuple[int, int]:
        """What no other record of the entry is about."""
        return (id(self.binding), id(self.place.workspace))


class _Place(NamedTuple):
    """Where a call was made."""

    workspace: Workspace
    frame: Frame


class NativeCall:
    """The tables of one entry.  The Python path makes the calls that are like no record, and may
    ``note`` the call it has made."""

    def __init__(self, entry: Entry, run: int, state: State) -> None:
        self._entry = entry
        self._noting = threading.Lock()
        self._records: dict[tuple[int, int], _Record] = {}
        inputs = [sys.intern(spec.name) for spec in entry.inputs]
        outputs = [sys.intern(spec.name) for spec in entry.outputs]
        names = [np.array([*map(id, given), 0], np.int64) for given in (inputs, outputs)]
        parameters = [state.buffer(name) for name in entry.parameters]
        places = [(address_of(p), address_of(p) + p.nbytes) for p in parameters] or [(0, 0)]
        ranges = np.array(places, np.int64)
        self._held = (state, inputs, outputs, names, ranges)
        self._words = np.array(
            [
                0,
                0,
                id(np.ndarray),
                id(dict),
                len(inputs),
                len(outputs),
                FRAME_BUFFERS + len(inputs) + len(entry.parameters) + len(entry.constants),
                entry.single_output,
                0 if "out" in inputs else id(_OUT),
                state.lock_place if entry.updated else 0,
                run,
                0,
                id(False),
                id(True),
                len(parameters),
                *map(address_of, (*names, ranges)),
            ],
            np.int64,
        )

    @property
    def calls(self) -> int:
        """How often native code was called from here."""
        return int(self._words[_CALLS])

    def method(self, python_path: Callable[..., Any]) -> Callable[..., Any]:
        """A built-in function that makes the calls, and holds ``python_path``, which has to hold
        these tables; ``python_path`` itself where there is no such function."""
        code = link()
        if code is None or len(self._entry.inputs) + len(self._entry.outputs) > _MOST_BUFFERS:
            return python_path
        self._words[_PYTHON_PATH] = id(python_path)
        new = ctypes.pythonapi.PyCFunction_NewEx
        new.restype = ctypes.py_object
        new.argtypes = (ctypes.POINTER(_Method), ctypes.py_object, ctypes.py_object)
        owner = (address_of(self._words), python_path)
        made: Callable[..., Any] = new(ctypes.byref(code.method), owner, None)
        return made

    def note(
        self, shapes: Sequence[Shape], binding: Binding, workspace: Workspace, frame: Frame
    ) -> None:
        """Calls with inputs of ``shapes`` may from now on be made natively, in ``workspace``."""
        key = (id(binding), id(workspace))
        if self._words[_RECORD] and key in self._records:
            return
        # Never waits: the thread that holds it may be the one that a signal interrupted.
        if not self._noting.acquire(blocking=False):
            return
        try:
            record = self._records.pop(key, None) or _Record(
                self._entry, shapes, binding, _Place(workspace, frame)
            )
            records = [*self._records.values(), record][-_RECORDS_KEPT:]
            self._link(records)
            self._records = {record.key: record for record in records}
        finally:
            self._noting.release()

    def forget(self) -> None:
        """Until the next ``note`` all calls are made by the Python path."""
        self._words[_RECORD] = 0

    def _link(self, records: Sequence[_Record]) -> None:
        """Make ``records`` those that native code looks at, the last one first."""
        following = 0
        for record in records:
            record.words[0] = following
            following = record.address
        self._words[_RECORD] = following


def _forms(specs: Sequence[TensorSpec], shapes: Sequence[Shape]) -> np.ndarray:
    """``%form`` of each buffer, one after the other."""
    words = []
    for spec, shape in zip(specs, shapes, strict=True):
        probe = np.empty((), spec.dtype)
        kind = ord(memoryview(probe.data).format)
        bytes_ = int(np.prod(shape, dtype=np.int64)) * probe.itemsize
        words += [5 + len(shape), kind, probe.dtype.alignment - 1, bytes_, len(shape), *shape]
    return np.array(words or [0], np.int64)


def _kept(spec: TensorSpec, shape: Shape) -> list[None] | None:
    """A place for two outputs that may be used again, where that keeps little memory."""
    nbytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(spec.dtype).itemsize
    return [None, None] if nbytes <= _LARGEST_KEPT_OUTPUT else None


def seconds(entry: Entry, binding: Binding) -> float:
    """About how long a call takes by one thread."""
    work = sum(binding.size(k.flops) + binding.size(k.bytes) for k in entry.kernels)
    return work / _PER_SECOND


def _is_long(entry: Entry, binding: Binding) -> bool:
    """Whether a call takes long enough to let other threads of Python run."""
    return not entry.kernels or seconds(entry, binding) > _SHORT_SECONDS
