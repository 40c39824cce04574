"""Bit equality, NaNs being equal."""

import numpy as np


def assert_same_bits(got, expected, what=""):
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.dtype == expected.dtype and got.shape == expected.shape
    bits = {1: np.uint8, 4: np.uint32, 8: np.uint64}[got.dtype.itemsize]
    wrong = got.view(bits) != expected.view(bits)
    if got.dtype.kind == "f":
        wrong &= ~(np.isnan(got) & np.isnan(expected))
    first = np.argwhere(wrong)[:4].tolist()
    assert not wrong.any(), f"{what} differs at {first}: {got[wrong][:4]} {expected[wrong][:4]}"
