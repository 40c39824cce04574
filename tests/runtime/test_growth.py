"""What many compilations leave behind, beside what LLVM does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COUNT = 3000
CODE = """
import gc, re, sys
import numpy as np, graphc
from runtime import jit

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4  # KiB

x = graphc.input("x", ("N",))
value = np.arange(5, dtype=np.float32)
text = graphc.compile(x * 2 + 3).text("llvm")

def graph(number):
    exe = graphc.compile(x * (number + 2.5) + 3)
    exe(value), exe(value)

def module(number):
    jit.compile(re.sub(r"@main\\b", f"@main{number}", text))

run, count = {"graph": graph, "module": module}[sys.argv[1]], int(sys.argv[2])
for number in range(200):
    run(number)
gc.collect()
before = resident()
for number in range(200, 200 + count):
    run(number)
gc.collect()
print((resident() - before) / count)
"""


def growth(what: str, folder: Path) -> float:
    """KiB that stay for each of ``COUNT`` compilations in a process of their own."""
    environment = {**os.environ, "GRAPHC_CACHE_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", CODE, what, str(COUNT)],
        cwd=ROOT, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return float(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs the size of the process")
def test_compilations_leave_no_more_than_llvmlite_does(tmp_path: Path) -> None:
    own, of_llvmlite = growth("graph", tmp_path / "a"), growth("module", tmp_path / "b")
    print(f"{own:.1f} KiB a compilation, {of_llvmlite:.1f} of them llvmlite's")
    assert own < of_llvmlite + 4
