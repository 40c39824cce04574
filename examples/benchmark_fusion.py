"""What fusion is worth: four graphs, fused against unfused against NumPy, kernel by kernel.

    python examples/benchmark_fusion.py
    python examples/benchmark_fusion.py --only gelu --svg gelu.svg
    python -m graphc bench examples/benchmark_fusion.py:layer_norm --sizes N=64,4096
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import graphc


def gelu_in_numpy(x: np.ndarray, s: np.ndarray, b: np.ndarray) -> np.ndarray:
    z = x * s + b
    inner = np.float32(np.sqrt(2 / np.pi)) * (z + np.float32(0.044715) * (z * z * z))
    return np.float32(0.5) * z * (1 + np.tanh(inner))


def softmax_in_numpy(x: np.ndarray) -> np.ndarray:
    exponentials = np.exp(x - x.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def layer_norm_in_numpy(x: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    return centred / np.sqrt(variance + np.float32(1e-5)) * scale + shift


def _gelu() -> graphc.Graph:
    x = graphc.input("x", ("N",))
    s = graphc.parameter("s", np.float32(1.5))
    b = graphc.parameter("b", np.float32(0.5))
    return graphc.Graph("gelu", outputs={"y": graphc.gelu(x * s + b, approximate=True)})


def _softmax() -> graphc.Graph:
    x = graphc.input("x", ("N", 1024))
    return graphc.Graph("softmax", outputs={"y": graphc.softmax(x)})


def _layer_norm() -> graphc.Graph:
    x = graphc.input("x", ("N", 1024))
    scale = graphc.parameter("scale", np.ones(1024, np.float32))
    shift = graphc.parameter("shift", np.zeros(1024, np.float32))
    centred = x - graphc.mean(x, axis=1, keepdims=True)
    variance = graphc.mean(centred * centred, axis=1, keepdims=True)
    normal = centred * graphc.rsqrt(variance + 1e-5)
    return graphc.Graph("layer_norm", outputs={"y": normal * scale + shift})


def _training_step() -> graphc.Graph:
    x = graphc.input("x", ("N", 256))
    y = graphc.input("y", ("N",), graphc.int32)
    w1 = graphc.parameter("w1", graphc.initializers.glorot_uniform((256, 128), seed=1))
    w2 = graphc.parameter("w2", graphc.initializers.glorot_uniform((128, 10), seed=2))
    scores = graphc.relu(x @ w1) @ w2
    losses = graphc.sparse_categorical_crossentropy(y, scores, from_logits=True)
    loss = graphc.mean(losses)
    updates = {w: w - 0.01 * g for w, g in zip([w1, w2], graphc.grad(loss, [w1, w2]), strict=True)}
    return graphc.Graph("training_step", outputs={"loss": loss}, updates=updates)


gelu, softmax, layer_norm, training_step = _gelu(), _softmax(), _layer_norm(), _training_step()

CASES = {
    "gelu": (gelu, gelu_in_numpy, [1 << 12, 1 << 16, 1 << 20]),
    "softmax": (softmax, softmax_in_numpy, [16, 256, 4096]),
    "layer_norm": (layer_norm, layer_norm_in_numpy, [16, 256, 4096]),
    "training_step": (training_step, True, [32, 128, 1024]),  # True: graphc's own reference
}


def main(arguments: list[str] | None = None) -> list[str]:
    """Runs the cases; gives the names of those that were run."""
    parser = argparse.ArgumentParser(description="Time graphs fused, unfused and in NumPy.")
    parser.add_argument("--only", choices=CASES, help="one of the cases")
    parser.add_argument("--sizes", type=int, nargs="+", metavar="N", help="instead of its own")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each size; default: 1")
    parser.add_argument("--svg", type=Path, help="write a chart (with --only)")
    options = parser.parse_args(arguments)
    chosen = [options.only] if options.only else list(CASES)
    for name in chosen:
        graph, reference, sizes = CASES[name]
        report = graphc.benchmark(
            graph,
            sizes={"N": options.sizes or sizes},
            numpy=reference,
            seconds=options.seconds,
        )
        print(report)
        if options.svg is not None:
            options.svg.write_text(report.svg(), encoding="utf-8")
    return chosen


if __name__ == "__main__":
    main()
