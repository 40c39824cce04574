"""Kernels by hand, given to the pool as an entry would."""

import ctypes

import numpy as np

from runtime import jit, native, pool
from runtime.memory import address_of

# @count adds 1 to each unit's place, after ``spin`` rounds; @halve stores half of ``x`` instead.
TEXT = """
define void @count(ptr %buffers, ptr %table, i64 %begin, i64 %end) {
entry:
  %y = load ptr, ptr %buffers
  %spin = load i64, ptr %table
  br label %unit
unit:
  %i = phi i64 [%begin, %entry], [%next, %done]
  br label %round
round:
  %k = phi i64 [0, %unit], [%k2, %round]
  %place = getelementptr i64, ptr %y, i64 %i
  %old = load volatile i64, ptr %place
  %k2 = add i64 %k, 1
  %again = icmp sle i64 %k2, %spin
  br i1 %again, label %round, label %done
done:
  %new = add i64 %old, 1
  store i64 %new, ptr %place
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %end
  br i1 %more, label %unit, label %end.of.units
end.of.units:
  ret void
}
define void @halve(ptr %buffers, ptr %table, i64 %begin, i64 %end) {
entry:
  %y = load ptr, ptr %buffers
  %xp = getelementptr ptr, ptr %buffers, i64 1
  %xs = load ptr, ptr %xp
  %spin = load i64, ptr %table
  br label %unit
unit:
  %i = phi i64 [%begin, %entry], [%next, %done]
  %place = getelementptr float, ptr %y, i64 %i
  br label %round
round:
  %k = phi i64 [0, %unit], [%k2, %round]
  %x = load volatile float, ptr %xs
  %half = fmul float %x, 0.5
  store volatile float %half, ptr %place
  %k2 = add i64 %k, 1
  %again = icmp sle i64 %k2, %spin
  br i1 %again, label %round, label %done
done:
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %end
  br i1 %more, label %unit, label %end.of.units
end.of.units:
  ret void
}
define void @region(ptr %team, ptr %kernel, ptr %buffers, ptr %table, i64 %units, i64 %cuts,
                    i64 %work, i64 %flags) {
  %old = call i64 @mode()
  %new = or i64 %old, %flags
  call void @set_mode(i64 %new)
  %run = load ptr, ptr %team
  call void %run(ptr %team, ptr %kernel, ptr %buffers, ptr %table, i64 %units, i64 %cuts, i64 %work)
  call void @set_mode(i64 %old)
  ret void
}
"""
PROCESSOR = pool.processor_name()
FLUSH = {"x86_64": 0x8040, "aarch64": 1 << 24}.get(PROCESSOR, 0)  # of denormals, in @mode


class Regions:
    """Regions on a pool of its own, or on the process's."""

    def __init__(self, waiting=None):
        self.pool = pool.Pool(waiting) if waiting else pool.Pool.get()
        library = jit.compile(TEXT + native.text(f"{PROCESSOR}.ll"))
        self.library = library
        self.kernels = {name: library.address(name) for name in ("count", "halve")}
        types = [ctypes.c_void_p] * 4 + [ctypes.c_int64] * 4
        self._region = ctypes.CFUNCTYPE(None, *types)(library.address("region"))

    def team(self, threads, least_woken=0):
        return np.array([self.pool.run, threads, 0, least_woken], np.int64)

    def run(self, team, kernel, arrays, units, cuts=8, work=10**9, spin=0, flags=0):
        buffers = np.array([address_of(array) for array in arrays], np.int64)
        table = np.array([spin], np.int64)
        self._region(
            address_of(team), self.kernels[kernel], address_of(buffers), address_of(table),
            units, cuts, work, flags,
        )  # fmt: skip
