"""Denormals are flushed within a call that asks for it, and the caller's mode is as it was."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graphc
from runtime import jit, native
from tests.runtime.regions import FLUSH, PROCESSOR

pytestmark = pytest.mark.skipif(not FLUSH, reason="nothing is known of this processor's modes")

_CONTROL = """
define i64 @test.mode() {
  %mode = call i64 @mode()
  ret i64 %mode
}
define void @test.set_mode(i64 %mode) {
  call void @set_mode(i64 %mode)
  ret void
}
"""
_TOWARDS_ZERO = {"x86_64": 0x6000, "aarch64": 0xC00000}.get(PROCESSOR, 0)


class Control:
    """Reads and sets this thread's floating-point mode, MXCSR or FPCR."""

    def __init__(self) -> None:
        self._library = jit.compile(_CONTROL + native.text(f"{PROCESSOR}.ll"))
        address = self._library.address
        self._mode = ctypes.CFUNCTYPE(ctypes.c_int64)(address("test.mode"))
        self._set = ctypes.CFUNCTYPE(None, ctypes.c_int64)(address("test.set_mode"))

    @property
    def mode(self) -> int:
        return int(self._mode())

    @mode.setter
    def mode(self, mode: int) -> None:
        self._set(mode)


@pytest.fixture
def control() -> Iterator[Control]:
    control = Control()
    before = control.mode
    yield control
    control.mode = before


TINY = np.full(37, 1e-40, np.float32)


def program() -> graphc.Executable:
    x, labels = graphc.input("x", ("N",)), graphc.input("labels", ("M",), "int64")
    w = graphc.parameter("w", TINY)
    taken = graphc.sum(graphc.take_along_axis(w, labels, axis=0))
    update = {w: w * 0.5}
    return graphc.compile(
        graphc.Graph("step", {"y": x * 0.5, "s": graphc.sum(x), "taken": taken}, update),
        graphc.Graph("kept_step", {"y": x * 0.5}, {w: w * 1.0}, flush_denormals=False),
        graphc.Graph("plain", {"y": x * 0.5, "s": graphc.sum(x)}),
        graphc.Graph("flushed", {"y": x * 0.5}, flush_denormals=True),
    )


def test_denormals_are_flushed_where_there_are_updates_alone() -> None:
    exe = program()
    half = TINY * np.float32(0.5)
    assert half.all()
    np.testing.assert_array_equal(exe.plain(x=TINY)["y"], half)
    assert exe.plain(x=TINY)["s"] > 0
    np.testing.assert_array_equal(exe.kept_step(x=TINY)["y"], half)
    assert exe.state["w"].all()
    assert not exe.flushed(x=TINY)["y"].any()
    stepped = exe.step(x=TINY, labels=np.zeros(1, np.int64))
    assert not stepped["y"].any() and stepped["s"] == 0 and not exe.state["w"].any()


def test_what_a_graph_says_of_denormals_is_in_its_text() -> None:
    exe = program()
    for name, flushed in {
        "step": True,
        "kept_step": False,
        "plain": False,
        "flushed": True,
    }.items():
        text = exe.graph("graph", name).text()
        assert ("flush_denormals = true" in text) == flushed
        constants: dict[str, Any] = {}
        fused = exe.text("fused", name, constants=constants)
        assert graphc.parse(fused, constants).ir.flush_denormals == flushed


@pytest.mark.parametrize(
    "own", (0, FLUSH, _TOWARDS_ZERO), ids=("usual", "flushing", "rounding")
)
def test_the_callers_mode_is_restored(control: Control, own: int) -> None:
    exe = program()
    mode = control.mode | own
    labels = np.zeros(1, np.int64)
    for call in (
        lambda: exe.step(x=TINY, labels=labels),
        lambda: exe.flushed(x=TINY),
        lambda: exe.plain(x=TINY),
    ):
        call()  # compiled and bound before the mode is changed
        before = control.mode
        control.mode = mode
        try:
            call()
            after = control.mode
        finally:
            control.mode = before
        assert after == mode


def test_the_callers_mode_is_restored_where_a_check_fails(control: Control) -> None:
    exe = program()
    before = control.mode
    with pytest.raises(Exception, match="99"):
        exe.step(x=TINY, labels=np.array([99]))
    assert control.mode == before
    assert exe.state["w"].all()  # and nothing was written
