"""Linear regression, every part of the training step in sight: loss, gradients, updates.

    python examples/training_step_by_hand.py

The gradients are tensors like any others: they can be printed, differentiated again, or returned.
"""

from __future__ import annotations

import numpy as np

import graphc

x = graphc.input("x", ("N", 3))
y = graphc.input("y", ("N",))
w = graphc.parameter("w", np.zeros(3, np.float32))
b = graphc.parameter("b", np.float32(0))

residual = x @ w + b - y
loss = graphc.mean(residual * residual)
dw, db = graphc.grad(loss, [w, b])

step = graphc.Graph(
    "step",
    outputs={"loss": loss, "steepness": graphc.sqrt(graphc.sum(dw * dw) + db * db)},
    updates={w: w - 0.1 * dw, b: b - 0.1 * db},
)


def main(steps: int = 200) -> float:
    """Fits noisy samples of a known line; gives the last loss."""
    rng = np.random.default_rng(0)
    true_w, true_b = np.array([1.0, -2.0, 0.5]), 0.25
    features = rng.standard_normal((256, 3)).astype(np.float32)
    targets = (features @ true_w + true_b + 0.01 * rng.standard_normal(256)).astype(np.float32)

    executable = graphc.compile(step)
    for number in range(steps):
        found = executable(x=features, y=targets)
        if number % 50 == 0 or number == steps - 1:
            print(
                f"step {number:3}: loss {found['loss']:.6f}, gradient's norm "
                f"{found['steepness']:.6f}"
            )
    print(f"w = {executable.state['w'].round(3)}, sought {true_w}")
    print(f"b = {float(executable.state['b']):.3f}, sought {true_b}")
    return float(found["loss"])


if __name__ == "__main__":
    main()
