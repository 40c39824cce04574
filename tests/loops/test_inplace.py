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


def test_what_a_fold_reads_is_not_overwritten_by_its_body() -> None:
    a, b = graphc.input("a", (16, 2, 3)), graphc.input("b", (16, 3, 64))
    rng = np.random.default_rng(0)
    old = rng.random((16, 2, 64), np.float32)
    p, q = graphc.parameter("p", old), graphc.parameter("q", np.float32(0))
    y = graphc.argmin(a @ b, axis=2)
    graph = graphc.Graph("g", {"y": y}, {p: graphc.flip(p, 1), q: graphc.sum(p)})
    x, w = rng.random((16, 2, 3), np.float32), rng.random((16, 3, 64), np.float32)
    exe = graphc.compile(graph)
    assert (exe(x, w)["y"] == np.argmin(x @ w, axis=2)).all()
    assert (exe.state["p"] == old[:, ::-1]).all()
