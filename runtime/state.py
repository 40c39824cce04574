"""The parameters' values, which outlive the programs that use them.

Each parameter owns an aligned buffer that never moves, so that native code may keep its address.
Knows nothing of entries or of native code.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

import numpy as np

from runtime.conversion import conform
from runtime.errors import InputError, StateError, UnknownParameterError
from runtime.memory import Guarded, address_of
from runtime.naming import suggestion
from runtime.program import TensorSpec


class State(Mapping[str, np.ndarray]):
    """Parameters by name.

    Reading (``state["w"]``) gives a copy; ``view`` gives the live memory, read-only.  Writing
    (``state["w"] = array``) demands the parameter's dtype and shape and copies into its buffer.
    Executables that share a state see each other's updates.  ``lock`` is held by whoever writes.

    >>> state = State()
    >>> state.add(TensorSpec("w", "float32", (2,)), np.ones(2, np.float32))
    >>> state["w"] = [3, 4]
    >>> state["w"]
    array([3., 4.], dtype=float32)
    """

    def __init__(self) -> None:
        self._lock_words = np.zeros(2, np.int64)
        self.lock_place = address_of(self._lock_words)
        self.renew_lock()
        self._buffers: dict[str, Guarded] = {}
        self._arrays: dict[str, np.ndarray] = {}
        self._specs: dict[str, TensorSpec] = {}
        _STATES.add(self)

    def add(self, spec: TensorSpec, initial: np.ndarray) -> None:
        """Adds a parameter with its first value.  One that is here already keeps its value, and
        must have the same dtype and shape: ``StateError`` otherwise."""
        if spec.name in self._specs:
            _check_same(self._specs[spec.name], spec)
            return
        array = _conform(spec, initial)
        buffer = Guarded(array.nbytes)
        values = buffer.bytes.view(spec.dtype).reshape(array.shape)
        values[...] = array
        self._specs[spec.name] = spec
        self._buffers[spec.name] = buffer
        self._arrays[spec.name] = values

    def adopt(self, spec: TensorSpec, buffer: Guarded) -> None:
        """Adds a parameter that lives in ``buffer``, which others may use, too.  One of this name
        must live there already: ``StateError`` otherwise."""
        if spec.name in self._specs:
            if self._buffers[spec.name] is not buffer:
                raise StateError(f"parameter {spec.name!r} is here already, in other memory")
            return
        self._specs[spec.name] = spec
        self._buffers[spec.name] = buffer
        sizes = tuple(int(size) for size in spec.shape)
        self._arrays[spec.name] = buffer.bytes.view(spec.dtype).reshape(sizes)

    def extend(self, specs: Iterable[TensorSpec], initial: Mapping[str, np.ndarray]) -> None:
        """``add`` for several parameters, all or none."""
        wanted = list(specs)
        for spec in wanted:
            if spec.name in self._specs:
                _check_same(self._specs[spec.name], spec)
        for spec in wanted:
            self.add(spec, initial[spec.name])

    def renew_lock(self) -> None:
        """Replaces ``lock``.  At ``lock_place`` are its methods, as native code calls them."""
        self.lock = threading.RLock()
        methods = (self.lock.acquire, self.lock.release)
        self._lock_words[:] = [id(method) for method in methods]
        self._lock_methods = methods

    def __getitem__(self, name: str) -> np.ndarray:
        return self._array(name).copy()

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __eq__(self, other: object) -> bool:
        # Mapping compares values, which for arrays has no answer; two states are two states.
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        listed = ", ".join(f"{name}: {_described(spec)}" for name, spec in self._specs.items())
        return f"State({listed})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a state owns memory that programs use, and cannot be pickled or copied; snapshot() "
            "gives its values"
        )

    def view(self, name: str) -> np.ndarray:
        """The parameter's live memory, read-only: it changes with each update."""
        view = self._array(name).view()
        view.flags.writeable = False
        return view

    def update(self, values: Mapping[str, Any]) -> None:
        """Writes several parameters, all or none: every value is checked before the first write.

        Raises ``UnknownParameterError``, and ``StateError`` for a dtype or shape that differs.
        """
        for name in values:
            self._array(name)
        checked = {name: _conform(self._specs[name], value) for name, value in values.items()}
        with self.lock:
            checked = {name: self._apart(array) for name, array in checked.items()}
            for name, array in checked.items():
                self._arrays[name][...] = array

    def snapshot(self) -> dict[str, np.ndarray]:
        """Copies of all values, for ``restore``."""
        with self.lock:
            return {name: array.copy() for name, array in self._arrays.items()}

    def restore(self, snapshot: Mapping[str, np.ndarray]) -> None:
        """Writes back what ``snapshot`` gave, all or none; every parameter must be in it."""
        missing = [name for name in self._arrays if name not in snapshot]
        if missing:
            raise StateError(f"the snapshot lacks {', '.join(map(repr, missing))}")
        self.update(snapshot)

    def specs(self) -> tuple[TensorSpec, ...]:
        """Name, dtype, shape and user's line of each parameter."""
        return tuple(self._specs.values())

    def check_guards(self) -> None:
        """Raises ``GuardError`` when anything wrote beyond a parameter's buffer."""
        for name, buffer in self._buffers.items():
            buffer.check(f"parameter {name!r}")

    def buffer(self, name: str) -> np.ndarray:
        """The live, writable memory, for native code; everyone else uses ``[]`` or ``view``."""
        return self._array(name)

    def _apart(self, array: np.ndarray) -> np.ndarray:
        """A copy of what lies in a parameter, so that two can be exchanged through their views."""
        inside = array.base is not None and any(
            np.may_share_memory(array, own) for own in self._arrays.values()
        )
        return array.copy() if inside else array

    def _array(self, name: str) -> np.ndarray:
        array = self._arrays.get(name)
        if array is None:
            hint = suggestion(name, self._arrays)
            raise UnknownParameterError(f"no parameter is named {name!r}{hint}")
        return array


def _conform(spec: TensorSpec, value: Any) -> np.ndarray:
    what = f"parameter {spec.name!r}"
    try:
        array = conform(value, np.dtype(spec.dtype), what)
    except InputError as error:
        raise StateError(str(error)) from error
    if array.shape != spec.shape:
        raise StateError(f"{what}: expected shape {spec.shape}, got {array.shape}")
    return array


def _check_same(known: TensorSpec, other: TensorSpec) -> None:
    if known.dtype == other.dtype and known.shape == other.shape:
        return
    places = [spec.location for spec in (known, other) if spec.location]
    declared = f" (declared at {' and '.join(places)})" if places else ""
    raise StateError(
        f"parameter {known.name!r} is {_described(known)} in the state but {_described(other)} in "
        f"the program{declared}"
    )


def _described(spec: TensorSpec) -> str:
    return f"{spec.dtype}[{', '.join(map(str, spec.shape))}]"


_STATES: weakref.WeakSet[State] = weakref.WeakSet()


def _renew_locks() -> None:
    """In a forked child: a lock held by a thread that the child does not have is free again."""
    for state in list(_STATES):
        state.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
