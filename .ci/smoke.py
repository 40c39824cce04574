"""Uses an installed wheel as a user would: define, compile, run, look, save, load, command line."""

import subprocess
import sys
from pathlib import Path

import numpy as np

import graphc

PROGRAM = """
import numpy as np, runtime, sys
step = runtime.load("step.graphc")
batch = np.load("batch.npy")
print(float(step.step(x=batch)["loss"]))
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"graphc", "sympy", "networkx"}, loaded
"""

x = graphc.input("x", ("N", 8))
w = graphc.parameter("w", np.full((8, 3), 0.1, np.float32))
loss = graphc.mean(graphc.relu(x @ w) ** 2)
(dw,) = graphc.grad(loss, [w])
step = graphc.Graph("step", outputs={"loss": loss}, updates={w: w - 0.1 * dw})

batch = np.linspace(-1, 1, 40, dtype=np.float32).reshape(5, 8)
executable = graphc.compile(step)
executable.save("step.graphc")
losses = [float(executable(x=batch)["loss"]) for _ in range(20)]
assert losses[-1] < losses[0], losses
np.testing.assert_allclose(losses[0], graphc.evaluate(loss, x=batch), rtol=1e-6)
assert graphc.parse(step.text()) == step
assert step.svg().startswith("<svg")

np.save("batch.npy", batch)
loaded = subprocess.run(
    [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True
)
assert float(loaded.stdout) == losses[0], (loaded.stdout, losses[0])

Path("model.py").write_text(
    "import graphc\n"
    "x = graphc.input('x', ('N',))\n"
    "model = graphc.Graph('model', outputs={'y': graphc.exp(x) * 2.0})\n"
)
shown = subprocess.run(
    [sys.executable, "-m", "graphc", "dump", "model.py:model", "--stage", "loops"],
    check=True, capture_output=True, text=True,
)
assert "kernel" in shown.stdout, shown.stdout
print(f"the wheel of graphc in {Path(graphc.__file__).parent} works")
