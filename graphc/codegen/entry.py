"""Entries: the functions of a module that the runtime calls, with the frame of runtime.program.

An entry calls its kernels in order, each for all of its units, and leaves when a check failed.
Units that are enough work are handed to the pool of ``runtime.native``, where the frame has one.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.codegen import few_rows
from graphc.codegen.kernel import chunk_count, has_checks, rows_if_few, unit_count
from graphc.codegen.outlining import ModuleParts
from graphc.codegen.sizes import SizeValues
from graphc.codegen.values import POINTER, Value, global_name, index
from graphc.codegen.writer import Writer
from graphc.ir import dtypes
from graphc.ir.dims import Size
from graphc.loops.ir import Kernel
from graphc.loops.phases import phases
from graphc.loops.plan import EntryPlan, FrameBuffer, KernelCall, Place
from runtime.program import (
    FRAME_ARENA,
    FRAME_BUFFERS,
    FRAME_POOL,
    FRAME_PROFILE,
    FRAME_STATUS,
    FRAME_TABLE,
)
from runtime.target import Target

_FLUSH_BITS = 0x8040  # MXCSR: flush results to zero, take denormal operands as zero
_ARM_FLUSH_BITS = 1 << 24  # FPCR: the same

_RUN = """\
define internal void @graphc.run(ptr %kernel, ptr %buffers, ptr %table, i64 %units, \
i64 %chunks, i64 %work, ptr %pool, ptr %counters, i64 %calls) #0 {
entry:
  %counted = icmp ne ptr %counters, null
  br i1 %counted, label %timed, label %begin
timed:
  %now = call i64 @llvm.readcyclecounter()
  br label %begin
begin:
  %start = phi i64 [ 0, %entry ], [ %now, %timed ]
  %several = icmp sgt i64 %units, 1
  %threads = icmp ne ptr %pool, null
  %both = and i1 %several, %threads
  br i1 %both, label %weigh, label %alone
weigh:
  %place = getelementptr i64, ptr %pool, i64 2
  %least = load i64, ptr %place
  %much = icmp sge i64 %work, %least
  br i1 %much, label %together, label %alone
alone:
  call void %kernel(ptr %buffers, ptr %table, i64 0, i64 %units)
  br label %done
together:
  %run = load ptr, ptr %pool
  call void %run(ptr %pool, ptr %kernel, ptr %buffers, ptr %table, i64 %units, \
i64 %chunks, i64 %work)
  br label %done
done:
  br i1 %counted, label %count, label %end
count:
  %stop = call i64 @llvm.readcyclecounter()
  %spent = sub i64 %stop, %start
  %old = load i64, ptr %counters
  %sum = add i64 %old, %spent
  store i64 %sum, ptr %counters
  %second = getelementptr i64, ptr %counters, i64 1
  %calls.before = load i64, ptr %second
  %more = add i64 %calls.before, %calls
  store i64 %more, ptr %second
  br label %end
end:
  ret void
}
"""


def helpers(entries: Sequence[EntryPlan], target: Target, parts: ModuleParts) -> list[str]:
    """The functions that entries share."""
    if not any(entry.calls for entry in entries):
        return []
    parts.declarations.add("declare i64 @llvm.readcyclecounter()")
    return [_RUN]


def emit_entry(
    entry: EntryPlan, symbols: Sequence[Sequence[str]], target: Target, parts: ModuleParts
) -> list[str]:
    """The text of ``@<entry>.sizes`` and ``@<entry>``; ``symbols`` are the functions of
    its calls' phases."""
    sizes, body = Writer(), Writer()
    _fill_table(sizes, entry)
    _Entry(body, entry, target).emit(symbols)
    parts.declarations |= body.declarations
    return [
        f"define void {global_name(entry.name + '.sizes')}(ptr noundef %table) #1 {{\nentry:\n"
        f"{sizes.body()}\n}}\n",
        f"define i64 {global_name(entry.name)}(ptr noundef %frame) #1 {{\nentry:\n"
        f"{body.body()}\n}}\n",
    ]


def _fill_table(writer: Writer, entry: EntryPlan) -> None:
    """Sizes in order, each from the named dims."""
    count = len(entry.dims)
    slots: dict[Size, int] = {size: slot for slot, size in enumerate(entry.sizes[:count])}
    values = SizeValues(writer, slots)
    for slot in range(count, len(entry.sizes)):
        value = values.value(entry.sizes[slot])
        address = writer.pure(f"getelementptr i64, ptr %table, i64 {slot}", POINTER, 1, 0)
        writer.effect(f"store i64 {value.text}, ptr {address.text}")
    writer.effect("ret void")


class _Entry:
    """The emission of one entry."""

    def __init__(self, writer: Writer, entry: EntryPlan, target: Target) -> None:
        self._writer = writer
        self._entry = entry
        self._target = target
        self._frame = Value("%frame", POINTER)
        slots = {size: slot for slot, size in enumerate(entry.sizes)}
        self._table = self._word(FRAME_TABLE)
        self._arena = self._word(FRAME_ARENA)
        self._profile = self._word(FRAME_PROFILE)
        self._pool = self._word(FRAME_POOL)
        self._sizes = SizeValues(writer, slots, self._table.text)
        self._control: Value | None = None

    def emit(self, symbols: Sequence[Sequence[str]]) -> None:
        writer = self._writer
        writer.effect(f"store i64 0, ptr {self._address(FRAME_STATUS).text}")
        if self._entry.flush_denormals:
            self._flush()
        for number, (call, functions) in enumerate(zip(self._entry.calls, symbols, strict=True)):
            self._call(number, call, functions)
        self._return(index(0))

    def _address(self, word: int) -> Value:
        text = f"getelementptr i64, ptr %frame, i64 {word}"
        return self._writer.pure(text, POINTER, 1, 0)

    def _word(self, word: int) -> Value:
        address = self._address(word)
        return self._writer.pure(f"load ptr, ptr {address.text}", POINTER, 1, 0)

    def _place(self, place: Place) -> Value:
        if isinstance(place, FrameBuffer):
            return self._word(FRAME_BUFFERS + place.position)
        offset = self._sizes.value(place.offset)
        text = f"getelementptr i8, ptr {self._arena.text}, i64 {offset.text}"
        return self._writer.pure(text, POINTER, 1, 0)

    def _call(self, number: int, call: KernelCall, functions: Sequence[str]) -> None:
        writer = self._writer
        places = [self._place(place) for place in call.places]
        if has_checks(call.kernel):
            places.append(self._frame)
        buffers = writer.allocate(f"[{max(1, len(places))} x ptr]", 8)
        for position, place in enumerate(places):
            address = writer.pure(
                f"getelementptr ptr, ptr {buffers}, i64 {position}", POINTER, 1, 0
            )
            writer.effect(f"store ptr {place.text}, ptr {address.text}")
        parts = zip(phases(call.kernel), functions, call.work, strict=True)
        for phase, (kernel, symbol, work) in enumerate(parts):
            units, effort = map(self._sizes.value, (unit_count(kernel), work))
            writer.effect(
                f"call void @graphc.run(ptr {symbol}, ptr {buffers}, ptr {self._table.text},"
                f" i64 {units.text}, i64 {self._chunks(kernel).text}, i64 {effort.text},"
                f" ptr {self._pool.text}, ptr {self._counters(number)}, i64 {int(phase == 0)})"
            )
        if has_checks(call.kernel):
            self._leave_on_failure()

    def _chunks(self, kernel: Kernel) -> Value:
        """Into how many chunks a thread's share may be cut; into one where few rows stream past."""
        chunks, rows = index(chunk_count(kernel)), rows_if_few(kernel)
        if rows is None:
            return chunks
        writer = self._writer
        many = writer.compare("sgt", self._sizes.value(rows), index(few_rows.MOST))
        return writer.choose(many, chunks, index(1))

    def _counters(self, number: int) -> str:
        """The kernel's counters, or null where nothing is profiled."""
        writer, profile = self._writer, self._profile.text
        null = writer.pure(f"icmp eq ptr {profile}, null", dtypes.bool_, 1, 0)
        address = writer.pure(f"getelementptr i64, ptr {profile}, i64 {2 * number}", POINTER, 1, 0)
        return writer.choose(null, Value("null", POINTER), address).text

    def _leave_on_failure(self) -> None:
        writer = self._writer
        status = writer.ordered(f"load i64, ptr {self._address(FRAME_STATUS).text}", dtypes.int64)
        failed = writer.ordered(f"icmp ne i64 {status.text}, 0", dtypes.bool_)
        inside, after = writer.fresh("failed"), writer.fresh("passed")
        writer.effect(f"br i1 {failed.text}, label %{inside}, label %{after}")
        writer.place(inside)
        self._return(status)
        writer.place(after)

    def _return(self, status: Value) -> None:
        if self._control is not None:
            self._set_control(self._control)
        self._writer.effect(f"ret i64 {status.text}")

    def _flush(self) -> None:
        """Flush denormals from here on; the caller's mode is kept for the return."""
        architecture = self._target.architecture
        if architecture in ("", "x86_64"):
            self._flush_x86()
        elif architecture in ("aarch64", "arm64"):
            self._flush_arm()

    def _flush_x86(self) -> None:
        writer = self._writer
        writer.declare("declare void @llvm.x86.sse.stmxcsr(ptr)")
        place = writer.allocate("i32", 4)
        writer.effect(f"call void @llvm.x86.sse.stmxcsr(ptr {place})")
        self._control = writer.ordered(f"load i32, ptr {place}", dtypes.int32)
        flushed = writer.ordered(f"or i32 {self._control.text}, {_FLUSH_BITS}", dtypes.int32)
        self._set_control(flushed)

    def _flush_arm(self) -> None:
        writer = self._writer
        writer.declare("declare i64 @llvm.aarch64.get.fpcr()")
        self._control = writer.ordered("call i64 @llvm.aarch64.get.fpcr()", dtypes.int64)
        self._set_control(
            writer.ordered(f"or i64 {self._control.text}, {_ARM_FLUSH_BITS}", dtypes.int64)
        )

    def _set_control(self, control: Value) -> None:
        writer = self._writer
        if control.dtype == dtypes.int64:
            writer.declare("declare void @llvm.aarch64.set.fpcr(i64)")
            writer.effect(f"call void @llvm.aarch64.set.fpcr(i64 {control.text})")
            return
        writer.declare("declare void @llvm.x86.sse.ldmxcsr(ptr)")
        place = writer.allocate("i32", 4)
        writer.effect(f"store i32 {control.text}, ptr {place}")
        writer.effect(f"call void @llvm.x86.sse.ldmxcsr(ptr {place})")
