"""How each framework is given a pure function of arrays, in its strongest ordinary form."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from work import Form, Program, as_list


def limits(threads: int) -> dict[str, str]:
    """The environment of a process that is to use ``threads``; libraries read it when imported."""
    names = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "NUMBA", "GRAPHC")
    counts = {f"{name}_NUM_THREADS": str(threads) for name in names}
    return {**os.environ, "JAX_PLATFORMS": "cpu", **counts}


def pin(threads: int) -> None:
    """Bind this process to as many processors, by which some frameworks size their pools."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def numpy_form(function: Callable[..., Any]) -> Form:
    """``function`` of NumPy arrays."""

    def build(arrays: Sequence[np.ndarray], threads: int) -> Program:
        return Program(lambda: function(*arrays), lambda: as_list(function(*arrays)))

    return build


def graphc_form(function: Callable[..., Any], *, fuse: bool = True) -> Form:
    """``function`` of graphc tensors, compiled for the arrays' shapes."""

    def build(arrays: Sequence[np.ndarray], threads: int) -> Program:
        import graphc

        inputs = [
            graphc.input(f"x{number}", array.shape, array.dtype.name)
            for number, array in enumerate(arrays)
        ]
        results = as_list(function(*inputs))
        outputs = {f"y{number}": value for number, value in enumerate(results)}
        graph = graphc.Graph("work", inputs=inputs, outputs=outputs)
        executable = graphc.compile(graph, fuse=fuse, threads=threads)
        return Program(lambda: executable(*arrays), lambda: list(executable(*arrays).values()))

    return build


def jax_form(function: Callable[..., Any]) -> Form:
    """``function`` of JAX arrays, jitted."""

    def build(arrays: Sequence[np.ndarray], threads: int) -> Program:
        import jax

        jax.config.update("jax_enable_x64", any(a.dtype == np.float64 for a in arrays))
        compiled = jax.jit(function)
        given = [jax.device_put(array) for array in arrays]
        return Program(
            lambda: jax.block_until_ready(compiled(*given)),
            lambda: [np.asarray(value) for value in as_list(compiled(*given))],
        )

    return build


def torch_form(function: Callable[..., Any], *, compiled: bool = False) -> Form:
    """``function`` of torch tensors without gradients, eager or by ``torch.compile``."""

    def build(arrays: Sequence[np.ndarray], threads: int) -> Program:
        torch = import_torch(threads)
        run = torch_compiled(function) if compiled else function
        given = [torch.from_numpy(array) for array in arrays]

        def call() -> Any:
            with torch.inference_mode():
                return run(*given)

        return Program(call, lambda: [value.numpy() for value in as_list(call())])

    return build


def torch_gradient_form(
    function: Callable[..., Any], gradients: int, *, compiled: bool = False
) -> Form:
    """``function`` of all arrays but the last, which is the cotangent of its result: gives the
    result and the gradients of the first ``gradients`` arrays."""

    def build(arrays: Sequence[np.ndarray], threads: int) -> Program:
        torch = import_torch(threads)
        run = torch_compiled(function) if compiled else function
        given = [torch.from_numpy(array) for array in arrays]
        *operands, cotangent = given
        wanted = operands[:gradients]
        for tensor in wanted:
            tensor.requires_grad_()

        def call() -> Any:
            for tensor in wanted:
                tensor.grad = None
            result = run(*operands)
            result.backward(cotangent)
            return result

        def outputs() -> list[np.ndarray]:
            result = call()
            return [result.detach().numpy(), *(tensor.grad.numpy() for tensor in wanted)]

        return Program(call, outputs)

    return build


def openvino_program(result: Any, given: Any, array: np.ndarray, threads: int) -> Program:
    """The model from the parameter ``given`` to ``result``, in float32 and for low latency."""
    import openvino

    options = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    model = openvino.Core().compile_model(openvino.Model([result], [given]), "CPU", options)
    request = model.create_infer_request()
    tensor = openvino.Tensor(array, shared_memory=True)
    request.set_input_tensor(0, tensor)

    def call(kept: Any = (array, tensor)) -> None:  # the request does not keep them alive
        request.infer()

    def outputs() -> list[np.ndarray]:
        call()
        return [request.get_output_tensor(0).data.copy()]

    return Program(call, outputs)


def import_torch(threads: int) -> Any:
    import torch

    torch.set_num_threads(threads)
    return torch


def torch_compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` by ``torch.compile``: all of it, for these shapes, and with the search among
    implementations that ``max-autotune`` adds."""
    import torch

    torch._dynamo.reset()  # works before would count as other shapes of one that changes them
    mode = "max-autotune-no-cudagraphs"
    return torch.compile(function, fullgraph=True, dynamic=False, mode=mode)


def forms(
    graphc: Callable[..., Any],
    numpy: Callable[..., Any] | None = None,
    jax: Callable[..., Any] | None = None,
    torch: Callable[..., Any] | None = None,
) -> dict[str, Form]:
    """The forms of a pure function, by framework; graphc's also unfused, torch's also compiled."""
    found = {"graphc": graphc_form(graphc), "graphc unfused": graphc_form(graphc, fuse=False)}
    if numpy is not None:
        found["numpy"] = numpy_form(numpy)
    if jax is not None:
        found["jax"] = jax_form(jax)
    if torch is not None:
        found["torch"] = torch_form(torch)
        found["torch.compile"] = torch_form(torch, compiled=True)
    return found
