"""Planning: the order of an entry's kernels, what is updated in place, and who shares memory.

Kernels run in the graph's order, but a kernel that writes a parameter in place runs after every
other reader of its old value; where that is impossible the new value goes to the arena and is
copied at the end.  A value lives in the arena from the kernel that makes it to the last that reads
it, and places are reused in that order.  Copies are kernels like all others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from graphc.ir import dims
from graphc.ir.dims import Size
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.types import TensorType
from graphc.loops import ir
from graphc.loops.checks import check_kernels
from graphc.loops.collapse import collapse
from graphc.loops.cost import kernel_bytes, kernel_flops, kernel_work
from graphc.loops.inplace import may_overwrite, merged, overwrite_dying
from graphc.loops.lowering import Lowered, lower
from graphc.loops.memory import Memory, place_slots
from graphc.loops.packing import pack
from graphc.loops.phases import phased, phases
from graphc.loops.plan import ArenaSlot, BufferInfo, EntryPlan, FrameBuffer, KernelCall, Place
from graphc.loops.scheduling import schedule
from graphc.loops.splitting import asks_much, split
from graphc.loops.steps import Readers, Step, in_order, kernel_name, origin, place_text, reaches
from graphc.loops.streaming import stream
from graphc.loops.walk import sizes_of
from runtime.target import Target


def plan(graph: Graph, target: Target) -> EntryPlan:
    """The plan of a fused graph for ``target``."""
    return _Planner(graph, target).run()


class _Planner:
    def __init__(self, graph: Graph, target: Target) -> None:
        self.graph, self.target, self.name = graph, target, graph.name
        self.alias: dict[Value, Value] = {}
        self.constants: dict[Value, None] = {}
        self.steps: list[Step] = []
        self.maker: dict[Value, Step] = {}
        self.overwriter: dict[Value, Step] = {}
        self.readers = Readers()
        self.read: set[Value] = set()
        for node in graph.nodes:
            self._enter(node)
        roots = [*graph.inputs, *graph.parameters, *self.constants]
        self.place: dict[Value, Place] = {v: FrameBuffer(i) for i, v in enumerate(roots)}

    def _enter(self, node: Node) -> None:
        if node.op.name == "constant":
            self.constants[node.result] = None
        elif node.op.name == "fusion":
            reads = [self.root(v) for v in node.operands]
            lowered = phased(lower(node, kernel_name(self.name, node, len(self.steps))))
            lowered, reads = self._packed(node, lowered, reads)
            self._add(Step(lowered, reads, list(node.results), *origin(node)))
        else:  # a reshape: the same memory under another shape
            self.alias[node.result] = self.root(node.operands[0])

    def _packed(
        self, node: Node, lowered: Lowered, reads: list[Value]
    ) -> tuple[Lowered, list[Value]]:
        """The product that reads its right operand packed by a step of its own, where that is
        faster, and its reads."""
        packed = pack(lowered, self.target)
        if packed is None:
            return lowered, reads
        dtype = packed.packing.kernel.arguments[-1].dtype
        made = Node(node.op, (), {}, [TensorType(dtype, packed.shape)]).result
        names, places, _ = origin(node)
        sources = [reads[n] for n in packed.packs]
        self._add(Step(packed.packing, sources, [made], names, places, "pack"))
        return packed.product, [*(reads[n] for n in packed.reads), made]

    def _add(self, step: Step) -> None:
        self.steps.append(step)
        self.readers.add(step)
        self.maker.update(dict.fromkeys(step.makes, step))

    def root(self, value: Value) -> Value:
        """The value whose memory ``value`` is."""
        return self.alias.get(value, value)

    def run(self) -> EntryPlan:
        self._place_outputs()
        self._place_updates()
        order = in_order(self.steps, self.maker)
        self.read = {value for step in order for value in step.reads}
        overwrite_dying(order, self.place)
        memory = place_slots(order, self.place)
        checks, messages = check_kernels(self.graph, self.name)
        calls = [
            KernelCall(
                schedule(k, self.target),
                (self.place[v],),
                (k.name,),
                (line,) if line else (),
                "check",
            )
            for (v, k), (_, line) in zip(checks, messages.values(), strict=True)
        ]
        calls += [self._call(step, memory.scratch) for step in order]
        outputs = tuple(
            BufferInfo(n, v.type.dtype, v.type.shape, place_text(v.node))
            for n, v in self.graph.outputs.items()
        )
        return EntryPlan(
            self.name,
            self.graph.dims,
            self._sizes(calls, outputs, memory),
            _infos(self.graph.inputs),
            _infos(self.graph.parameters),
            _infos(tuple(self.constants), constant_name),
            outputs,
            tuple(calls),
            memory.end,
            self.graph.flush_denormals,
            memory.slots,
            messages,
        )

    def _sizes(
        self, calls: Sequence[KernelCall], outputs: Sequence[BufferInfo], memory: Memory
    ) -> tuple[Size, ...]:
        """The table: the named dims, then every other size that something depends on."""
        found: dict[Size, None] = {dims.named(n): None for n in self.graph.dims}
        for call in calls:
            found.update(dict.fromkeys(sizes_of(call.kernel)))
            offsets = [p.offset for p in call.places if isinstance(p, ArenaSlot)]
            found.update(dict.fromkeys(offsets))
        for value in self.graph.inputs:
            found.update(dict.fromkeys(value.type.shape))
        for info in outputs:
            found.update(dict.fromkeys(info.shape))
        for left, _, right in self.graph.constraints:
            found.update({left: None, right: None})
        found[memory.end] = None
        for offset, size in memory.slots.values():
            found.update({offset: None, size: None})
        for call in calls:
            found.update({kernel_flops(call.kernel): None, kernel_bytes(call.kernel): None})
            found.update(dict.fromkeys(call.work))
        return tuple(size for size in found if not isinstance(size, int))

    def _call(self, step: Step, scratch: dict[tuple[int, str], Place]) -> KernelCall:
        """The call of a step's kernel, scheduled, on the places of its values."""
        kernel, lowered = step.lowered.kernel, step.lowered
        places: list[Place] = []
        for argument, operand, result in zip(
            kernel.arguments, lowered.operands, lowered.results, strict=True
        ):
            if operand is not None:
                places.append(self.place[step.reads[operand]])
            elif result is not None:
                places.append(self.place[step.makes[result]])
            else:
                places.append(scratch[id(step), argument.name])
        overwriting = [
            i for i, r in enumerate(lowered.results)
            if r is not None and step.makes[r] in step.in_place
        ]  # fmt: skip
        kernel, kept = merged(kernel, places, overwriting)
        last = [
            argument.name
            for argument, r in zip(step.lowered.kernel.arguments, lowered.results, strict=True)
            if r is not None and step.makes[r] not in self.read
        ]
        kernel = collapse(kernel)
        scheduled = stream(schedule(kernel, self.target), last, self.target)
        parts, streams = split(kernel), any(a.mode == "stream" for a in scheduled.arguments)
        if parts is not kernel and (not streams or asks_much(kernel)):
            scheduled = schedule(parts, self.target)
        work = tuple(kernel_work(phase, self.target) for phase in phases(scheduled))
        return KernelCall(scheduled, kept, step.nodes, step.locations, step.kind, work)

    # -- where results go -------------------------------------------------------------------------

    def _place_outputs(self) -> None:
        """An output is written where it is computed; what is asked for twice, or is no result of a
        kernel, is copied."""
        first = len(self.place)
        for number, value in enumerate(self.graph.outputs.values()):
            place, made = FrameBuffer(first + number), self.root(value)
            if made in self.maker and made not in self.place:
                self.place[made] = place
            else:
                self._copy(made, value.type, place)

    def _place_updates(self) -> None:
        pairs = [(p, self.root(v)) for p, v in self.graph.updates if self.root(v) is not p]
        for parameter, new in pairs:
            step = self.maker.get(new)
            if step is None or new in self.place or not self._in_place(step, parameter, new):
                self._copy(new, parameter.type, self.place[parameter], overwrites=parameter)

    def _in_place(self, step: Step, parameter: Value, new: Value) -> bool:
        """Let ``step`` write ``new`` over ``parameter``, if it may."""
        readers = {s for s in self.readers.of.get(parameter, ()) if s is not step}
        if reaches(step, readers, self.readers, self.overwriter):
            return False
        if parameter in step.reads and not may_overwrite(step, parameter, new):
            return False
        step.in_place[new] = parameter
        self.overwriter[parameter] = step
        self.place[new] = self.place[parameter]
        return True

    def _copy(
        self, value: Value, type_: TensorType, place: Place, overwrites: Value | None = None
    ) -> None:
        """A kernel that copies ``value`` to ``place``.  An old parameter on its way to another one
        goes through the arena, since that one's old value may be on its way to it."""
        if overwrites is not None and value in self.graph.parameters:
            value = self._copied(value, type_)
        made = self._copied(value, type_)
        self.place[made] = place
        if overwrites is not None:
            self.maker[made].in_place[made] = overwrites
            self.overwriter[overwrites] = self.maker[made]

    def _copied(self, value: Value, type_: TensorType) -> Value:
        """A new value that a kernel copies from ``value``."""
        flat = (dims.product(type_.shape),)
        index = (ir.AxisIndex("i"),)
        body = ir.Store("y", index, ir.Load("x", index, type_.dtype))
        kernel = ir.Kernel(
            f"{self.name}.copy{len(self.steps)}",
            (ir.Argument("x", type_.dtype, flat), ir.Argument("y", type_.dtype, flat, "out")),
            (ir.For((ir.Axis("i", flat[0]),), (body,)),),
            tuple(sorted(dims.names(flat[0]))),
        )
        made = Node(value.node.op, (), {}, [type_]).result
        lowered = Lowered(kernel, (0, None), (None, 0))
        self._add(Step(lowered, [value], [made], ("copy",), (), "copy"))
        return made


def _infos(
    values: Sequence[Value], named: Callable[[Value], str] | None = None
) -> tuple[BufferInfo, ...]:
    return tuple(
        BufferInfo(
            named(v) if named else v.name or "", v.type.dtype, v.type.shape, place_text(v.node)
        )
        for v in values
    )


def constant_name(value: Value) -> str:
    """A name for a constant array that only arrays equal to it share."""
    array = value.node.attributes["value"]
    about = f"{array.dtype.str}{array.shape}".encode()
    return "constant." + hashlib.sha256(about + array.tobytes()).hexdigest()[:16]
