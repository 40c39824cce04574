"""Profiles: kernels' times add up, predictions are of the recorded calls, results are the same."""

import numpy as np
import pytest

from runtime.executable import Executable
from runtime.profiling import Profile


def test_a_profile_of_recorded_calls(programs):
    exe = Executable(programs.training())
    profile = Profile(exe.step)
    x = np.ones(1000, np.float32)
    exe.step(x, np.zeros(1000, np.int32))
    with exe.step.recording(profile):
        exe.step(x, np.zeros(1000, np.int32))
        exe.step(x[:10], np.zeros(10, np.int32))
    exe.step(x, np.zeros(1000, np.int32))
    (row,) = profile.rows()
    assert (row.name, row.kind, row.nodes, row.locations) == (
        "k0", "reduce", ("sum",), ("train.py:9",),
    )  # fmt: skip
    assert row.calls == 2 == profile.calls
    assert row.share == 1 and row.seconds == profile.seconds > 0
    assert row.flops == 1010 and row.bytes == 64 * 1010 + 128
    assert exe.state["steps"] == 4
    text = profile.text()
    assert "step: 2 calls" in text and "k0 (reduce)" in text and "GFLOP/s" in text


def test_recording_ends_with_an_error(programs):
    exe = Executable(programs.training())
    profile = Profile(exe.step)
    with pytest.raises(IndexError), exe.step.recording(profile):
        exe.step(np.ones(1, np.float32), np.array([9], np.int32))
    assert exe.step.recorder is None and profile.calls == 1
    assert profile.rows()[0].calls == 0


def test_an_entry_without_kernels(programs):
    exe = Executable(programs.affine())
    profile = Profile(exe.affine)
    with exe.affine.recording(profile):
        exe(1, np.zeros((2, 3), np.float32))
    assert profile.rows() == () and "affine: 1 calls" in profile.text()
