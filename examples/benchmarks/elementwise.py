"""Works without products: chains of elementwise functions, an optimizer, one small call."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from frameworks import forms, import_torch, torch_compiled
from work import Arrays, Program, Work, drawn

SCALE, SHIFT = 1.3, 0.2
RATE, VOLATILITY = 0.05, 0.3
LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
_RATIO = math.sqrt(2 / math.pi)


def _counted(count: int) -> str:
    """16e6 for 16,000,000."""
    zeros = (len(str(count)) - len(str(count).rstrip("0"))) // 3 * 3
    return f"{count // 10**zeros}e{zeros}" if zeros else str(count)


def gelu(count: int) -> Work:
    """gelu(x * s + b), its tanh form."""

    def expected(x: np.ndarray) -> np.ndarray:
        z = x * np.float32(SCALE) + np.float32(SHIFT)
        inner = np.float32(_RATIO) * (z + np.float32(0.044715) * z * z * z)
        return np.float32(0.5) * z * (1 + np.tanh(inner))

    def in_graphc(x: Any) -> Any:
        import graphc

        return graphc.gelu(x * SCALE + SHIFT, approximate=True)

    def in_jax(x: Any) -> Any:
        import jax

        return jax.nn.gelu(x * np.float32(SCALE) + np.float32(SHIFT), approximate=True)

    def in_torch(x: Any) -> Any:
        import torch

        return torch.nn.functional.gelu(x * SCALE + SHIFT, approximate="tanh")

    return Work(
        "gelu(x*s + b)",
        _counted(count),
        lambda: drawn((count,), scale=2.0),
        expected,
        forms(in_graphc, expected, in_jax, in_torch),
        (1e-4, 2e-6),
    )


def chain(length: int, count: int, *, bend: str = "tanh") -> Work:
    """``length`` ops in turn x * a + b and ``bend``, which is "tanh" or, cheaper, "relu"; each with
    numbers of its own."""

    def steps(x: Any, bent: Any) -> Any:
        for number in range(length):
            if number % 2:
                x = bent(x)
            else:
                a, b = 1 + 0.001 * (number % 97), 0.01 * (number % 89) - 0.4
                x = x * np.float32(a) + np.float32(b)
        return x

    def expected(x: np.ndarray) -> np.ndarray:
        return steps(x, np.tanh if bend == "tanh" else lambda x: np.maximum(x, 0))

    def in_graphc(x: Any) -> Any:
        import graphc

        return steps(x, getattr(graphc, bend))

    def in_jax(x: Any) -> Any:
        import jax

        return steps(x, getattr(jax.nn, bend))

    def in_torch(x: Any) -> Any:
        import torch

        return steps(x, getattr(torch, bend))

    return Work(
        "chain",
        f"of {length} ops",
        lambda: [np.linspace(-1, 1, count, dtype=np.float32)],
        expected,
        forms(in_graphc, expected, in_jax, in_torch),
        (1e-3, 1e-4),
    )


def _price(
    spot: Any, strike: Any, time: Any, log: Any, sqrt: Any, exp: Any, erf: Any, number: Any
) -> Any:
    deviation = sqrt(time) * number(VOLATILITY)
    drift = number(RATE + VOLATILITY * VOLATILITY / 2)
    first = (log(spot / strike) + drift * time) / deviation
    second = first - deviation
    half, root = number(0.5), number(math.sqrt(0.5))
    bought = spot * (half * (number(1) + erf(first * root)))
    owed = strike * exp(number(-RATE) * time)
    return bought - owed * (half * (number(1) + erf(second * root)))


def black_scholes(count: int, dtype: str) -> Work:
    """The price of a call option from its spot, strike and time, by the error function."""

    kind = np.dtype(dtype).type

    def arrays() -> Arrays:
        generator = np.random.default_rng(0)
        ranges = ((50, 150), (50, 150), (0.1, 2))
        return [generator.uniform(low, high, count).astype(dtype) for low, high in ranges]

    def expected(*given: np.ndarray) -> np.ndarray:
        exact = np.vectorize(math.erf, otypes=[np.float64])
        wide = [array.astype(np.float64) for array in given]
        return _price(*wide, np.log, np.sqrt, np.exp, exact, np.float64)

    def in_numpy(*given: np.ndarray) -> np.ndarray:
        from scipy.special import erf

        return _price(*given, np.log, np.sqrt, np.exp, erf, kind)

    def in_graphc(*given: Any) -> Any:
        import graphc

        return _price(*given, graphc.log, graphc.sqrt, graphc.exp, graphc.erf, float)

    def in_jax(*given: Any) -> Any:
        import jax

        numpy = jax.numpy
        return _price(*given, numpy.log, numpy.sqrt, numpy.exp, jax.lax.erf, kind)

    def in_torch(*given: Any) -> Any:
        import torch

        return _price(*given, torch.log, torch.sqrt, torch.exp, torch.erf, float)

    return Work(
        "Black-Scholes",
        f"{_counted(count)} {dtype}",
        arrays,
        expected,
        forms(in_graphc, in_numpy, in_jax, in_torch),
        (1e-4, 2e-3),
    )


def small_call() -> Work:
    """y = 2 * x + 1 on 16 elements: what a call costs."""

    def line(x: Any) -> Any:
        return 2 * x + 1

    return Work("2*x + 1", "16", lambda: drawn((16,)), line, forms(line, line, line, line))


def _adam_by_hand(parameters: np.ndarray, gradient: np.ndarray, steps: int) -> np.ndarray:
    p, m, v = parameters.copy(), np.zeros_like(parameters), np.zeros_like(parameters)
    for step in range(1, steps + 1):
        _adam_step(p, gradient, m, v, step)
    return p


def _adam_step(
    p: np.ndarray, gradient: np.ndarray, m: np.ndarray, v: np.ndarray, step: int
) -> None:
    correction = math.sqrt(1 - BETA2**step)
    rate = np.float32(LEARNING_RATE * correction / (1 - BETA1**step))
    m *= np.float32(BETA1)
    m += np.float32(1 - BETA1) * gradient
    v *= np.float32(BETA2)
    v += np.float32(1 - BETA2) * gradient * gradient
    p -= rate * m / (np.sqrt(v) + np.float32(EPSILON * correction))


def adam(count: int) -> Work:
    """One update by Adam, in place, of ``count`` parameters in one array."""
    return Work(
        "Adam",
        f"{_counted(count)} parameters",
        lambda: drawn((count,), (count,)),
        lambda p, g: _adam_by_hand(p, g, 2),
        {
            "graphc": _adam_in_graphc,
            "numpy": _adam_in_numpy,
            "jax": _adam_in_jax,
            "torch": _adam_in_torch,
            "torch.compile": _adam_in_torch_compiled,
        },
        (1e-3, 1e-6),
    )


def _twice(step: Any, parameters: Any) -> Program:
    def outputs() -> Arrays:
        step()
        step()
        return [np.asarray(parameters())]

    return Program(step, outputs)


def _adam_in_graphc(arrays: Sequence[np.ndarray], threads: int) -> Program:
    import graphc

    p = graphc.parameter("p", arrays[0])
    g = graphc.input("g", arrays[1].shape)
    m = graphc.parameter("m", np.zeros_like(arrays[0]))
    v = graphc.parameter("v", np.zeros_like(arrays[0]))
    steps = graphc.parameter("steps", np.float32(0))
    step = steps + 1
    correction = graphc.sqrt(1 - BETA2**step)
    mean = BETA1 * m + (1 - BETA1) * g
    square = BETA2 * v + (1 - BETA2) * g * g
    rate = LEARNING_RATE * correction / (1 - BETA1**step)
    moved = p - rate * mean / (graphc.sqrt(square) + EPSILON * correction)
    updates = {p: moved, m: mean, v: square, steps: step}
    executable = graphc.compile(graphc.Graph("adam", outputs={}, updates=updates), threads=threads)
    gradient = arrays[1]
    return _twice(lambda: executable(gradient), lambda: executable.state["p"])


def _adam_in_numpy(arrays: Sequence[np.ndarray], threads: int) -> Program:
    p, m, v = arrays[0].copy(), np.zeros_like(arrays[0]), np.zeros_like(arrays[0])
    count = [0]

    def step() -> None:
        count[0] += 1
        _adam_step(p, arrays[1], m, v, count[0])

    return _twice(step, lambda: p)


def _adam_in_jax(arrays: Sequence[np.ndarray], threads: int) -> Program:
    import jax
    import jax.numpy as jnp

    def update(p: Any, m: Any, v: Any, count: Any, g: Any) -> Any:
        count = count + 1
        m = BETA1 * m + (1 - BETA1) * g
        v = BETA2 * v + (1 - BETA2) * g * g
        correction = jnp.sqrt(1 - BETA2**count)
        rate = LEARNING_RATE * correction / (1 - BETA1**count)
        return p - rate * m / (jnp.sqrt(v) + EPSILON * correction), m, v, count

    compiled = jax.jit(update, donate_argnums=(0, 1, 2, 3))
    g = jax.device_put(arrays[1])
    zeros = jnp.zeros_like(g)
    state = [(jnp.array(arrays[0]), zeros, zeros.copy(), jnp.zeros((), "float32"))]

    def step() -> None:
        state[0] = jax.block_until_ready(compiled(*state[0], g))

    return _twice(step, lambda: state[0][0])


def _adam_in_torch(arrays: Sequence[np.ndarray], threads: int) -> Program:
    torch = import_torch(threads)
    p = torch.nn.Parameter(torch.from_numpy(arrays[0].copy()))
    p.grad = torch.from_numpy(arrays[1].copy())
    optimizer = torch.optim.Adam(
        [p], lr=LEARNING_RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=True
    )
    return _twice(optimizer.step, lambda: p.detach().numpy())


def _adam_in_torch_compiled(arrays: Sequence[np.ndarray], threads: int) -> Program:
    """The update written out, so that it is one graph without the optimizer's own checks."""
    torch = import_torch(threads)
    p, g = torch.from_numpy(arrays[0].copy()), torch.from_numpy(arrays[1])
    m, v, count = torch.zeros_like(p), torch.zeros_like(p), torch.zeros(())

    def update() -> None:
        count.add_(1)
        m.mul_(BETA1).add_(g, alpha=1 - BETA1)
        v.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
        correction = torch.sqrt(1 - BETA2**count)
        rate = LEARNING_RATE * correction / (1 - BETA1**count)
        p.sub_(rate * m / (v.sqrt() + EPSILON * correction))

    run = torch_compiled(update)

    def step() -> None:
        with torch.inference_mode():
            run()

    return _twice(step, lambda: p.numpy())
