"""Random arrays in random layouts: what goes through native code is what NumPy says they hold."""

import functools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from runtime.binding import bind
from runtime.errors import InputShapeError
from runtime.executable import Executable
from tests.runtime.conftest import copy_program, entry, spec

DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"]


@functools.cache
def copier(dtype, rank):
    dims = [f"D{axis}" for axis in range(rank)]
    return Executable(copy_program(dtype, dims, dims), poison=True)


@st.composite
def laid_out(draw):
    """An array of any dtype and rank, transposed, sliced, byte-swapped, shifted or read-only."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=6, min_side=0, max_side=4))
    array = draw(hnp.arrays(dtype, shape, elements=hnp.from_dtype(dtype), fill=st.nothing()))
    if array.ndim and draw(st.booleans()):
        array = array.transpose(draw(st.permutations(range(array.ndim))))
    if array.ndim and draw(st.booleans()):
        array = array[draw(hnp.basic_indices(array.shape, allow_newaxis=True, max_dims=6))]
        array = np.asarray(array)
    if dtype.itemsize > 1 and draw(st.booleans()):
        array = array.astype(dtype.newbyteorder(">"))
    if draw(st.booleans()):
        shifted = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
        shifted[...] = array
        array = shifted
    array.flags.writeable = draw(st.booleans()) and array.flags.writeable
    return array


@settings(max_examples=300, deadline=None)
@given(laid_out())
def test_any_layout(array):
    dtype = array.dtype.newbyteorder("=")
    before = array.tobytes()
    result = copier(dtype.name, array.ndim)(array)
    assert result.dtype == dtype and result.shape == array.shape
    assert result.tobytes() == np.ascontiguousarray(array, dtype).tobytes()
    assert array.tobytes() == before and not np.may_share_memory(result, array)


@settings(max_examples=200, deadline=None)
@given(
    factor=st.integers(-3, 4),
    offset=st.integers(-5, 5),
    n=st.integers(0, 50),
    got=st.integers(0, 50),
)
def test_a_linear_size_is_solved_or_refused(factor, offset, n, got):
    """The only solution when there is one; never a wrong one."""

    def fill(address):
        import ctypes

        table = (ctypes.c_int64 * 2).from_address(address)
        table[1] = factor * table[0] + offset

    made = entry("f", ["N"], [spec("x", "uint8", "size of N")], [], sizes=["N", "size of N"])
    solutions = [k for k in range(0, 200) if factor * k + offset == got]
    try:
        binding = bind(made, [(got,)], fill)
    except InputShapeError:
        assert len(solutions) != 1
    else:
        assert solutions == [binding.values["N"]]
    if factor and factor * n + offset >= 0:
        assert bind(made, [(factor * n + offset,)], fill).values["N"] == n
