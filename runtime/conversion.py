"""What a caller may give where an array of a certain dtype is wanted, and how it becomes one.

The rule, in one place for inputs, parameters and checkpoints:

* An array (anything with a buffer or ``__array__``) must have exactly the wanted dtype, so that no
  precision is lost and no copy is made unseen.  Strided, unaligned and byte-swapped arrays hold the
  right values: they are copied.  Masked arrays are refused, since the mask would be lost.
* A Python number or nested lists of them have no dtype and take the wanted one: a float goes to
  float inputs, rounded to nearest as NumPy does, but never beyond their range; an int goes to
  integer inputs in range and to float inputs that hold it exactly; a bool goes to bool inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from runtime.errors import InputDtypeError, InputError

_PYTHON_KINDS = {"b": "bool", "i": "int", "u": "int", "f": "float"}


def conform(value: Any, dtype: np.dtype, what: str) -> np.ndarray:
    """``value`` as a C-contiguous, aligned, native array of ``dtype``; itself where it is one.

    ``what`` names it in errors.  Raises ``InputDtypeError`` for the dtype, ``InputError`` for what
    cannot be read as an array.

    >>> conform([1, 2], np.dtype("float32"), "x")
    array([1., 2.], dtype=float32)
    """
    if isinstance(value, (bool, int, float, list, tuple)) and not isinstance(value, np.generic):
        return _from_python(value, dtype, what)
    array = as_array(value, what)
    if array.dtype != dtype and array.dtype.newbyteorder("=") != dtype:
        raise InputDtypeError(_dtype_complaint(array.dtype, dtype, what))
    # ascontiguousarray makes rank 0 rank 1.
    fits = array.dtype.isnative and array.flags.c_contiguous and array.flags.aligned
    return array if fits else array.astype(dtype, order="C", copy=True)


def as_array(value: Any, what: str) -> np.ndarray:
    """``value`` read as an array, refused where NumPy would have to guess."""
    if type(value) is np.ndarray and value.dtype.kind in "biuf":
        return value
    # Asked of arrays alone: numpy.ma takes longer to import than all else here.
    if isinstance(value, np.ndarray) and isinstance(value, np.ma.MaskedArray):
        raise InputError(f"{what}: a masked array; fill it first, as in value.filled(0)")
    if value is None or isinstance(value, (str, bytes, dict, set)):
        raise InputError(f"{what}: expected an array, got {type(value).__name__}")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{what}: {type(value).__name__} cannot be read as an array ({reason})"
        ) from error
    if array.dtype.kind in "OSUV":
        raise InputDtypeError(
            f"{what}: expected an array of numbers, got {type(value).__name__} of dtype "
            f"{array.dtype}"
        )
    return array


def _from_python(value: Any, dtype: np.dtype, what: str) -> np.ndarray:
    array = as_array(value, what)
    if array.dtype == dtype or array.size == 0:
        return array.astype(dtype, copy=False)
    given, wanted = array.dtype.kind, dtype.kind
    takes = {"b": "b", "i": "iuf", "u": "iuf", "f": "f"}.get(given, "")
    if wanted not in takes:
        kind = _PYTHON_KINDS.get(given, str(array.dtype))
        raise InputDtypeError(f"{what}: expected {dtype}, got {kind} values; {_cure(dtype)}")
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(dtype)
    _check_range(array, converted, what)
    return converted


def _check_range(array: np.ndarray, converted: np.ndarray, what: str) -> None:
    """Refuses integers that are not represented exactly, and floats that became infinite."""
    if array.dtype.kind == "f":
        lost = np.isfinite(array) & ~np.isfinite(converted)
    elif converted.dtype.kind == "f":
        # Python compares an int with a float exactly; NumPy rounds the int first.
        flat = [int(a) != float(c) for a, c in zip(array.flat, converted.flat, strict=True)]
        lost = np.reshape(np.array(flat, bool), array.shape)
    else:
        bounds = np.iinfo(converted.dtype)
        lost = (array < bounds.min) | (array > bounds.max)
    if lost.any():
        first = array[lost].flat[0]
        raise InputError(f"{what}: {first} is not a {converted.dtype} value")


def _dtype_complaint(given: np.dtype, wanted: np.dtype, what: str) -> str:
    return f"{what}: expected {wanted}, got {given}; {_cure(wanted)}"


def _cure(wanted: np.dtype) -> str:
    name = "np.bool_" if wanted.kind == "b" else f"np.{wanted.name}"
    return f"dtypes are not converted unasked: pass value.astype({name})"
