"""What a process makes once, whichever of its threads asks for it first."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Once(Generic[Made]):
    """A function without arguments that is run once: threads that call it meanwhile wait for the
    result.  Where it raises, the next call runs it again.

    >>> @Once
    ... def number() -> int:
    ...     print("now")
    ...     return 7
    >>> number.is_made, number() + number(), number.is_made
    now
    (False, 14, True)
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        functools.update_wrapper(self, make)
        self._make = make
        self._made: list[Made] = []
        self._making = threading.RLock()  # a signal's handler may ask for it in the middle

    @property
    def is_made(self) -> bool:
        """Whether a call has nothing left to do."""
        return bool(self._made)

    def __call__(self) -> Made:
        if not self._made:
            with self._making:
                if not self._made:
                    self._made.append(self._make())
        return self._made[0]
