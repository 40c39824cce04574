"""The kinds of reductions: what they start from, how they take an element, how results merge.

A state is a tuple of values: one, or for argmax and argmin the extremum and its index.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphc.codegen.scalar_llvm import LLVMBuilder
from graphc.codegen.values import Value, constant, index
from graphc.ir import dtypes
from graphc.ir.dtypes import DType
from runtime.frozen import frozen

State = tuple[Value, ...]
_UNSET = (1 << 63) - 1


@frozen
class Fold:
    """The reduction ``kind`` of elements of ``dtype``."""

    kind: str
    dtype: DType

    @property
    def is_index(self) -> bool:
        return self.kind in ("argmax", "argmin")

    def initial(self, width: int) -> State:
        """The state before any element, in every lane."""
        start = constant(identity(self.kind, self.dtype), self._held, width)
        return (start, constant(_UNSET, dtypes.int64, width)) if self.is_index else (start,)

    @property
    def _held(self) -> DType:
        """The dtype of the state: bools are held as bytes, which every target has vectors of."""
        return dtypes.uint8 if self.dtype.is_bool else self.dtype

    def step(self, b: LLVMBuilder, state: State, operands: Sequence[Value], place: Value) -> State:
        """The state after an element; ``place`` is its index along the axis."""
        if self.kind == "fma":
            return (b.fma(operands[0], operands[1], state[0]),)
        element = b.to_memory(operands[0])
        if not self.is_index:
            return (combine(b, self.kind, state[0], element),)
        better = self._better(b, state[0], element)
        return b.select(better, element, state[0]), b.select(better, place, state[1])

    @property
    def seeks_nan(self) -> bool:
        """Whether a fold of many elements is better done by ``merge_past_nan``, with NaNs sought
        beside it: two vectors of elements are looked through at once."""
        return self.kind in ("maximum", "minimum") and self.dtype.is_float

    def merge_past_nan(self, b: LLVMBuilder, left: State, right: State) -> State:
        """The state of two parts of an extremum, ``left`` where ``right`` is NaN."""
        taken = b.gt if self.kind == "maximum" else b.lt
        return (b.select(taken(right[0], left[0]), right[0], left[0]),)

    def merge(self, b: LLVMBuilder, left: State, right: State) -> State:
        """The state of two disjoint parts; ``left`` wins a tie unless its index is greater."""
        if not self.is_index:
            kind = "add" if self.kind == "fma" else self.kind
            return (combine(b, kind, left[0], right[0]),)
        better = self._better(b, left[0], right[0])
        equal = b.eq(left[0], right[0])
        if self.dtype.is_float:
            equal = b.bit_or(equal, b.bit_and(b.is_nan(left[0]), b.is_nan(right[0])))
        better = b.bit_or(better, b.bit_and(equal, b.lt(right[1], left[1])))
        return b.select(better, right[0], left[0]), b.select(better, right[1], left[1])

    def result(self, b: LLVMBuilder, state: State) -> Value:
        """What the reduction gives.  Where no element was better than the start, all equal it."""
        if self.is_index:
            return b.select(b.eq(state[1], index(_UNSET)), index(0), state[1])
        return b.ne(state[0], 0) if self.dtype.is_bool else state[0]

    def keep(self, b: LLVMBuilder, mask: Value | None, new: State, old: State) -> State:
        """``new`` in the lanes where ``mask`` holds, else ``old``."""
        if mask is None:
            return new
        one_by_one = not b.target.has_masks or mask.text.count("true") == 1
        if self.dtype.is_float and mask.text.startswith("<") and one_by_one:
            # Where LLVM 22 loads the lanes of a constant mask one by one, it takes 0 / 0 for 0 and
            # drops the select that keeps the others out of a sum.
            new = (b.fenced(new[0]), *new[1:])
        return tuple(b.select(mask, x, y) for x, y in zip(new, old, strict=True))

    def _better(self, b: LLVMBuilder, old: Value, new: Value) -> Value:
        """Whether ``new`` takes the place of ``old``: it is more extreme, or the first NaN."""
        if not self.dtype.is_float:
            return b.gt(new, old) if self.kind == "argmax" else b.lt(new, old)
        worse = b.le(new, old) if self.kind == "argmax" else b.ge(new, old)
        return b.bit_and(b.bit_not(worse), b.bit_not(b.is_nan(old)))

    def halves(self, b: LLVMBuilder, states: list[State], *, past_nan: bool = False) -> State:
        """The states (a power of two of them) folded by halves."""
        merge = self.merge_past_nan if past_nan else self.merge
        while len(states) > 1:
            half = len(states) // 2
            states = [merge(b, states[i], states[i + half]) for i in range(half)]
        return states[0]

    def block(self, b: LLVMBuilder, states: list[State], before: State | None = None) -> State:
        """The states of a block folded by halves, then ``before`` with that.  NaNs are sought in
        two elements at once beside an extremum, which is then NaN: half the work of each fold
        looking for its own."""
        if not self.seeks_nan:
            folded = self.halves(b, states)
            return folded if before is None else self.merge(b, before, folded)
        folded = self.halves(b, states, past_nan=True)
        if before is not None:
            folded = self.merge_past_nan(b, before, folded)
        pairs = zip(states[::2], states[1::2], strict=True)
        met = [b.either_is_nan(first, second) for (first,), (second,) in pairs]
        while len(met) > 1:
            met = [b.bit_or(x, y) for x, y in zip(met[::2], met[1::2], strict=True)]
        return (b.select(met[0], math.nan, folded[0]),)

    def lanes(self, b: LLVMBuilder, state: State, *, past_nan: bool = False) -> State:
        """The lanes of a state folded by halves into a scalar state."""
        merge = self.merge_past_nan if past_nan else self.merge
        width = state[0].width
        while width > 1:
            width //= 2
            low = tuple(b.part(value, 0, width) for value in state)
            high = tuple(b.part(value, width, width) for value in state)
            state = merge(b, low, high)
        return state


def identity(kind: str, dtype: DType) -> float | int:
    """What a reduction of no elements gives."""
    if kind in ("add", "fma", "any"):
        return 0
    if kind in ("multiply", "all"):
        return 1
    lowest = kind in ("maximum", "argmax")
    if dtype.is_float:
        return -math.inf if lowest else math.inf
    if dtype.is_bool:
        return 0 if lowest else 1
    if dtype.kind == "u":
        return 0 if lowest else (1 << dtype.bits) - 1
    return -(1 << (dtype.bits - 1)) if lowest else (1 << (dtype.bits - 1)) - 1


def combine(b: LLVMBuilder, kind: str, left: Value, right: Value) -> Value:
    """Two elements folded.  maximum and minimum propagate NaN; of equals the left one stays."""
    if kind == "add":
        return b.add(left, right)
    if kind == "multiply":
        return b.mul(left, right)
    if kind == "any":
        return b.bit_or(left, right)
    if kind == "all":
        return b.bit_and(left, right)
    taken = b.gt(right, left) if kind == "maximum" else b.lt(right, left)
    found = b.select(taken, right, left)  # one instruction on x86: a NaN on the right is not taken
    return b.select(b.is_nan(right), right, found) if left.dtype.is_float else found
