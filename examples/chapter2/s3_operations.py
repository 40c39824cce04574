"""Chapter 2, tensor operations: element by element, broadcast, multiplied, reshaped."""

# %% [imports]
import numpy as np
from showing import quick, readable, seconds, show

import graphc

rng = np.random.default_rng(0)


# %% [naive_relu]
def naive_relu(x):
    assert x.ndim == 2
    x = x.copy()
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = max(x[i, j], 0)
    return x


def naive_add(x, y):
    assert x.ndim == 2 and x.shape == y.shape
    x = x.copy()
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] += y[i, j]
    return x


# %% [compiled_relu]
x = graphc.input("x", ("rows", "columns"))
y = graphc.input("y", ("rows", "columns"))
z = graphc.relu(x + y)
relu_of_sum = graphc.compile(z)

a = rng.standard_normal((20, 100)).astype(np.float32)
b = rng.standard_normal((20, 100)).astype(np.float32)
assert np.array_equal(relu_of_sum(x=a, y=b), naive_relu(naive_add(a, b)))

# %% [loops]
print(relu_of_sum.text("loops"))


# %% [speed]
def compare(rows, columns, with_loops):
    a = rng.standard_normal((rows, columns)).astype(np.float32)
    b = rng.standard_normal((rows, columns)).astype(np.float32)
    spans = {"NumPy": seconds(lambda: np.maximum(a + b, 0))}
    spans["compiled"] = seconds(lambda: relu_of_sum(a, b))
    if with_loops:
        spans["loops in Python"] = seconds(lambda: naive_relu(naive_add(a, b)), times=3)
    shown = ", ".join(f"{name} {readable(span)}" for name, span in spans.items())
    print(f"({rows}, {columns}): {shown}")


compare(20, 100, with_loops=True)
compare(*((100, 100) if quick() else (4000, 1000)), with_loops=False)


# %% [naive_broadcast]
def naive_add_matrix_and_vector(x, y):
    assert x.ndim == 2 and y.ndim == 1 and x.shape[1] == y.shape[0]
    x = x.copy()
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] += y[j]
    return x


# %% [broadcast]
row = graphc.input("row", ("columns",))
shifted = x + row
graph = graphc.Graph("shifted", outputs={"z": shifted}, inputs=[x, row])
print(graph.text(locations=False))

r = rng.standard_normal(100).astype(np.float32)
found = graphc.compile(graph)(a, r)["z"]
assert np.array_equal(found, naive_add_matrix_and_vector(a, r))

# %% [broadcast_ranks]
stack = graphc.input("stack", (64, 3, 32, 10))
sheet = graphc.input("sheet", (32, 10))
print(graphc.maximum(stack, sheet).shape)

# %% [broadcast_error]
try:
    graphc.input("left", ("N", 10)) + graphc.input("right", (12,))
except graphc.errors.ShapeError as error:
    print(error)


# %% [naive_dot]
def naive_vector_product(x, y):
    assert x.ndim == 1 and y.ndim == 1 and x.shape[0] == y.shape[0]
    z = 0.0
    for i in range(x.shape[0]):
        z += x[i] * y[i]
    return z


def naive_matrix_vector_product(x, y):
    z = np.zeros(x.shape[0])
    for i in range(x.shape[0]):
        z[i] = naive_vector_product(x[i, :], y)
    return z


def naive_product(x, y):
    assert x.shape[1] == y.shape[0]
    z = np.zeros((x.shape[0], y.shape[1]))
    for i in range(x.shape[0]):
        for j in range(y.shape[1]):
            z[i, j] = naive_vector_product(x[i, :], y[:, j])
    return z


# %% [dot]
m = graphc.input("left", ("rows", "inner"))
n = graphc.input("right", ("inner", "columns"))
v = graphc.input("vector", ("inner",))
print((v @ v).shape, (m @ v).shape, (m @ n).shape)

product = graphc.compile(graphc.Graph("product", outputs={"z": m @ n}, inputs=[m, n]))
p = rng.standard_normal((24, 40)).astype(np.float32)
q = rng.standard_normal((40, 16)).astype(np.float32)
np.testing.assert_allclose(product(p, q)["z"], naive_product(p, q), rtol=1e-4, atol=1e-5)

# %% [dot_loops]
print(product.text("loops"))

# %% [dot_speed]
naive = seconds(lambda: naive_product(p, q), times=3)
compiled = seconds(lambda: product(p, q))
print(f"(24, 40) @ (40, 16): loops in Python {readable(naive)}, compiled {readable(compiled)}, "
      f"{naive / compiled:,.0f} times faster")  # fmt: skip

# %% [dot_error]
try:
    graphc.input("m", ("N", 784)) @ graphc.input("n", (512, 10))
except graphc.errors.ShapeError as error:
    print(error)

# %% [reshape]
three = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], np.float32)
print(three.reshape((6, 1)).T)
print(three.reshape((2, 3)))

images = graphc.input("images", ("N", 28, 28), graphc.uint8)
flat = graphc.reshape(images, ("N", 28 * 28)).astype("float32") / 255
flattened = graphc.Graph("flattened", outputs={"flat": flat})
print(flattened.text(locations=False))

# %% [transpose]
wide = graphc.input("wide", (300, 20))
print(wide.T.shape)
turned = graphc.compile(wide.T + 1.0)
print(turned.text("loops"))

# %% [geometry]
points = graphc.input("points", ("N", 2))
angle = graphc.input("angle", ())
rotation = graphc.stack(
    [
        graphc.stack([graphc.cos(angle), graphc.sin(angle)]),
        graphc.stack([-graphc.sin(angle), graphc.cos(angle)]),
    ]
)
moved = {
    "translation": points + graphc.constant([1.0, 0.5]),
    "rotation": points @ rotation,
    "scaling": points @ graphc.constant([[1.0, 0.0], [0.0, 0.5]]),
    "affine": points @ rotation + graphc.constant([1.0, 0.5]),
    "dense": graphc.relu(points @ rotation + graphc.constant([0.5, -0.5])),
}
geometry = graphc.Graph("geometry", outputs=moved, inputs=[points, angle])
square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
for name, corners in graphc.compile(geometry)(square, np.float32(np.pi / 4)).items():
    print(f"{name:12}", " ".join(f"({u:+.2f}, {v:+.2f})" for u, v in corners))
show(geometry.svg(), "geometry")

# %% [affine_chain]
w1, b1 = graphc.constant([[1.0, 2.0], [3.0, 4.0]]), graphc.constant([1.0, 1.0])
w2, b2 = graphc.constant([[0.0, 1.0], [1.0, 0.0]]), graphc.constant([2.0, 3.0])
twice = (points @ w1 + b1) @ w2 + b2
once = points @ (w1 @ w2) + (b1 @ w2 + b2)
outputs = {"twice": twice, "once": once}
both = graphc.compile(graphc.Graph("affine", outputs=outputs))(square)
print(np.array_equal(both["twice"], both["once"]))
