"""Aligned buffers, reuse of large outputs, the arena, guard bands."""

import gc
import os

import numpy as np
import pytest

from runtime import memory
from runtime.errors import GuardError


@pytest.mark.parametrize("nbytes", [1, 63, 64, 4097, (2 << 20) - 1, 2 << 20, (5 << 20) + 3])
def test_blocks_are_aligned_and_whole(nbytes):
    block = memory.aligned_bytes(nbytes)
    assert block.shape == (nbytes,)
    assert memory.address_of(block) % (memory.LARGE if nbytes >= memory.LARGE else 64) == 0
    block[:] = 7
    assert int(block.astype(np.int64).sum()) == 7 * nbytes


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (5,), (2, 3, 4, 5, 6, 7)])
def test_arrays_of_every_dtype_and_rank(dtype, shape):
    for array in (
        memory.aligned_empty(shape, dtype),
        memory.output_maker(shape, np.dtype(dtype))(),
    ):
        assert array.shape == shape and array.dtype == dtype
        assert array.flags.c_contiguous and array.flags.writeable


def test_address_of_any_contiguous_array():
    array = np.arange(6.0)
    assert memory.address_of(array) == array.ctypes.data
    array.flags.writeable = False
    assert memory.address_of(array) == array.ctypes.data
    assert memory.address_of(np.zeros((0, 3))) != 0


def test_too_much_memory_is_a_memory_error():
    with pytest.raises(MemoryError):
        memory.aligned_bytes(1 << 60)
    with pytest.raises(MemoryError):
        memory.aligned_bytes(1 << 80)


def test_a_dropped_large_output_is_used_again_and_a_living_one_is_not():
    free = memory.FreeList()
    first = free.take(40 << 20)
    address = memory.address_of(first)
    view = first.view(np.float32).reshape(1024, -1)[5:6]
    del first
    assert free.idle_bytes() == 0, "a view keeps it alive"
    second = free.take(40 << 20)
    assert memory.address_of(second) != address
    del view
    gc.collect()
    assert free.idle_bytes() == 40 << 20
    third = free.take(39 << 20)
    assert memory.address_of(third) == address and third.nbytes == 39 << 20
    assert free.take(4 << 20).nbytes == 4 << 20, "a much smaller one gets a block of its own"


def test_idle_memory_is_bounded_and_can_be_cleared():
    free = memory.FreeList(limit=10 << 20)
    held = [free.take(4 << 20) for _ in range(4)]
    held.clear()
    assert free.idle_bytes() == 8 << 20
    free.clear()
    assert free.idle_bytes() == 0


def test_outputs_above_the_bound_come_from_the_free_list():
    memory.outputs.clear()
    array = memory.output_maker((33 << 20,), np.dtype("uint8"))()
    assert memory.address_of(array) % memory.LARGE == 0
    del array
    assert memory.outputs.idle_bytes() == 34 << 20
    memory.outputs.clear()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_process_does_not_write_into_its_parents_buffers():
    block = memory.aligned_bytes(4 << 20)
    block[:] = 1
    child = os.fork()
    if child == 0:
        block[:] = 2
        os._exit(0)
    os.waitpid(child, 0)
    assert (block == 1).all()


def test_the_arena_is_kept_and_grows():
    arena = memory.Arena()
    assert arena.reserve(0) % 64 == 0
    first = arena.reserve(1000)
    assert arena.reserve(10) == first == arena.reserve(1000)
    assert arena.reserve(3 << 20) % memory.LARGE == 0
    assert arena.capacity >= 3 << 20
    with pytest.raises(MemoryError):
        arena.reserve(1 << 60)
    assert arena.reserve(100) and arena.capacity >= 100


def test_guarded_buffers_start_at_different_places_of_a_page():
    starts = {memory.address_of(memory.Guarded(3 << 20).bytes) % 4096 for _ in range(8)}
    assert len(starts) == 8 and all(start % 64 == 0 for start in starts)


@pytest.mark.parametrize(("at", "said"), [(-1, "1 bytes before"), (103, "4 bytes beyond")])
def test_guard_bands_find_a_write_outside(at, said):
    guarded = memory.Guarded(100)
    assert np.isnan(guarded.bytes[:96].view(np.float32)).all()
    guarded.check("buffer")
    guarded._whole[guarded._start + at] = 0
    with pytest.raises(GuardError, match=said):
        guarded.check("buffer")


def test_the_high_water_mark_of_a_poisoned_arena():
    import ctypes

    arena = memory.Arena(poison=True)
    address = arena.reserve(1024)
    ctypes.memset(address, 0, 700)
    arena.check()
    assert arena.high_water == 700
    assert arena.reserve(64) and arena.check() is None
    assert arena.high_water == 700
    ctypes.memset(arena.address, 0, 65)
    with pytest.raises(GuardError, match="arena: written 1 bytes beyond"):
        arena.check()


def test_large_blocks_where_pages_have_no_flags(monkeypatch):
    """As on Windows."""
    monkeypatch.setattr(memory, "_HAS_FLAGS", False)
    block = memory.aligned_bytes(3 << 20)
    assert memory.address_of(block) % memory.LARGE == 0
    block[:] = 1
    assert block.all()
