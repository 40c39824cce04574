"""A call of one entry: arguments to a filled frame, one native call, outputs.

Holds the rules of a call; sizes are ``binding``'s, dtypes ``conversion``'s, memory ``memory``'s.
Calls that are like an earlier one need no Python code: see ``native_call``.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from runtime.binding import Binding, Shape, bind, declared
from runtime.conversion import conform
from runtime.errors import CheckError, InputError, InputNameError, InputShapeError
from runtime.memory import Guarded, address_of
from runtime.naming import suggestion
from runtime.native_call import NativeCall, seconds
from runtime.native_entry import NativeEntry
from runtime.preparation import Help
from runtime.program import (
    FRAME_ARENA,
    FRAME_BUFFERS,
    FRAME_INDEX,
    FRAME_POOL,
    FRAME_PROFILE,
    FRAME_TABLE,
    FRAME_VALUE,
    Entry,
    TensorSpec,
)
from runtime.state import State
from runtime.workspace import Frame, Workspace, Workspaces

# Flags of an array that native code may read where it lies: C-contiguous, aligned, and writeable,
# since the views a state gives of its parameters are not.
_READABLE_IN_PLACE = 0x501
_BINDINGS_KEPT = 256


class Recorder(Protocol):
    """Receives the times of calls; see ``runtime.profiling``."""

    address: int

    def add(self, binding: Binding, seconds: float) -> None: ...


class Call:
    """The Python path of an entry's calls: it takes whatever a call may be given, and says what is
    wrong with it.  ``recorder``, where there is one, receives the times of calls."""

    def __init__(
        self,
        entry: Entry,
        native: NativeEntry,
        state: State,
        constants: Mapping[str, np.ndarray],
        workspaces: Workspaces,
        help_: Help,
    ) -> None:
        self.entry = entry
        self.state = state
        self.recorder: Recorder | None = None
        self.native = NativeCall(entry, native.address, state)
        self._native = native
        self._constants = [constants[name] for name in entry.constants]
        self._workspaces = workspaces
        self._help = help_
        self._is_native = help_.is_there
        self._borrowers: list[weakref.ref[Any]] = []
        self._names = tuple(spec.name for spec in entry.inputs)
        self._dtypes = tuple(np.dtype(spec.dtype) for spec in entry.inputs)
        self._output_names = tuple(spec.name for spec in entry.outputs)
        self._bindings: dict[tuple[Shape, ...], Binding] = {}

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def calls(self) -> int:
        """How often native code was called: once for each successful call or failed data check."""
        return self._workspaces.calls(self.entry.name) + self.native.calls

    def lend(self, borrower: Any) -> None:
        """Have ``borrower.__call__`` make the calls: now this, natively once that can be."""
        borrower.__call__ = self.native.method(self) if self._is_native else self
        if not self._is_native:
            self._borrowers.append(weakref.ref(borrower))

    def __call__(self, /, *positional: Any, **named: Any) -> Any:
        out = None
        if "out" in named and "out" not in self._names:
            out = named.pop("out")
        if named or len(positional) != len(self._names):
            positional = self._arranged(positional, named)
        arrays, addresses = self._read(positional)
        shapes = tuple([array.shape for array in arrays])
        binding = self._bindings.get(shapes) or self.binding(shapes)
        if out is None:
            outputs = [make() for make in binding.output_makers]
        else:
            outputs = self._given_outputs(out, binding, arrays)
        if not self._is_native:
            self._get_help(binding)
        workspace = self._workspaces.take()
        try:
            if workspace.poison:
                self._run_poisoned(workspace, binding, arrays, outputs)
            else:
                self._run_in(workspace, binding, addresses, outputs)
                if not self._is_native:
                    self._help.after_call()
                elif self.recorder is None:
                    self.native.note(shapes, binding, workspace, self._frame(workspace))
        finally:
            self._workspaces.put_back(workspace)
        if self.entry.single_output:
            return outputs[0]
        return dict(zip(self._output_names, outputs, strict=True))

    def _get_help(self, binding: Binding) -> None:
        """Workers, and calls without Python code, where they are there or worth waiting for."""
        help_ = self._help
        if not help_.is_there:
            help_.before_call(seconds(self.entry, binding))
        if help_.is_there:
            self._is_native = True
            borrowers, self._borrowers = self._borrowers, []
            for reference in borrowers:
                borrower = reference()
                if borrower is not None:
                    self.lend(borrower)

    def binding(self, shapes: tuple[Shape, ...]) -> Binding:
        """The sizes that inputs of ``shapes`` determine; see ``runtime.binding.bind``."""
        found = self._bindings.get(shapes)
        if found is not None:
            return found
        made = bind(self.entry, shapes, self._native.fill_sizes)
        if len(self._bindings) >= _BINDINGS_KEPT:
            self._bindings.clear()
        self._bindings[shapes] = made
        return made

    def _arranged(self, positional: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """The inputs' values in the order of the inputs."""
        names = self._names
        if not positional and len(named) == len(names):
            try:
                return tuple([named[name] for name in names])
            except KeyError:
                pass
        return self._arranged_or_explained(positional, named)

    def _arranged_or_explained(
        self, positional: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[Any, ...]:
        names, here = self._names, self.name
        if len(positional) > len(names):
            raise InputNameError(
                f"{here}: takes {len(names)} inputs ({', '.join(names)}), got {len(positional)}"
            )
        values = dict(zip(names, positional, strict=False))
        for name, value in named.items():
            if name not in names:
                hint = suggestion(name, names)
                raise InputNameError(f"{here}: no input is named {name!r}{hint}")
            if name in values:
                raise InputNameError(f"{here}: input {name!r} is given twice")
            values[name] = value
        missing = [spec for spec in self.entry.inputs if spec.name not in values]
        if missing:
            listed = ", ".join(repr(spec.name) for spec in missing)
            raise InputNameError(f"{here}: no value for input {listed}{declared(*missing)}")
        return tuple(values[name] for name in names)

    def _read(self, given: Sequence[Any]) -> tuple[list[np.ndarray], list[int]]:
        """The arrays native code will read, copied only where they have to be; their addresses."""
        arrays: list[np.ndarray] = []
        addresses: list[int] = []
        for array, dtype in zip(given, self._dtypes, strict=True):
            # The usual case first: an array that can be read where it lies.
            if (
                type(array) is not np.ndarray
                or array.dtype is not dtype
                or array.flags.num & _READABLE_IN_PLACE != _READABLE_IN_PLACE
            ):
                array = self._conformed(array, len(arrays))
            arrays.append(array)
            addresses.append(address_of(array))
        return arrays, addresses

    def _conformed(self, value: Any, position: int) -> np.ndarray:
        spec = self.entry.inputs[position]
        try:
            array = conform(value, self._dtypes[position], f"{self.name}: input {spec.name!r}")
        except InputError as error:
            raise type(error)(f"{error}{declared(spec)}") from error
        # An update must not change the input it is computed from.
        updated = (self.state.buffer(name) for name in self.entry.updated)
        aliases = any(np.may_share_memory(array, buffer) for buffer in updated)
        return array.copy() if aliases else array

    def _given_outputs(
        self, out: Any, binding: Binding, inputs: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """The caller's arrays for outputs, new ones for the outputs not named."""
        if isinstance(out, np.ndarray) and len(self._output_names) == 1:
            out = {self._output_names[0]: out}
        if not isinstance(out, Mapping):
            raise InputError(f"{self.name}: out should map names of outputs to arrays")
        for name in out:
            if name not in self._output_names:
                hint = suggestion(name, self._output_names)
                raise InputNameError(f"{self.name}: no output is named {name!r}{hint}")
        outputs: list[np.ndarray] = []
        parameters = [self.state.buffer(name) for name in self.entry.parameters]
        for spec, shape in zip(self.entry.outputs, binding.output_shapes, strict=True):
            array = out.get(spec.name)
            if array is None:
                outputs.append(binding.output_makers[len(outputs)]())
                continue
            self._check_output(spec, shape, array)
            for other in (*inputs, *parameters, *outputs):
                if np.may_share_memory(array, other):
                    raise InputError(
                        f"{self.name}: out[{spec.name!r}] overlaps an input, a parameter or "
                        f"another output; give it memory of its own"
                    )
            outputs.append(array)
        return outputs

    def _check_output(self, spec: TensorSpec, shape: Shape, array: Any) -> None:
        here = f"{self.name}: out[{spec.name!r}]"
        if type(array) is not np.ndarray:
            raise InputError(f"{here}: expected an ndarray, got {type(array).__name__}")
        if array.dtype != np.dtype(spec.dtype):
            raise InputError(f"{here}: expected a {spec.dtype} array, got {array.dtype}")
        if array.shape != shape:
            raise InputShapeError(f"{here}: expected shape {shape}, got {array.shape}")
        if not array.flags.carray:
            raise InputError(f"{here}: has to be contiguous, aligned and writeable")

    def _frame(self, workspace: Workspace) -> Frame:
        frame = workspace.frames.get(self.entry.name)
        if frame is not None:
            return frame
        arrays = [self.state.buffer(name) for name in self.entry.parameters]
        fixed = [address_of(array) for array in (*arrays, *self._constants)]
        frame = workspace.frames[self.entry.name] = Frame(self.entry, fixed)
        return frame

    def _run_in(
        self,
        workspace: Workspace,
        binding: Binding,
        addresses: Sequence[int],
        outputs: Sequence[np.ndarray],
    ) -> None:
        frame = self._frame(workspace)
        words = frame.words
        words[FRAME_POOL] = self._help.team
        words[FRAME_TABLE] = binding.address
        words[FRAME_ARENA] = workspace.arena.reserve(binding.arena_bytes)
        position = FRAME_BUFFERS
        for address in addresses:
            words[position] = address
            position += 1
        position = frame.first_output
        for array in outputs:
            words[position] = address_of(array)
            position += 1
        if self.entry.updated:
            with self.state.lock:
                status = self._invoke(frame, binding)
        else:
            status = self._invoke(frame, binding)
        if status:
            self._fail(status, words[FRAME_INDEX], words[FRAME_VALUE])

    def _invoke(self, frame: Frame, binding: Binding) -> int:
        """The one place where native code is called."""
        recorder = self.recorder
        frame.calls += 1
        if recorder is None:
            return self._native.run(frame.address)
        frame.words[FRAME_PROFILE] = recorder.address
        started = perf_counter()
        try:
            return self._native.run(frame.address)
        finally:
            recorder.add(binding, perf_counter() - started)
            frame.words[FRAME_PROFILE] = 0

    def _run_poisoned(
        self,
        workspace: Workspace,
        binding: Binding,
        arrays: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
    ) -> None:
        """A call with guard bands round every buffer, checked afterwards."""
        guards = [Guarded(array.nbytes) for array in (*arrays, *outputs)]
        sources, results = guards[: len(arrays)], guards[len(arrays) :]
        for guard, array in zip(sources, arrays, strict=True):
            guard.bytes[:] = np.frombuffer(array.tobytes(), np.uint8)
        views = [guard.bytes for guard in results]
        self._run_in(workspace, binding, [address_of(guard.bytes) for guard in sources], views)
        names = (*self._names, *self._output_names)
        for name, guard in zip(names, guards, strict=True):
            guard.check(f"{self.name}: buffer of {name!r}")
        for guard, array in zip(sources, arrays, strict=True):
            if guard.bytes.tobytes() != array.tobytes():
                raise InputError(f"{self.name}: native code wrote into an input")
        for guard, array in zip(results, outputs, strict=True):
            array[...] = guard.bytes.view(array.dtype).reshape(array.shape)
        self.state.check_guards()
        workspace.arena.check()

    def _fail(self, status: int, index: int, value: int) -> None:
        check = self.entry.checks.get(status)
        if check is None:
            raise CheckError(
                f"{self.name}: failed with status {status}", self.name, status, index, value, ""
            )
        text = check.message.replace("{index}", str(index)).replace("{value}", str(value))
        place = f" ({check.location})" if check.location else ""
        raise CheckError(
            f"{self.name}: {text}{place}", self.name, status, index, value, check.location
        )
