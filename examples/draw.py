"""Pictures of a training step: as declared, and with the fused groups as boxes.

    python examples/draw.py --to pictures
    python -m graphc draw examples/draw.py:step -o step.html
"""

from __future__ import annotations

import argparse
from pathlib import Path

import graphc

x = graphc.input("x", ("N", 16))
y = graphc.input("y", ("N", 1))
w1 = graphc.parameter("w1", graphc.initializers.glorot_uniform((16, 8), seed=1))
w2 = graphc.parameter("w2", graphc.initializers.glorot_uniform((8, 1), seed=2))

hidden = graphc.tanh(x @ w1)
error = hidden @ w2 - y
loss = graphc.mean(error * error)
d1, d2 = graphc.grad(loss, [w1, w2])
step = graphc.Graph("step", outputs={"loss": loss}, updates={w1: w1 - 0.1 * d1, w2: w2 - 0.1 * d2})


def main(arguments: list[str] | None = None) -> list[Path]:
    """Writes the pictures; gives their paths."""
    parser = argparse.ArgumentParser(description="Draw a training step.")
    parser.add_argument("--to", type=Path, default=Path("."), help="a directory")
    directory: Path = parser.parse_args(arguments).to
    directory.mkdir(parents=True, exist_ok=True)
    fused = graphc.compile(step).graph("fused")
    written = {
        "step.svg": step.svg(),
        "step.dot": step.to_dot(),
        "step.html": step.html(),
        "step.fused.svg": fused.svg(),
        "step.fused.html": fused.html(),
    }
    for name, text in written.items():
        (directory / name).write_text(text, encoding="utf-8")
        print(f"wrote {directory / name}")
    return [directory / name for name in written]


if __name__ == "__main__":
    main()
