"""From the shapes of the inputs to the sizes of everything: binding the named dims of an entry.

A binding is made once for each combination of input shapes and then looked up.  The arithmetic of
sizes is the program's own ``<entry>.sizes``; this module solves, checks and explains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from runtime.errors import InputShapeError
from runtime.memory import address_of, output_maker
from runtime.program import Entry, TensorSpec

Shape = tuple[int, ...]
SizesFunction = Callable[[int], None]
_NAME = re.compile(r"[^\W\d]\w*")
_LARGEST = 2**62
_PROBES = (3, 1009, 10_007)  # a rounded or clipped size leaves the line at one of these


class Binding(NamedTuple):
    """What one combination of input shapes determines.  ``table`` is the native table of sizes,
    ``values`` the same by text; an output maker gives a new array for an output."""

    table: np.ndarray
    address: int
    values: Mapping[str, int]
    arena_bytes: int
    output_shapes: tuple[Shape, ...]
    output_makers: tuple[Callable[[], np.ndarray], ...]

    def size(self, size: int | str) -> int:
        """The value of a size of the entry's description."""
        return size if isinstance(size, int) else self.values[size]


def bind(entry: Entry, shapes: Sequence[Shape], fill: SizesFunction) -> Binding:
    """The binding of ``entry`` for inputs of ``shapes``, in the order of its inputs.

    Raises ``InputShapeError`` for a wrong rank or size, a dim with two values, a dim that no input
    determines, and a constraint that does not hold; it names the inputs and both values.
    """
    for spec, shape in zip(entry.inputs, shapes, strict=True):
        _check_rank_and_literals(entry, spec, shape)
    dims = _plain_dims(entry, shapes)
    _solve_rest(entry, shapes, dims, fill)
    table = _table(entry, dims, fill)
    values = dict(zip(entry.sizes, table.tolist(), strict=True))
    _check_polynomials(entry, shapes, values)
    _check_constraints(entry, values)
    output_shapes = tuple(_output_shape(entry, spec, values) for spec in entry.outputs)
    arena = entry.arena_bytes if isinstance(entry.arena_bytes, int) else values[entry.arena_bytes]
    if not 0 <= arena < _LARGEST:
        raise MemoryError(f"{entry.name}: the sizes {_listed(dims)} need too much memory")
    makers = tuple(
        output_maker(shape, np.dtype(spec.dtype))
        for spec, shape in zip(entry.outputs, output_shapes, strict=True)
    )
    return Binding(table, address_of(table), values, arena, output_shapes, makers)


def _check_rank_and_literals(entry: Entry, spec: TensorSpec, shape: Shape) -> None:
    fits = len(shape) == len(spec.shape) and all(
        isinstance(wanted, str) or wanted == got
        for wanted, got in zip(spec.shape, shape, strict=True)
    )
    if fits:
        return
    wanted = shape_text(spec.shape)
    if len(shape) != len(spec.shape):
        told = f"expected rank {len(spec.shape)}, shape {wanted}, got rank {len(shape)}, {shape}"
    else:
        axis = next(
            axis
            for axis, (want, got) in enumerate(zip(spec.shape, shape, strict=True))
            if isinstance(want, int) and want != got
        )
        told = f"expected shape {wanted}, got {shape}: axis {axis} is not {spec.shape[axis]}"
    raise InputShapeError(f"{entry.name}: input {spec.name!r}: {told}{declared(spec)}")


def _plain_dims(entry: Entry, shapes: Sequence[Shape]) -> dict[str, int]:
    """The dims that stand alone as a size of some input."""
    dims: dict[str, int] = {}
    first: dict[str, TensorSpec] = {}
    for spec, shape in zip(entry.inputs, shapes, strict=True):
        for wanted, got in zip(spec.shape, shape, strict=True):
            if not isinstance(wanted, str) or wanted not in entry.dims:
                continue
            if dims.setdefault(wanted, got) != got:
                other = first[wanted]
                raise InputShapeError(
                    f"{entry.name}: dim {wanted} is {dims[wanted]} in input {other.name!r} "
                    f"{shape_text(other.shape)} and {got} in input {spec.name!r} "
                    f"{shape_text(spec.shape)}{declared(other, spec)}"
                )
            first.setdefault(wanted, spec)
    return dims


def _solve_rest(
    entry: Entry, shapes: Sequence[Shape], dims: dict[str, int], fill: SizesFunction
) -> None:
    """Adds the dims that stand only inside polynomials, where one is linear in a single of them."""
    progress = True
    while progress and len(dims) < len(entry.dims):
        progress = False
        for spec, shape in zip(entry.inputs, shapes, strict=True):
            for wanted, got in zip(spec.shape, shape, strict=True):
                unknown = _unknown(entry, wanted, dims)
                if len(unknown) != 1:
                    continue
                value = _solve(entry, str(wanted), got, unknown[0], dims, fill)
                if value is not None:
                    dims[unknown[0]] = value
                    progress = True
    for name in entry.dims:
        if name not in dims:
            _check_solvable(entry, shapes, dims, name)
            raise InputShapeError(
                f"{entry.name}: dim {name} is not determined by the shapes of the inputs "
                f"({', '.join(spec.name + ' ' + shape_text(spec.shape) for spec in entry.inputs)})"
            )


def _check_solvable(
    entry: Entry, shapes: Sequence[Shape], dims: Mapping[str, int], name: str
) -> None:
    """``InputShapeError`` that names the size which no value of the dim ``name`` gives."""
    for spec, shape in zip(entry.inputs, shapes, strict=True):
        for axis, (wanted, got) in enumerate(zip(spec.shape, shape, strict=True)):
            if _unknown(entry, wanted, dims) == [name]:
                raise InputShapeError(
                    f"{entry.name}: input {spec.name!r}: axis {axis} of {shape} should be "
                    f"{wanted}, which is {got} for no {name}{declared(spec)}"
                )


def _unknown(entry: Entry, size: int | str, dims: Mapping[str, int]) -> list[str]:
    names = set(_NAME.findall(size)) if isinstance(size, str) else set()
    return [name for name in entry.dims if name in names and name not in dims]


def _solve(
    entry: Entry, text: str, wanted: int, name: str, dims: Mapping[str, int], fill: SizesFunction
) -> int | None:
    """The value of ``name`` that makes ``text`` be ``wanted``, if ``text`` is linear in it.

    From its values at 1 and 2; whether it is linear is seen from those at ``_PROBES``, and the
    last line refuses what only looked so.
    """
    position = entry.sizes.index(text)

    def at(value: int) -> int:
        return int(_table(entry, {**dims, name: value}, fill)[position])

    slope = at(2) - at(1)
    if slope == 0 or any(at(probe) != at(1) + slope * (probe - 1) for probe in _PROBES):
        return None
    if (wanted - at(1)) % slope:
        return None
    value = 1 + (wanted - at(1)) // slope
    return value if value >= 0 and at(value) == wanted else None


def _table(entry: Entry, dims: Mapping[str, int], fill: SizesFunction) -> np.ndarray:
    """A filled table; dims not known yet are 1, so that no division by them is by zero."""
    table = np.zeros(max(1, len(entry.sizes)), np.int64)
    table[: len(entry.dims)] = [dims.get(name, 1) for name in entry.dims]
    fill(address_of(table))
    return table[: len(entry.sizes)]


def _check_polynomials(entry: Entry, shapes: Sequence[Shape], values: Mapping[str, int]) -> None:
    for spec, shape in zip(entry.inputs, shapes, strict=True):
        for axis, (wanted, got) in enumerate(zip(spec.shape, shape, strict=True)):
            if isinstance(wanted, str) and values[wanted] != got:
                raise InputShapeError(
                    f"{entry.name}: input {spec.name!r}: axis {axis} of {shape} should be "
                    f"{wanted} = {values[wanted]} for {_of_dims(entry, values)}{declared(spec)}"
                )


def _check_constraints(entry: Entry, values: Mapping[str, int]) -> None:
    demands = (*entry.demands, *[""] * len(entry.constraints))
    for (left, relation, right), demand in zip(entry.constraints, demands, strict=False):
        a, b = (size if isinstance(size, int) else values[size] for size in (left, right))
        if (a == b) if relation == "==" else (a >= b):
            continue
        raise InputShapeError(
            f"{entry.name}: {left} {relation} {right} does not hold for "
            f"{_of_dims(entry, values)}: {a} against {b}"
            + (f"; give arrays of sizes that fit, for {demand}" if demand else "")
        )


def _output_shape(entry: Entry, spec: TensorSpec, values: Mapping[str, int]) -> Shape:
    shape = tuple(size if isinstance(size, int) else values[size] for size in spec.shape)
    if min(shape, default=0) < 0:
        raise InputShapeError(
            f"{entry.name}: output {spec.name!r} {shape_text(spec.shape)} would have a negative "
            f"size for {_of_dims(entry, values)}{declared(spec)}"
        )
    count = 1
    for size in shape:
        count *= size
    if count >= _LARGEST // 8:
        raise MemoryError(f"{entry.name}: output {spec.name!r} of shape {shape} is too large")
    return shape


def _of_dims(entry: Entry, values: Mapping[str, int]) -> str:
    return _listed({name: values[name] for name in entry.dims})


def _listed(dims: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in dims.items()) or "these inputs"


def shape_text(shape: tuple[int | str, ...]) -> str:
    """A declared shape as the user wrote it, such as ``(N, 784)``."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def declared(*specs: TensorSpec) -> str:
    """The end of a message: where the user declared what it is about."""
    places = list(dict.fromkeys(spec.location for spec in specs if spec.location))
    return f" (declared at {' and '.join(places)})" if places else ""
