"""The entry of an executable as its user sees it: something to call, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from runtime.binding import Binding, Shape, shape_text
from runtime.call import Call, Recorder
from runtime.native_entry import NativeEntry
from runtime.preparation import Help
from runtime.program import Entry
from runtime.state import State
from runtime.workspace import Workspaces


class EntryPoint:
    """One entry of an executable, called like a function.

    Arguments are the inputs, by position or by name; ``out`` may give arrays for outputs.  Returns
    the outputs by name as new arrays, or the array itself where the entry has a single unnamed
    one.  An entry that updates parameters runs in one thread at a time; others may run in several,
    and read half-updated parameters if they run during an update.
    """

    # An object's own, so that calling it runs no Python code.
    __slots__ = ("__call__", "__weakref__", "_call")
    __call__: Callable[..., Any]

    def __init__(
        self,
        entry: Entry,
        native: NativeEntry,
        state: State,
        constants: Mapping[str, np.ndarray],
        workspaces: Workspaces,
        help_: Help,
    ) -> None:
        self._call = Call(entry, native, state, constants, workspaces, help_)
        self.lend_call(self)

    def lend_call(self, holder: Callable[..., Any]) -> None:
        """Have ``holder.__call__`` make the calls: by a function that runs no Python code, as soon
        as there is one."""
        self._call.lend(holder)

    @property
    def entry(self) -> Entry:
        return self._call.entry

    @property
    def state(self) -> State:
        return self._call.state

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def recorder(self) -> Recorder | None:
        """Who receives the times of calls, within ``recording``."""
        return self._call.recorder

    @property
    def calls(self) -> int:
        """How often native code was called: once for each successful call or failed data check."""
        return self._call.calls

    def __repr__(self) -> str:
        inputs = ", ".join(f"{s.name}: {s.dtype}{shape_text(s.shape)}" for s in self.entry.inputs)
        outputs = ", ".join(spec.name for spec in self.entry.outputs)
        return f"<entry {self.name}({inputs}) -> {outputs or 'nothing'}>"

    def binding(self, shapes: tuple[Shape, ...]) -> Binding:
        """The sizes that inputs of ``shapes`` determine; see ``runtime.binding.bind``."""
        return self._call.binding(shapes)

    @contextmanager
    def recording(self, recorder: Recorder) -> Iterator[None]:
        """Within it, calls of this entry report their times to ``recorder``."""
        call = self._call
        previous, call.recorder = call.recorder, recorder
        call.native.forget()
        try:
            yield
        finally:
            call.recorder = previous
