"""The text of one function: instructions, scopes, loops and branches.

Pure instructions are value-numbered and placed in the outermost scope that has their operands, so
that what does not change in a loop is computed before it.  Knows nothing of loop IR.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.codegen.values import Value, constant, index, llvm_type
from graphc.ir import dtypes
from graphc.ir.dtypes import DType

Values = list[Value]


class _Scope:
    """A region entered under a condition or repeatedly.  ``prelude`` takes instructions that are
    to run just before it; ``known`` are the pure instructions placed in it."""

    __slots__ = ("known", "prelude")

    def __init__(self, prelude: list[str]) -> None:
        self.prelude = prelude
        self.known: dict[str, Value] = {}


class Writer:
    """Writes instructions at the end of the current block.  Names begin with ``prefix``."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.values: dict[str, Value] = {}
        self.allocations: list[str] = []
        self.declarations: set[str] = set()
        self.out: list[str] = []
        self.block = "entry"
        self._chunks: list[list[str]] = [self.allocations, self.out]
        self._scopes = [_Scope(self.allocations)]
        self._count = 0

    @property
    def level(self) -> int:
        """The depth of the current scope."""
        return len(self._scopes) - 1

    def body(self) -> str:
        """All lines, in order."""
        return "\n".join(line for chunk in self._chunks for line in chunk)

    def fresh(self, stem: str = "v") -> str:
        self._count += 1
        return f"{self.prefix}{stem}{self._count}"

    def known(self, name: str, like: Value) -> Value:
        """A value called ``name`` that is there from the beginning."""
        value = self.values[name] = Value(name, like.dtype, like.width)
        return value

    def find(self, name: str) -> Value:
        """The value called ``name``."""
        return self.values[name]

    def pure(self, instruction: str, dtype: DType, width: int, level: int) -> Value:
        """The value of an instruction without effects whose operands are of depth <= ``level``."""
        known = self._scopes[level].known
        value = known.get(instruction)
        if value is not None:
            return value
        self._count += 1
        text = f"%{self.prefix}v{self._count}"
        value = known[instruction] = self.values[text] = Value(text, dtype, width, level)
        here = level == len(self._scopes) - 1
        place = self.out if here else self._scopes[level + 1].prelude
        place.append(f"  {text} = {instruction}")
        return value

    def ordered(self, instruction: str, dtype: DType, width: int = 1) -> Value:
        """The value of an instruction that stays where it stands (a load)."""
        self._count += 1
        text = f"%{self.prefix}v{self._count}"
        self.out.append(f"  {text} = {instruction}")
        value = self.values[text] = Value(text, dtype, width, self.level)
        return value

    def recall(self, key: str) -> Value | None:
        """What ``remember`` kept under ``key`` in the current scope."""
        return self._scopes[-1].known.get(key)

    def remember(self, key: str, value: Value) -> None:
        self._scopes[-1].known[key] = value

    def effect(self, instruction: str) -> None:
        self.out.append("  " + instruction)

    def keep_order(self) -> None:
        """What was loaded so far is loaded before what comes.  LLVM orders the loads of a block by
        where they are used; of rows wider than a vector that jumps to and fro in memory, which
        processors foresee badly: up to three times slower than the memory is.  No instruction."""
        self.effect('fence syncscope("singlethread") acq_rel')

    def declare(self, declaration: str) -> None:
        """Make sure the module declares a function."""
        self.declarations.add(declaration)

    def allocate(self, type: str, alignment: int) -> str:
        """A place on the stack; its address."""
        name = "%" + self.fresh("stack")
        self.allocations.append(f"  {name} = alloca {type}, align {alignment}")
        return name

    def place(self, label: str) -> None:
        self.block = label
        self.out.append(f"{label}:")

    def branch(
        self,
        condition: Value,
        then: Callable[[], Sequence[Value]],
        otherwise: Sequence[Value] = (),
        weight: str = "",
    ) -> Values:
        """The values of ``then()`` where ``condition`` holds, else ``otherwise``."""
        if condition.literal is not None:
            return list(then()) if condition.literal else list(otherwise)
        inside, join = self.fresh("then"), self.fresh("join")
        self._enter()
        before = self.block
        self.effect(f"br i1 {condition.text}, label %{inside}, label %{join}{weight}")
        self.place(inside)
        results = list(then())
        end = self.block
        self.effect(f"br label %{join}")
        self._leave()
        self.place(join)
        pairs = zip(results, otherwise, strict=True)
        return [self._phi(a, end, b, before) for a, b in pairs]

    def _phi(self, first: Value, after: str, second: Value, before: str) -> Value:
        if first.text == second.text:
            return first
        text = f"phi {first.type} [ {first.text}, %{after} ], [ {second.text}, %{before} ]"
        return self.ordered(text, first.dtype, first.width)

    def loop(
        self,
        start: Value,
        stop: Value,
        step: int,
        initial: Sequence[Value],
        body: Callable[[Value, Values], Sequence[Value]],
    ) -> Values:
        """Carries ``initial`` through ``body(index, carried)`` for start, start + step, ... below
        ``stop`` (whole steps: stop - start is a multiple of step, or the body copes)."""
        if start.literal is None or stop.literal is None:
            more = self.compare("slt", start, stop)
            return self.branch(
                more, lambda: self._repeat(start, stop, step, initial, body), initial
            )
        trips = -((int(start.literal) - int(stop.literal)) // step)
        if trips <= 0:
            return list(initial)
        if trips == 1:
            return list(body(start, list(initial)))
        return self._repeat(start, stop, step, initial, body)

    def _repeat(
        self,
        start: Value,
        stop: Value,
        step: int,
        initial: Sequence[Value],
        body: Callable[[Value, Values], Sequence[Value]],
    ) -> Values:
        head, done = self.fresh("loop"), self.fresh("done")
        self._enter()
        before = self.block
        self.effect(f"br label %{head}")
        self.place(head)
        phis = [self._pending_phi(value) for value in (start, *initial)]
        results = list(body(phis[0][0], [value for value, _ in phis[1:]]))
        following = "%" + self.fresh("next")
        counter = phis[0][0].text
        self.effect(f"{following} = add nuw nsw i64 {counter}, {step}")
        again = "%" + self.fresh("again")
        self.effect(f"{again} = icmp slt i64 {following}, {stop.text}")
        latch = self.block
        self.effect(f"br i1 {again}, label %{head}, label %{done}")
        nexts = [Value(following, dtypes.int64), *results]
        for (value, where), first, last in zip(phis, (start, *initial), nexts, strict=True):
            where.append(
                f"  {value.text} = phi {value.type} [ {first.text}, %{before} ],"
                f" [ {last.text}, %{latch} ]"
            )
        self._leave()
        self.place(done)
        level = self.level
        return [Value(v.text, v.dtype, v.width, min(v.level, level), v.literal) for v in results]

    def _pending_phi(self, like: Value) -> tuple[Value, list[str]]:
        where: list[str] = []
        self._chunks.append(where)
        self._new_chunk()
        name = "%" + self.fresh("phi")
        value = self.values[name] = Value(name, like.dtype, like.width, self.level)
        return value, where

    def _new_chunk(self) -> None:
        self.out = []
        self._chunks.append(self.out)

    def _enter(self) -> None:
        prelude: list[str] = []
        self._chunks.append(prelude)
        self._scopes.append(_Scope(prelude))
        self._new_chunk()

    def _leave(self) -> None:
        self._scopes.pop()

    # Arithmetic on i64 and pointers: what addresses and loop bounds need.

    def add(self, x: Value, y: Value) -> Value:
        if x.literal is not None and y.literal is not None:
            return index(int(x.literal) + int(y.literal))
        if x.literal == 0:
            return y
        if y.literal == 0:
            return x
        return self._integer("add", x, y)

    def subtract(self, x: Value, y: Value) -> Value:
        if x.literal is not None and y.literal is not None:
            return index(int(x.literal) - int(y.literal))
        return x if y.literal == 0 else self._integer("sub", x, y)

    def multiply(self, x: Value, y: Value) -> Value:
        if x.literal is not None and y.literal is not None:
            return index(int(x.literal) * int(y.literal))
        if x.literal == 1 or y.literal == 0:
            return y
        if y.literal == 1 or x.literal == 0:
            return x
        return self._integer("mul", x, y)

    def divide(self, x: Value, y: int) -> Value:
        """``x // y`` for x >= 0, y > 0."""
        if x.literal is not None:
            return index(int(x.literal) // y)
        return x if y == 1 else self._integer("udiv", x, index(y))

    def quotient(self, x: Value, y: Value) -> Value:
        """``x // y`` for x >= 0, y > 0."""
        return self.divide(x, int(y.literal)) if y.literal else self._integer("udiv", x, y)

    def smaller(self, x: Value, y: Value) -> Value:
        if x.literal is not None and y.literal is not None:
            return x if x.literal <= y.literal else y
        return self.choose(self.compare("slt", x, y), x, y)

    def larger(self, x: Value, y: Value) -> Value:
        if x.literal is not None and y.literal is not None:
            return x if x.literal >= y.literal else y
        return self.choose(self.compare("sgt", x, y), x, y)

    def choose(self, condition: Value, x: Value, y: Value) -> Value:
        """``x`` where the scalar ``condition`` holds, else ``y``."""
        if condition.literal is not None:
            return x if condition.literal else y
        text = f"select i1 {condition.text}, {x.type} {x.text}, {y.type} {y.text}"
        return self.pure(text, x.dtype, x.width, max(condition.level, x.level, y.level))

    def compare(self, relation: str, x: Value, y: Value) -> Value:
        if x.literal is not None and y.literal is not None:
            a, b = int(x.literal), int(y.literal)
            holds = {"slt": a < b, "sgt": a > b, "sge": a >= b, "eq": a == b}[relation]
            return constant(holds, dtypes.bool_)
        text = f"icmp {relation} i64 {x.text}, {y.text}"
        return self.pure(text, dtypes.bool_, 1, max(x.level, y.level))

    def _integer(self, opcode: str, x: Value, y: Value) -> Value:
        text = f"{opcode} i64 {x.text}, {y.text}"
        return self.pure(text, dtypes.int64, 1, max(x.level, y.level))

    def call(self, name: str, dtype: DType, operands: Sequence[Value], *immediate: str) -> Value:
        """The value of an intrinsic without effects, declared when first used; its result has the
        operands' width, ``immediate`` are further constant operands with their types."""
        width = operands[0].width
        result = llvm_type(dtype, width)
        types = [v.type for v in operands] + [text.split()[0] for text in immediate]
        self.declarations.add(f"declare {result} @{name}({', '.join(types)})")
        arguments = ", ".join([f"{v.type} {v.text}" for v in operands] + list(immediate))
        level = max(v.level for v in operands)
        return self.pure(f"call {result} @{name}({arguments})", dtype, width, level)
