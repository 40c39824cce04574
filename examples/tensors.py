"""Tensors of rank 0 to 5: what they look like, how they combine, and what they become.

    python examples/tensors.py
"""

from __future__ import annotations

import numpy as np

import graphc

scalar = graphc.input("scalar", ())
vector = graphc.input("vector", ("N",))
matrix = graphc.input("matrix", ("N", 3))
stack = graphc.input("stack", (2, "N", 3))
images = graphc.input("images", ("B", 8, 8, 3), graphc.uint8)
videos = graphc.input("videos", ("B", 4, 8, 8, 3))

results = {
    # rank 0: a mean of everything
    "mean": graphc.mean(vector) * scalar,
    # rank 1: a matrix-vector product; the named dim N runs along
    "weighted": matrix @ graphc.constant([0.2, 0.3, 0.5]),
    # rank 2: NumPy's broadcasting, (N, 1) against (N, 3)
    "scaled": matrix * vector[:, None],
    # rank 3: a product of stacks, (2, N, 3) @ (2, 3, N)
    "products": stack @ stack.mT,
    # rank 4: unsigned bytes to floats in [0, 1], every other pixel, flipped
    "small": images[:, ::2, ::-2].astype("float32") / 255,
    # rank 5: the images' first frame and the videos, one after the other along time
    "longer": graphc.concat(
        [graphc.expand_dims(images.astype("float32"), 1) / 255, videos], axis=1
    ),
}
graph = graphc.Graph("tensors", outputs=results)


def main() -> dict[str, np.ndarray]:
    """Prints every tensor's type, runs them all, and compares with the reference."""
    for tensor in (scalar, vector, matrix, stack, images, videos):
        print(f"{tensor!r:42} rank {tensor.ndim}, {tensor.size} elements")
    print()
    rng = np.random.default_rng(0)
    arrays = {
        "scalar": np.float32(2),
        "vector": rng.random(5, np.float32),
        "matrix": rng.random((5, 3), np.float32),
        "stack": rng.random((2, 5, 3), np.float32),
        "images": rng.integers(0, 256, (2, 8, 8, 3), np.uint8),
        "videos": rng.random((2, 4, 8, 8, 3), np.float32),
    }
    found = graphc.compile(graph)(**arrays)
    expected = graphc.evaluate(graph, **arrays)
    for name, tensor in results.items():
        far = np.abs(found[name] - expected[name]).max()
        print(f"{name:9} {tensor.shape!s:18} -> {found[name].shape!s:18} off by {far:.1e}")
    return dict(found)


if __name__ == "__main__":
    main()
