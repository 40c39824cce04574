"""Executable: a program made ready to run, with its state."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from runtime import pool
from runtime.entry_point import EntryPoint
from runtime.errors import ProgramError, StateError
from runtime.memory import aligned_empty
from runtime.naming import suggestion
from runtime.native_call import claim
from runtime.native_entry import find
from runtime.preparation import Help
from runtime.program import Entry, Program
from runtime.state import State
from runtime.validation import validate
from runtime.workspace import Workspaces

if TYPE_CHECKING:
    from runtime.jit import Library

_LEVELS = ("avx512", "avx2", "baseline")  # of x86-64; other processors have one level


class Executable:
    """A program compiled for this machine, its parameters, and its entries to call.

    ``exe.step(x=batch)`` calls the entry ``step``; ``exe.entries["step"]`` is the same and works
    for any name.  A program with one entry is called directly: ``exe(x=batch)``.

    ``state`` shares the parameters of another executable; parameters it lacks are added with
    their initial values.  ``target`` names one of the program's texts instead of the best this
    machine can run.  ``threads`` is the most threads a call may use: unless given, what
    $GRAPHC_NUM_THREADS says, else the processors this process may run on.  Results do not depend
    on it.
    ``poison`` surrounds all memory by guard bands and fills it with NaNs, for tests: slow.

    Raises ``ProgramError`` for a program that is not consistent or has no text for this machine,
    ``StateError`` where program and state disagree on a parameter.
    """

    # An object's own, so that calling it runs no Python code; see ``EntryPoint``.
    __slots__ = ("__call__", "__dict__", "__weakref__")
    __call__: Callable[..., Any]

    def __init__(
        self,
        program: Program,
        state: State | None = None,
        threads: int | None = None,
        *,
        target: str | None = None,
        poison: bool = False,
    ) -> None:
        if not isinstance(state, State | None):
            kind = type(state).__name__
            raise StateError(f"state should be that of an executable, as exe.state, not {kind}")
        validate(program)
        self.program = program
        self.threads = pool.thread_count(threads)
        self.target, self._library = _compiled(program, target)
        self.state = State() if state is None else state
        self.state.extend(program.parameters, program.initial)
        self._help = Help(self.threads)
        self._workspaces = Workspaces(poison, claim)
        self._constants = {name: _aligned(value) for name, value in program.constants.items()}
        self.entries: Mapping[str, EntryPoint] = {
            entry.name: self._entry_point(entry) for entry in program.entries
        }
        if len(self.entries) == 1:
            next(iter(self.entries.values())).lend_call(self)
        else:
            self.__call__ = _refusal(program.name, self.entries)
        for name, entry in self.entries.items():
            # Not asked of the object, whose __getattr__ would look for names like it.
            if name not in self.__dict__ and not hasattr(type(self), name):
                setattr(self, name, entry)

    def __getattr__(self, name: str) -> EntryPoint:
        """Entries are ordinary attributes, unless they would hide one; this names what is not."""
        entries: Mapping[str, EntryPoint] = self.__dict__.get("entries", {})
        hint = "" if name.startswith("__") else suggestion(name, entries)
        raise AttributeError(f"no entry is named {name!r}{hint}", name=name, obj=self)

    def __repr__(self) -> str:
        return f"<executable {self.program.name}: {', '.join(self.entries)}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{self!r} holds native code and cannot be pickled or copied; save(path) writes it, "
            f"and runtime.load(path) reads it, in another process too"
        )

    @property
    def native_calls(self) -> int:
        """Calls into native code so far, of all entries."""
        return sum(entry.calls for entry in self.entries.values())

    @property
    def arena_high_water(self) -> int:
        """The most bytes of the arena written to; counted with ``poison`` alone."""
        return self._workspaces.high_water()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the program with the parameters' present values; ``runtime.load`` reads it."""
        with self.state.lock:
            values = {spec.name: self.state[spec.name] for spec in self.program.parameters}
        replace(self.program, initial=values).save(path)

    def _entry_point(self, entry: Entry) -> EntryPoint:
        try:
            native = find(self._library, entry.name)
        except (KeyError, ValueError, RuntimeError) as error:
            raise ProgramError(
                f"{self.program.name}: its code lacks entry {entry.name!r} ({error})"
            ) from error
        return EntryPoint(
            entry, native, self.state, self._constants, self._workspaces, self._help
        )


def load(
    path: str | os.PathLike[str], state: State | None = None, threads: int | None = None
) -> Executable:
    """The executable saved at ``path``, ready to run without the compiler.

    The file holds native code: load only what you would run.  Raises ``OSError``, ``ProgramError``
    for a file that is damaged or of another version, ``StateError`` as ``Executable`` does.
    """
    return Executable(Program.load(path), state, threads)


def _refusal(program: str, entries: Iterable[str]) -> Callable[..., Any]:
    """What calling a program of several entries does."""
    listed = ", ".join(entries)

    def refuse(*positional: Any, **named: Any) -> Any:
        raise TypeError(f"{program} has the entries {listed}: call one of them")

    return refuse


def _compiled(program: Program, wanted: str | None) -> tuple[str, Library]:
    """The name of the text used and its native code."""
    from runtime import jit

    host = jit.host_target()
    name = wanted or _best_text(program, host.name)
    if name not in program.llvm:
        raise ProgramError(f"{program.name}: no text for {name!r}{suggestion(name, program.llvm)}")
    if name not in _runnable(host.name):
        raise ProgramError(
            f"{program.name}: its text for {name} has instructions that this machine "
            f"({host.name}) lacks"
        )
    # A text of the host's own level is compiled for the very processor.
    level = host if name == host.name else name
    try:
        return name, jit.compile(program.llvm[name], level)
    except RuntimeError as error:
        raise ProgramError(f"{program.name}: its LLVM text is not valid: {error}") from error


def _best_text(program: Program, host: str) -> str:
    """The text for the host's level or the next below."""
    for name in _runnable(host):
        if name in program.llvm:
            return name
    raise ProgramError(
        f"{program.name}: has code for {', '.join(program.llvm)}, which this machine ({host}) "
        f"cannot run"
    )


def _runnable(host: str) -> Sequence[str]:
    """The levels that a machine of level ``host`` runs, its own first."""
    return _LEVELS[_LEVELS.index(host) :] if host in _LEVELS else (host,)


def _aligned(value: np.ndarray) -> np.ndarray:
    copy = aligned_empty(value.shape, value.dtype)
    copy[...] = value
    return copy
