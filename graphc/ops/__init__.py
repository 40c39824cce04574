"""What each operation means: one record an op, in one module a family.

Importing the package imports all of its modules, in the order of their names, and gives it all
public functions; a new module is found by being there.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from graphc.ir.op import registered as _registered
from graphc.tensor import functions as _functions

for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")

globals().update(_functions)
# The records whose meaning this package's files give; any other is the user's own.
built_in = frozenset(_registered())
__all__ = sorted(_functions)


def __getattr__(name: str) -> object:
    """Functions of ops declared after the import, the user's own among them."""
    try:
        return _functions[name]
    except KeyError:
        raise AttributeError(f"graphc.ops has no function {name!r}") from None
