"""Chapter 2, gradient-based optimisation: slopes, descent, the chain rule, the tape rewritten."""

# %% [imports]
import numpy as np
from showing import show

import graphc

rng = np.random.default_rng(0)

# %% [derivative]
x = graphc.input("x", ())
curve = x**3 - 2 * x
(slope,) = graphc.grad(curve, [x])
at = graphc.compile(graphc.Graph("curve", outputs={"y": curve, "slope": slope}))
epsilon = 1e-3
here = at(np.float32(1.5))
near = at(np.float32(1.5 + epsilon))
print("slope by the compiled gradient:", here["slope"])
print("slope by two points:           ", (near["y"] - here["y"]) / epsilon)

# %% [formula]
for formula in graphc.Graph("curve", outputs={"slope": slope}).formulas():
    print(formula.text)

# %% [descent]
place = graphc.parameter("place", np.float32(2.0))
height = place**4 - 3 * place**2 + place
(steepness,) = graphc.grad(height, [place])
descent = graphc.Graph(
    "descent",
    outputs={"place": place, "height": height},
    updates={place: place - 0.02 * steepness},
)
walk = graphc.compile(descent)
for step in range(30):
    found = walk()
    if step % 6 == 0:
        print(f"step {step:2}: at {found['place']:+.4f}, height {found['height']:+.4f}")

# %% [descent_picture]
show(descent.svg(), "descent")

# %% [momentum]
past = graphc.parameter("past", np.float32(0.0))
velocity = 0.9 * past - 0.02 * steepness
rolling = graphc.compile(
    graphc.Graph(
        "rolling",
        outputs={"place": place, "height": height},
        updates={past: velocity, place: place + 0.9 * velocity - 0.02 * steepness},
    )
)
for _ in range(60):
    found = rolling()
print(f"with momentum: at {found['place']:+.4f}, height {found['height']:+.4f}")

# %% [chain_graph]
x = graphc.input("x", ())
w = graphc.parameter("w", np.float32(3.0))
b = graphc.parameter("b", np.float32(1.0))
y_true = graphc.input("y_true", ())
x1 = x * w
x2 = x1 + b
loss_val = graphc.abs(y_true - x2)

# %% [chain_backward]
grad_x2, grad_x1, grad_w, grad_b = graphc.grad(loss_val, [x2, x1, w, b])
chain = graphc.Graph(
    "chain",
    outputs={"loss_val": loss_val},
    updates={w: w - 0.1 * grad_w, b: b - 0.1 * grad_b},
)
show(chain.svg(), "chain")

# %% [chain_values]
edges = {
    "x1": x1, "x2": x2, "loss_val": loss_val,
    "grad_x2": grad_x2, "grad_x1": grad_x1, "grad_w": grad_w, "grad_b": grad_b,
}  # fmt: skip
values = graphc.compile(graphc.Graph("edges", outputs=edges))(x=np.float32(2), y_true=np.float32(4))
for name, value in values.items():
    print(f"{name:9} {float(value):+.1f}")

# %% [chain_product]
along_w = float(values["grad_x2"]) * 1.0 * 2.0
print("d loss/d x2 * d x2/d x1 * d x1/d w =", along_w)
assert along_w == float(values["grad_w"])

# %% [chain_text]
print(chain.text(locations=False))

# %% [tape_scalar]
x = graphc.parameter("x", np.float32(0.0))
y = 2 * x + 3
(grad_of_y_wrt_x,) = graphc.grad(y, [x])
print(graphc.evaluate(grad_of_y_wrt_x))

# %% [tape_matrix]
W = graphc.parameter("W", rng.random((2, 2), np.float32))
b = graphc.parameter("b", np.zeros(2, np.float32))
x = graphc.constant(rng.random((2, 2), np.float32))
y = x @ W + b
grads = graphc.grad(graphc.sum(y), [W, b])
for name, gradient in zip(["W", "b"], grads, strict=True):
    print(name, graphc.evaluate(gradient).tolist())

# %% [second_order]
time = graphc.input("time", ())
position = 4.9 * time**2
(speed,) = graphc.grad(position, [time])
(acceleration,) = graphc.grad(speed, [time])
print(graphc.evaluate(acceleration, time=np.float32(3.0)))

# %% [gradient_graph]
show(graphc.Graph("layer", outputs={"y": y, "grad_W": grads[0], "grad_b": grads[1]}).svg(), "layer")

# %% [check]
print(
    graphc.check_gradient(
        lambda x, W, b: graphc.tanh(x @ W + b),
        [rng.random((2, 2)), rng.random((2, 2)), rng.random(2)],
    )
)
