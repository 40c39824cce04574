"""One small graph at every stage of the compiler, from its declaration to assembly.

    python examples/dump_stages.py
    python -m graphc dump examples/dump_stages.py:layer --stage loops
"""

from __future__ import annotations

import argparse

import numpy as np

import graphc

x = graphc.input("x", ("N", 64))
w = graphc.parameter("w", np.full((64, 32), 0.01, np.float32))
b = graphc.parameter("b", np.zeros(32, np.float32))
layer = graphc.Graph("layer", outputs={"y": graphc.relu(x @ w + b)})

STAGES = ("graph", "optimized", "fused", "loops", "llvm", "asm")


def main(arguments: list[str] | None = None) -> dict[str, str]:
    """Prints the beginning of each stage's text; gives the texts."""
    parser = argparse.ArgumentParser(description="Show every stage of a compilation.")
    parser.add_argument("--lines", type=int, default=24, help="of each stage; default: 24")
    options = parser.parse_args(arguments)
    executable = graphc.compile(layer)
    texts = {stage: executable.text(stage) for stage in STAGES}
    for stage, text in texts.items():
        lines = text.splitlines()
        print(f"-- {stage} " + "-" * (90 - len(stage)))
        print("\n".join(lines[: options.lines]))
        if len(lines) > options.lines:
            print(f"   ... {len(lines) - options.lines} more lines")
        print()
    return texts


if __name__ == "__main__":
    main()
