"""Python's collector of cycles, kept away from work that makes much and drops little."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Within, Python does not search for garbage.  Hardly anything of what is made is dropped
    before the end, and nodes and their values refer to each other, so each search goes through all
    that there are: a third of the time of a compilation, and three quarters of that of a gradient
    of 100,000 nodes.

    >>> with collection_paused():
    ...     gc.isenabled()
    False
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            # What there is now counts as old: the next collection, of what is new, would look
            # through all of it.
            gc.freeze()
            gc.unfreeze()
        gc.enable()
