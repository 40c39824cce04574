"""Programs saved by the compiler and run by the runtime alone, in another process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import graphc
import runtime
from tests.structure import ROOT

ALONE = """
import sys
class Barred:
    def find_spec(self, name, *rest):
        if name.split(".")[0] in ("graphc", "sympy", "networkx"):
            raise ImportError(name + " is barred")
sys.meta_path.insert(0, Barred())
import numpy as np, runtime
path, target, data = sys.argv[1:]
program = runtime.Program.load(path)
exe = runtime.Executable(program, target=target or None)
x = np.load(data)["x"]
found = {f"{i}.{name}": value for i in range(3) for name, value in exe.train(x=x).items()}
found["p"] = exe.predict(x)["output"]
found |= {f"state.{name}": exe.state[name] for name in ("w", "noise")}
exe.save(path + ".again")
found["p again"] = runtime.load(path + ".again").predict(x=x[:1])["output"]
np.savez(data, target=exe.target, **found)
"""


def program() -> graphc.Executable:
    """Two entries that share a parameter, a generator of random numbers, a large constant."""
    x = graphc.input("x", ("N", 6))
    w = graphc.parameter("w", np.linspace(-1, 1, 24, dtype="f").reshape(6, 4))
    table = graphc.constant(np.arange(400, dtype="f").reshape(100, 4) / 100)
    noise = graphc.normal(("N", 4), stddev=0.1, generator=graphc.Generator(5, "noise"))
    y = graphc.tanh(x @ w) + noise
    loss = graphc.mean((y - table[7]) ** 2)
    (dw,) = graphc.grad(loss, [w])
    train = graphc.Graph("train", {"loss": loss, "y": y}, {w: w - 0.1 * dw})
    return graphc.compile(train, graphc.Graph("predict", graphc.softmax(x @ w)))


@pytest.mark.parametrize("target", ("", "baseline"))
def test_training_goes_on_without_the_compiler(target: str, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(5, 6)).astype("f")
    exe, path, data = program(), tmp_path / "p.graphc", tmp_path / "data.npz"
    for _ in range(3):
        exe.train(x=x)
    exe.save(path)
    np.savez(data, x=x)
    command = [sys.executable, "-c", ALONE, str(path), target, str(data)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = np.load(data)
    assert str(found["target"]) == target or not target
    expected = {f"{i}.{name}": v for i in range(3) for name, v in exe.train(x=x).items()}
    expected |= {f"state.{name}": exe.state[name] for name in ("w", "noise")}
    expected["p"] = exe.predict(x=x)["output"]
    for name, value in expected.items():
        if target:
            np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
        else:
            assert found[name].tobytes() == np.asarray(value).tobytes(), name
    np.testing.assert_array_equal(found["state.noise"], exe.state["noise"])
    np.testing.assert_allclose(found["p again"], found["p"][:1], rtol=1e-6)


def test_what_is_saved_is_the_state_now_and_the_program_says_where_it_is_from(
    tmp_path: Path,
) -> None:
    exe = program()
    exe.train(x=np.ones((2, 6), "f"))
    exe.save(tmp_path / "p.graphc")
    loaded = runtime.load(tmp_path / "p.graphc")
    assert loaded.state["w"].tobytes() == exe.state["w"].tobytes()
    assert not np.array_equal(loaded.state["w"], program().state["w"])
    assert "baseline" in loaded.program.llvm
    assert loaded.program.entries == exe.program.entries
    assert loaded.program.source_map == exe.program.source_map
    assert "y = graphc.tanh(x @ w) + noise" in loaded.program.source_map.values()
    for entry in loaded.program.entries:
        assert all(kernel.flops and kernel.bytes for kernel in entry.kernels)
