"""The errors a running program raises.  The compiler's own errors live with the compiler.

Every class also derives from the built-in error that a user of NumPy would expect, so that
``except ValueError`` and the like work as usual.
"""

from __future__ import annotations


class RunError(Exception):
    """Base of every error of this package."""


class ProgramError(RunError, ValueError):
    """A saved program, or a Program made by hand, that cannot be used: truncated, damaged, of
    another version, foreign, or not consistent in itself."""


class InputError(RunError, ValueError):
    """An input that does not fit: its values, its layout or its size."""


class InputNameError(InputError, TypeError):
    """An input that is unknown, missing, or given twice."""


class InputDtypeError(InputError, TypeError):
    """An input whose element type does not fit."""


class InputShapeError(InputError):
    """An input of the wrong rank or size, or one that contradicts another input."""


class StateError(RunError, ValueError):
    """A parameter's new value that does not fit, or two programs that disagree on a parameter."""


class UnknownParameterError(StateError, KeyError):
    """A name that no parameter of the state has."""

    def __str__(self) -> str:
        return str(self.args[0])


class UnknownMetricError(RunError, KeyError):
    """A name that no metric of the history has."""

    def __str__(self) -> str:
        return str(self.args[0])


class CheckError(RunError, IndexError):
    """The data broke a check of the program, such as a label out of range; no parameter changed.

    ``entry`` is the entry's name, ``code`` the check's status code, ``index`` the flat position of
    the element, ``value`` what stood there, ``location`` the user's line.
    """

    def __init__(
        self, message: str, entry: str, code: int, index: int, value: int, location: str
    ) -> None:
        super().__init__(message)
        self.entry = entry
        self.code = code
        self.index = index
        self.value = value
        self.location = location


class DataFileError(RunError, ValueError):
    """A data file that is missing, damaged, or not of the format it should have."""


class CheckpointError(RunError, ValueError):
    """A checkpoint that is damaged, of another version, or made for other parameters."""


class GuardError(RunError, MemoryError):
    """Native code wrote outside its buffers (found by the guard bands of a poisoned run)."""
