"""Results written over what a kernel is the last to read."""

import numpy as np

import graphc


def test_what_is_packed_is_not_packed_in_place() -> None:
    """Equal indices of a row-major array and of one in panels are different places."""
    x, w = graphc.input("x", (256, 1024)), graphc.input("w", (1024, 1024))
    y = x @ graphc.abs(w)
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((256, 1024), "f4"), rng.standard_normal((1024, 1024), "f4")
    np.testing.assert_allclose(graphc.compile(y)(a, b), a @ np.abs(b), rtol=1e-3, atol=1e-2)
