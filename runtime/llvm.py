"""LLVM: the text of a module to its object file or assembly, and what it calls this machine.

Calls the C functions of llvmlite's library as they are: llvmlite's own modules take longer to
import than the library to load, and let one thread at a time into LLVM, where modules of different
contexts have nothing in common.  Knows nothing of caches, programs and linking.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from runtime import processor
from runtime.once import Once

_NAMES = {"darwin": "libllvmlite.dylib", "win32": "llvmlite.dll"}
_LEVEL = 3  # of code generation
_ASSEMBLY, _OBJECT = 0, 1
_P, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_OUT = ctypes.POINTER(ctypes.c_void_p)
# What each function returns, then what it takes; llvmlite 0.45 and later.
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "InitializeNativeTarget": (None,),
    "InitializeNativeAsmPrinter": (None,),
    "InitializeAllTargetInfos": (None,),
    "InitializeAllTargets": (None,),
    "InitializeAllTargetMCs": (None,),
    "InitializeAllAsmPrinters": (None,),
    "GetDefaultTargetTriple": (None, _OUT),
    "GetHostCPUName": (None, _OUT),
    "GetHostCPUFeatures": (_INT, _OUT),
    "SetCommandLine": (None, _TEXT, _TEXT),
    "DisposeString": (None, _P),
    "GetTargetFromTriple": (_P, _TEXT, _OUT),
    "CreateTargetMachine": (_P, _P, *[_TEXT] * 3, _INT, *[_TEXT] * 2, _INT, _INT, _TEXT),
    "DisposeTargetMachine": (None, _P),
    "CreateTargetMachineData": (_P, _P),
    "CopyStringRepOfTargetData": (None, _P, _OUT),
    "DisposeTargetData": (None, _P),
    "ContextCreate": (_P,),
    "ContextDispose": (None, _P),
    "ParseAssembly": (_P, _P, _TEXT, _OUT),
    "SetTarget": (None, _P, _TEXT),
    "SetDataLayout": (None, _P, _TEXT),
    "VerifyModule": (_INT, _P, _OUT),
    "DisposeModule": (None, _P),
    "TargetMachineEmitToMemory": (_P, _P, _P, _INT, _OUT),
    "GetBufferStart": (_P, _P),
    "GetBufferSize": (ctypes.c_size_t, _P),
    "DisposeMemoryBuffer": (None, _P),
}


class Machine:
    """LLVM's target machine for a triple, a processor and its features.  One thread at a time uses
    it.  ``RuntimeError`` where LLVM knows no such target."""

    def __init__(self, triple: str, cpu: str, features: str) -> None:
        call = _functions()
        if triple != host()[0]:
            _initialize_all()
        self._triple = triple.encode()
        with _Message() as message:
            target = call["GetTargetFromTriple"](self._triple, message.place)
            if not target:
                raise RuntimeError(str(message))
        named = (self._triple, cpu.encode(), features.encode())
        # Neither machine code printed, nor an ABI of another name; for code that is run at once.
        how = (_LEVEL, b"pic", b"small", 0, 1, b"")
        self._machine = call["CreateTargetMachine"](target, *named, *how)
        if not self._machine:
            raise RuntimeError(f"LLVM has no target machine for {cpu} of {triple}")
        data = call["CreateTargetMachineData"](self._machine)
        with _Message() as message:
            call["CopyStringRepOfTargetData"](data, message.place)
            self._layout = str(message).encode()
        call["DisposeTargetData"](data)

    def dispose(self) -> None:
        """It is not used any more."""
        _functions()["DisposeTargetMachine"](self._machine)

    def object_file(self, text: str) -> bytes:
        """The object file of a module's ``text``; ``RuntimeError`` says what is wrong with it."""
        return self._made(text, _OBJECT)

    def assembly(self, text: str) -> str:
        """The assembly of a module's ``text``, as ``object_file``."""
        return self._made(text, _ASSEMBLY).decode()

    def _made(self, text: str, form: int) -> bytes:
        call = _functions()
        with _module(text) as module, _Message() as message:
            call["SetTarget"](module, self._triple)
            call["SetDataLayout"](module, self._layout)
            if call["VerifyModule"](module, message.place):
                raise RuntimeError(str(message))
            with _addresses_as_they_are(), _Message() as failure:
                buffer = call["TargetMachineEmitToMemory"](
                    self._machine, module, form, failure.place
                )
                if not buffer:
                    raise RuntimeError(str(failure))
        try:
            start, size = call["GetBufferStart"](buffer), call["GetBufferSize"](buffer)
            return ctypes.string_at(start, size)
        finally:
            call["DisposeMemoryBuffer"](buffer)


def load() -> None:
    """Load the library, unless it is loaded; other functions do it when they are called."""
    _functions()


def is_loaded() -> bool:
    """Whether the library is loaded."""
    return _functions.is_made


def host() -> tuple[str, str, dict[str, bool]]:
    """This machine's triple, the name of its processor, and which features that has."""
    call = _functions()
    said = []
    for name in ("GetDefaultTargetTriple", "GetHostCPUName", "GetHostCPUFeatures"):
        with _Message() as message:
            call[name](message.place)
            said.append(str(message))
    triple, cpu, features = said
    return triple, cpu, {f[1:]: f[0] == "+" for f in features.split(",") if f}


class _Message:
    """A place for a text of LLVM's, which is freed at the end of the ``with``."""

    def __init__(self) -> None:
        self._text = ctypes.c_void_p()
        self.place = ctypes.byref(self._text)

    def __enter__(self) -> _Message:
        return self

    def __exit__(self, *_: object) -> None:
        if self._text:
            _functions()["DisposeString"](self._text)

    def __str__(self) -> str:
        return ctypes.string_at(self._text.value).decode() if self._text.value else ""


@contextmanager
def _module(text: str) -> Iterator[int]:
    """The module of ``text``, in a context of its own: those of modules that are compiled at the
    same time are to be apart."""
    call = _functions()
    context = call["ContextCreate"]()
    try:
        with _Message() as message:
            module = call["ParseAssembly"](context, text.encode(), message.place)
            if not module:
                raise RuntimeError(f"LLVM IR parsing error\n{message}")
        try:
            yield module
        finally:
            call["DisposeModule"](module)
    finally:
        call["ContextDispose"](context)


class _Switched:
    """How many threads want LLVM's switches as they are."""

    lock = threading.Lock()
    users = 0


@contextmanager
def _addresses_as_they_are() -> Iterator[None]:
    """Without LLVM's loop strength reduction.  Up to four fifths of the time of a kernel go there,
    on addresses that are bases, steps and constant offsets already: its code is no faster for it.
    The switch is the whole process's, so it is set back for other users of LLVM."""
    switch = _functions()["SetCommandLine"]
    with _Switched.lock:
        if not _Switched.users:
            switch(b"graphc", b"-disable-lsr=true")
        _Switched.users += 1
    try:
        yield
    finally:
        with _Switched.lock:
            _Switched.users -= 1
            if not _Switched.users:
                switch(b"graphc", b"-disable-lsr=false")


@Once
def _functions() -> dict[str, Callable[..., Any]]:
    """The functions of the library, which is loaded now if it is not, ready for this machine."""
    path = os.path.join(processor.library_folder(), _NAMES.get(sys.platform, "libllvmlite.so"))
    if os.name == "posix":
        # ctypes keeps Python's lock while it loads a library, but not while it calls what does.
        open_ = ctypes.CDLL(None).dlopen
        open_.restype, open_.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
        open_(os.fsencode(path), os.RTLD_NOW)
    library = ctypes.CDLL(path)
    functions: dict[str, Callable[..., Any]] = {}
    for name, (result, *arguments) in _FUNCTIONS.items():
        function = functions[name] = library[f"LLVMPY_{name}"]
        function.restype, function.argtypes = result, arguments
    functions["InitializeNativeTarget"]()
    functions["InitializeNativeAsmPrinter"]()
    return functions


@cache
def _initialize_all() -> None:
    """Make every target known that the library was built with."""
    for name in ("TargetInfos", "Targets", "TargetMCs", "AsmPrinters"):
        _functions()[f"InitializeAll{name}"]()
