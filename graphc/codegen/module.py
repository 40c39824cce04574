"""The text of one LLVM module: its kernels, its entries and what they share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from graphc.codegen.access import ZEROS_BYTES
from graphc.codegen.entry import emit_entry, helpers
from graphc.codegen.kernel import emit_kernel
from graphc.codegen.outlining import ModuleParts
from graphc.codegen.values import global_name
from graphc.ir.dims import Size, named
from graphc.loops.form import form
from graphc.loops.ir import Kernel
from graphc.loops.phases import phases
from graphc.loops.plan import EntryPlan
from runtime.parts import LINES, head, part, symbol
from runtime.target import Target

Ready = Callable[[str], None]


class _Functions:
    """The kernels of a module; one that is there already is not written again.  ``ready``, where it
    is given, gets those parts of the module that are finished, each a module of its own."""

    def __init__(
        self,
        target: Target,
        linkage: str,
        ready: Ready | None = None,
        taken: Iterable[str] = (),
    ) -> None:
        self.parts = ModuleParts()
        self.lines: list[str] = []
        self._ready = ready
        self._parted = 0
        self._target = target
        self._linkage = linkage
        self._by_form: dict[Hashable, str] = {}
        self._by_body: dict[str, str] = {}
        self._names = set(taken)

    def add(self, kernel: Kernel, slots: Mapping[Size, int]) -> str:
        """The symbol of the kernel's function.  Kernels of entries with equal ``slots`` share
        functions where these are one object: to compare them for each kernel would take long."""
        like = form(kernel), id(slots)
        name = self._by_form.get(like)
        if name is None:
            name = self._by_form[like] = self._written(kernel, slots)
        return name

    def _written(self, kernel: Kernel, slots: Mapping[Size, int]) -> str:
        body = emit_kernel(kernel, self._target, slots, self.parts)
        name = self._by_body.get(body)
        if name is None:
            name = self._by_body[body] = self._unused(kernel.name)
            self.lines.append(
                f"define {self._linkage}void {name}(ptr noundef %buffers, ptr noundef %table,"
                f" i64 %begin, i64 %end) #0 {{\nentry:\n{body}\n}}\n"
            )
            self._part()
        return name

    def _part(self) -> None:
        """The same parts as ``runtime.parts.cut`` makes of the whole module, as they come."""
        new = self.lines[self._parted :]
        if self._ready is None or sum(text.count("\n") for text in new) < LINES:
            return
        self._parted = len(self.lines)
        heads = {symbol(line): line for line in self.parts.declarations}
        heads.update((symbol(text), head(text)) for text in self.parts.definitions())
        self._ready(part(new, heads, self.constants(), attributes(self._target)))

    def constants(self) -> dict[str, str]:
        """The text of each constant, by its name."""
        found = {
            "@graphc.zeros": f"private constant [{ZEROS_BYTES} x i8] zeroinitializer, align 64"
        }
        for body, name in self.parts.constants.items():
            found[name] = f"private unnamed_addr constant {body}, align 64"
        return found

    def _unused(self, name: str) -> str:
        candidate, number = name, 1
        while candidate in self._names:
            candidate, number = f"{name}.{number}", number + 1
        self._names.add(candidate)
        return global_name(candidate)


def emit_module(entries: Sequence[EntryPlan], target: Target, ready: Ready | None = None) -> str:
    """The module that defines ``@<entry>`` and ``@<entry>.sizes`` for each of ``entries``, with
    the interface of ``runtime.program``.  ``ready`` is called with parts of it that are finished,
    as ``runtime.parts`` cuts them, while the rest is written."""
    taken = [name for e in entries for name in (e.name, f"{e.name}.sizes")]
    functions = _Functions(target, "internal ", ready, taken)
    lines = []
    tables = {entry.sizes: _slots(entry.sizes) for entry in entries}
    for entry in entries:
        slots = tables[entry.sizes]
        symbols = [
            [functions.add(phase, slots) for phase in phases(call.kernel)] for call in entry.calls
        ]
        lines += emit_entry(entry, symbols, target, functions.parts)
    return _text(functions, [*lines, *helpers(entries, target, functions.parts)], target)


def emit_kernel_module(kernel: Kernel, target: Target) -> str:
    """The module that defines ``kernel`` alone, under its own name; the table holds its dims."""
    functions = _Functions(target, "")
    functions.add(kernel, _slots([named(dim) for dim in kernel.dims]))
    return _text(functions, [], target)


def _slots(sizes: Sequence[Size]) -> dict[Size, int]:
    """The place of each size in the table."""
    return {size: slot for slot, size in enumerate(sizes)}


def attributes(target: Target) -> list[str]:
    """Of kernels, #0, and of what runs once a call, #1: that is compiled quickly, and as fast.

    Where registers do not suffice, vectors go to the stack.  LLVM aligns it for them only if it is
    told before: else each may lie across two lines of the cache."""
    stack = f"alignstack={target.vector_bytes} " if target.vector_bytes > 16 else ""
    width = f'"prefer-vector-width"="{8 * target.vector_bytes}"'
    return [
        f'attributes #0 = {{ nounwind {stack}"no-trapping-math"="true" {width} }}',
        "attributes #1 = { nounwind noinline optnone }",
    ]


def _text(functions: _Functions, lines: list[str], target: Target) -> str:
    constants = [f"{name} = {text}" for name, text in functions.constants().items()]
    declarations = sorted(functions.parts.declarations)
    # What comes first is finished first.
    written = [*functions.lines, *lines, *functions.parts.definitions()]
    everything = [*constants, "", *written, *declarations, *attributes(target)]
    return "\n".join(everything) + "\n"
