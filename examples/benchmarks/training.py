"""Training steps of dense networks by RMSprop: the first network of the Keras book, and others."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from frameworks import import_torch, torch_compiled
from work import Arrays, Program, Work

RATE, RHO, EPSILON = 1e-3, 0.9, 1e-7
CLASSES, CHECKED_STEPS = 10, 3


def training_step(batch: int, features: int = 784, width: int = 512, depth: int = 1) -> Work:
    """``depth`` hidden layers of ``width`` relu units, softmax over ten classes, cross-entropy."""
    sizes = [features, *[width] * depth, CLASSES]
    products = sum(a * b for a, b in itertools.pairwise(sizes))
    return Work(
        "training step",
        "-".join(map(str, sizes)) + f", batch {batch}"
        if depth < 4
        else f"{features}-{depth}x{width}-{CLASSES}, batch {batch}",
        lambda: _data(batch, sizes),
        _expected,
        {
            "graphc": _graphc(True),
            "graphc unfused": _graphc(False),
            "numpy": _in_numpy,
            "jax": _in_jax,
            "torch": _torch(False),
            "torch.compile": _torch(True),
        },
        # An update is the gradient by its own size: of one that is no more than rounding it makes a
        # step to either side.  A hundred layers have many, and the loss is what is left to compare.
        (5e-3, 1e-4 if depth < 50 else 2e-2),
        flops=2.0 * batch * (3 * products - features * sizes[1]),
    )


def _data(batch: int, sizes: Sequence[int]) -> Arrays:
    """Images and labels, then each layer's weights and biases.  The batch's second half is its
    first with other labels: it cannot be learnt by heart, so no gradient fades to nothing."""
    generator = np.random.default_rng(0)
    x = generator.random((batch, sizes[0]), np.float32)
    y = generator.integers(0, CLASSES, batch).astype(np.int32)
    x[batch // 2 :] = x[: batch - batch // 2]
    layers = []
    for before, after in itertools.pairwise(sizes):
        w = generator.standard_normal((before, after)) * (1.4 / before**0.5)
        layers += [w.astype(np.float32), np.zeros(after, np.float32)]
    return [x, y, *layers]


def _numpy_step(x: np.ndarray, y: np.ndarray, layers: Arrays, squares: Arrays) -> np.float32:
    """One step on ``layers`` and ``squares`` in place."""
    hidden = [x]
    for w, b in zip(layers[0:-2:2], layers[1:-2:2], strict=True):
        h = hidden[-1] @ w
        h += b
        hidden.append(np.maximum(h, 0, out=h))
    scores = hidden[-1] @ layers[-2]
    scores += layers[-1]
    scores -= scores.max(1, keepdims=True)
    share = np.exp(scores)
    total = share.sum(1, keepdims=True)
    rows = np.arange(len(y))
    loss = (np.log(total[:, 0]) - scores[rows, y]).mean()
    share /= total
    share[rows, y] -= 1
    share *= np.float32(1 / len(y))
    gradients: Arrays = []
    for number in range(len(layers) - 2, -1, -2):
        h = hidden[number // 2]
        gradients = [h.T @ share, share.sum(0), *gradients]
        if number:
            share = share @ layers[number].T
            share *= h > 0
    for p, g, v in zip(layers, gradients, squares, strict=True):
        v *= np.float32(RHO)
        change = g * g
        change *= np.float32(1 - RHO)
        v += change
        np.add(v, np.float32(EPSILON), out=change)
        np.sqrt(change, out=change)
        g *= np.float32(RATE)
        g /= change
        p -= g
    return np.float32(loss)


def _steps(step: Callable[[], Any], layers: Callable[[], Any]) -> Program:
    def outputs() -> Arrays:
        for _ in range(CHECKED_STEPS):
            loss = step()
        return [np.float32(np.asarray(loss)), *(np.array(layer) for layer in layers())]

    return Program(step, outputs)


def _expected(*arrays: np.ndarray) -> Arrays:
    return _in_numpy(arrays, 1).outputs()


def _in_numpy(arrays: Sequence[np.ndarray], threads: int) -> Program:
    x, y, *first = arrays
    layers = [layer.copy() for layer in first]
    squares = [np.zeros_like(layer) for layer in layers]
    return _steps(lambda: _numpy_step(x, y, layers, squares), lambda: layers)


def declared(sizes: Sequence[int], initial: Sequence[np.ndarray]) -> Any:
    """The training step as a graph, for any batch."""
    import graphc

    x = graphc.input("x", ("N", sizes[0]))
    y = graphc.input("y", ("N",), graphc.int32)
    layers = [graphc.parameter(f"p{n}", array) for n, array in enumerate(initial)]
    h = x
    for w, b in zip(layers[0:-2:2], layers[1:-2:2], strict=True):
        h = graphc.relu(h @ w + b)
    scores = h @ layers[-2] + layers[-1]
    loss = graphc.mean(graphc.sparse_categorical_crossentropy(y, scores, from_logits=True))
    updates = {}
    for p, g in zip(layers, graphc.grad(loss, layers), strict=True):
        v = graphc.parameter(f"{p.name}.square", np.zeros(p.shape, np.float32))
        updates[v] = square = RHO * v + (1 - RHO) * g * g
        updates[p] = p - RATE * g / graphc.sqrt(square + EPSILON)
    return graphc.Graph("step", outputs={"loss": loss}, updates=updates)


def _graphc(fuse: bool) -> Callable[[Sequence[np.ndarray], int], Program]:
    def build(arrays: Sequence[np.ndarray], threads: int) -> Program:
        import graphc

        x, y, *first = arrays
        sizes = [x.shape[1], *(b.shape[0] for b in first[1::2])]
        executable = graphc.compile(declared(sizes, first), fuse=fuse, threads=threads)
        names = [f"p{n}" for n in range(len(first))]
        return _steps(
            lambda: executable(x, y)["loss"], lambda: [executable.state[n] for n in names]
        )

    return build


def _in_jax(arrays: Sequence[np.ndarray], threads: int) -> Program:
    import jax
    import jax.numpy as jnp

    def loss_of(layers: Any, x: Any, y: Any) -> Any:
        h = x
        for w, b in zip(layers[0:-2:2], layers[1:-2:2], strict=True):
            h = jax.nn.relu(h @ w + b)
        scores = h @ layers[-2] + layers[-1]
        return -jnp.take_along_axis(jax.nn.log_softmax(scores), y[:, None], 1).mean()

    def update(layers: Any, squares: Any, x: Any, y: Any) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(layers, x, y)
        squares = [RHO * v + (1 - RHO) * g * g for v, g in zip(squares, gradients, strict=True)]
        moved = [
            p - RATE * g / jnp.sqrt(v + EPSILON)
            for p, g, v in zip(layers, gradients, squares, strict=True)
        ]
        return moved, squares, loss

    compiled = jax.jit(update, donate_argnums=(0, 1))
    x, y = jax.device_put(arrays[0]), jax.device_put(arrays[1])
    state = [[jnp.array(p) for p in arrays[2:]], [jnp.zeros(p.shape) for p in arrays[2:]]]

    def step() -> Any:
        state[0], state[1], loss = compiled(state[0], state[1], x, y)
        return jax.block_until_ready((loss, state))[0]

    return _steps(step, lambda: state[0])


def _torch(compiled: bool) -> Callable[[Sequence[np.ndarray], int], Program]:
    """The update written out, so that ``torch.compile`` sees the whole step as one graph."""

    def build(arrays: Sequence[np.ndarray], threads: int) -> Program:
        torch = import_torch(threads)
        functional = torch.nn.functional
        x, y = torch.from_numpy(arrays[0]), torch.from_numpy(arrays[1]).long()
        layers = [torch.from_numpy(p.copy()) for p in arrays[2:]]
        squares = [torch.zeros_like(p) for p in layers]

        def loss_of(given: Any) -> Any:
            h = x
            for w, b in zip(given[0:-2:2], given[1:-2:2], strict=True):
                h = torch.relu(torch.addmm(b, h, w))
            return functional.cross_entropy(torch.addmm(given[-1], h, given[-2]), y)

        def update() -> Any:
            gradients, loss = torch.func.grad_and_value(loss_of)(layers)
            for p, g, v in zip(layers, gradients, squares, strict=True):
                v.mul_(RHO).addcmul_(g, g, value=1 - RHO)
                p.addcdiv_(g, (v + EPSILON).sqrt(), value=-RATE)
            return loss

        run = torch_compiled(update) if compiled else update

        def step() -> Any:
            with torch.no_grad():
                return run()

        return _steps(step, lambda: [p.numpy() for p in layers])

    return build
