"""Whether a Program is consistent in itself, so that running it needs no further questions.

Checks references, names, shapes and arrays.  It does not read LLVM text: that is code, trusted.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from runtime.errors import ProgramError
from runtime.program import VERSION, Entry, Program, TensorSpec

DTYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")


def validate(program: Program) -> None:
    """Raises ``ProgramError`` that names what is wrong with ``program``."""
    _require(program.version == VERSION, f"version {program.version!r}, not {VERSION}")
    _require(bool(program.llvm), "no LLVM text for any target")
    parameters = {spec.name: spec for spec in program.parameters}
    _distinct("parameter", [spec.name for spec in program.parameters])
    _distinct("entry", [entry.name for entry in program.entries])
    symbols = [name for entry in program.entries for name in (entry.name, f"{entry.name}.sizes")]
    _distinct("symbol", symbols)
    for spec in program.parameters:
        _check_spec(spec, (), f"parameter {spec.name!r}")
        _require(spec.name in program.initial, f"parameter {spec.name!r} has no initial value")
        _check_initial(spec, program.initial[spec.name])
    for name in program.initial:
        _require(name in parameters, f"initial value for {name!r}, which is no parameter")
    for name, array in program.constants.items():
        _require(_dtype_of(array) in DTYPES, f"constant {name!r} has dtype {array.dtype}")
    for entry in program.entries:
        _check_entry(entry, program, parameters)


def _check_entry(entry: Entry, program: Program, parameters: dict[str, TensorSpec]) -> None:
    here = f"entry {entry.name!r}"
    _distinct(f"{here}: size", entry.sizes)
    _distinct(f"{here}: input", [spec.name for spec in entry.inputs])
    _distinct(f"{here}: output", [spec.name for spec in entry.outputs])
    starts_with_dims = entry.sizes[: len(entry.dims)] == entry.dims
    _require(starts_with_dims, f"{here}: its sizes do not start with its dims")
    for name in (*entry.parameters, *entry.updated):
        _require(name in parameters, f"{here} uses parameter {name!r}, which does not exist")
    _distinct(f"{here}: parameter", entry.parameters)
    for name in entry.updated:
        _require(name in entry.parameters, f"{here} updates {name!r} without having it")
    for name in entry.constants:
        _require(name in program.constants, f"{here} uses constant {name!r}, which does not exist")
    for role, specs in (("input", entry.inputs), ("output", entry.outputs)):
        for spec in specs:
            _check_spec(spec, entry.sizes, f"{here}: {role} {spec.name!r}")
    single = not entry.single_output or len(entry.outputs) == 1
    _require(single, f"{here} is marked as of one output but has {len(entry.outputs)}")
    _check_sizes_known(entry, here)


def _check_sizes_known(entry: Entry, here: str) -> None:
    """Every text that the runtime will look up in the table has a place there."""
    used: list[int | str] = [entry.arena_bytes]
    sides = [side for left, _, right in entry.constraints for side in (left, right)]
    used += [side for side in sides if isinstance(side, str)]  # a number may be any
    used += [size for slot in entry.slots for size in (slot.offset, slot.bytes)]
    used += [size for kernel in entry.kernels for size in (kernel.flops, kernel.bytes)]
    known = set(entry.sizes)
    for size in used:
        fits = size in known if isinstance(size, str) else size >= 0
        _require(fits, f"{here}: size {size!r} is not in its table")
    for left, relation, right in entry.constraints:
        told = f"{here}: constraint {left} {relation} {right} has an unknown relation"
        _require(relation in ("==", ">="), told)


def _check_spec(spec: TensorSpec, sizes: Iterable[str], here: str) -> None:
    _require(spec.dtype in DTYPES, f"{here} has dtype {spec.dtype!r}")
    for size in spec.shape:
        fits = size in sizes if isinstance(size, str) else size >= 0
        _require(fits, f"{here} has a size {size!r} that is not in the table")


def _check_initial(spec: TensorSpec, array: np.ndarray) -> None:
    fits = _dtype_of(array) == spec.dtype and array.shape == spec.shape
    _require(
        fits,
        f"parameter {spec.name!r} is {spec.dtype}{list(spec.shape)} but its initial value is "
        f"{array.dtype}{list(array.shape)}",
    )


def _dtype_of(array: np.ndarray) -> str:
    return array.dtype.name if array.dtype.isnative else str(array.dtype)


def _distinct(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        _require(name not in seen, f"{what} {name!r} is there twice")
        seen.add(name)


def _require(holds: bool, complaint: str) -> None:
    if not holds:
        raise ProgramError(complaint)
