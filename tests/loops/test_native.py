"""Native code against the interpreter, bit for bit: the three kernels and random small ones."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

import tests.loops.records  # noqa: F401
from graphc.loops.interpreter import run
from graphc.loops.printer import text
from runtime import jit
from tests.codegen.conftest import object_cache  # noqa: F401
from tests.codegen.kernels import Native
from tests.levels import LEVELS
from tests.loops.compare import assert_same_bits
from tests.loops.kinds import KINDS, LONG
from tests.loops.test_kernels import BATCHES, arrays_for, three_kernel
from tests.loops.test_printer import THREE

EXAMPLES = int(os.environ.get("GRAPHC_EXAMPLES", "12"))
RANDOM = {**KINDS, **LONG}


def compare(kernel, target, arrays, bindings, native=None):
    """Run both ways on copies; every array must come out alike."""
    native = native or Native(kernel, target)
    fused = jit.resolve(target).has_fma
    interpreted = {name: array.copy() for name, array in arrays.items()}
    compiled = {name: array.copy() for name, array in arrays.items()}
    run(kernel, interpreted, bindings, fused=fused)
    native(*(compiled[a.name] for a in kernel.arguments), **bindings)
    for argument in kernel.arguments:
        name = argument.name
        assert_same_bits(compiled[name], interpreted[name], f"{name} ({target})")


@pytest.mark.parametrize("target", LEVELS)
@pytest.mark.parametrize("name", THREE)
def test_the_three_kernels(name, target):
    kernel = three_kernel(name)
    native = Native(kernel, target)
    for n in BATCHES:
        compare(kernel, target, arrays_for(kernel, n), {"N": n}, native)


@pytest.mark.parametrize("kind", RANDOM)
def test_random_kernels(kind):
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(RANDOM[kind], st.sampled_from(LEVELS), st.integers(0, 1000))
    def check(made, target, seed):
        case, kernel = made
        note(text(kernel))
        note(f"{target} {case.bindings}")
        compare(kernel, target, case.arrays(seed), case.bindings)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("kind", RANDOM)
def test_many_random_kernels(kind):
    @settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
    @given(RANDOM[kind], st.sampled_from(LEVELS), st.integers(0, 1000))
    def check(made, target, seed):
        case, kernel = made
        note(text(kernel))
        note(f"{target} {case.bindings}")
        compare(kernel, target, case.arrays(seed), case.bindings)

    check()


def test_no_element_around_an_output_is_written():
    kernel = three_kernel("hidden_gradient")
    native = Native(kernel)
    for n in (1, 13, 15):
        arrays = arrays_for(kernel, n)
        guarded = {}
        for name, array in arrays.items():
            band = np.full(array.size + 128, 7.25, np.float32)
            band[64:-64] = array.ravel()
            guarded[name] = band
        inner = [guarded[a.name][64:-64].reshape(arrays[a.name].shape) for a in kernel.arguments]
        native(*inner, N=n)
        for band in guarded.values():
            assert (band[:64] == 7.25).all() and (band[-64:] == 7.25).all()
