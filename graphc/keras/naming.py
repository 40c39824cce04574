"""Names: those that layers get by themselves, and what to say of a name that is not there.

Names count up as in Keras (``dense``, ``dense_1``), over the whole process until
``clear_session``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from opcode import opmap
from types import FrameType, ModuleType

from runtime.naming import suggestion

_counts: dict[str, int] = {}
_scope: ContextVar[tuple[str, ...]] = ContextVar("graphc_keras_scope", default=())


def snake_case(name: str) -> str:
    """A class's name as the name of an object.

    >>> snake_case("LayerNormalization"), snake_case("RMSprop"), snake_case("AUC")
    ('layer_normalization', 'rm_sprop', 'auc')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """``prefix``, or with a number where it was given before.

    >>> clear_session()
    >>> auto_name("dense"), auto_name("dense")
    ('dense', 'dense_1')
    """
    count = _counts.get(prefix, 0)
    _counts[prefix] = count + 1
    return f"{prefix}_{count}" if count else prefix


def clear_session(free_memory: bool = True) -> None:
    """Lets names count from the start again; models that exist stay as they are."""
    _counts.clear()


@contextmanager
def name_scope(name: str) -> Iterator[None]:
    """Within it variables have ``name`` before theirs in their path."""
    token = _scope.set((*_scope.get(), name))
    try:
        yield
    finally:
        _scope.reset(token)


def path_of(name: str) -> str:
    """``name`` below the scopes that are open.

    >>> with name_scope("dense"):
    ...     path_of("kernel")
    'dense/kernel'
    """
    return "/".join((*_scope.get(), name))


def missing(module: ModuleType, name: str, known: Iterable[str]) -> AttributeError | ImportError:
    """What a module's ``__getattr__`` raises for a name that it lacks: it may be one of Keras' that
    is not there.

    Where the name is imported it is an ``ImportError``: in place of an ``AttributeError`` Python
    would raise one that does not say what there is.
    """
    shown = module.__name__.removeprefix("graphc.")
    names = sorted(n for n in known if not n.startswith("_"))
    if name.startswith("__"):
        return AttributeError(f"module {shown!r} has no attribute {name!r}", name=name, obj=module)
    hint = suggestion(name, names)
    near = hint if hint.startswith("; did you mean") else ""
    told = f"{shown}.{name} is not there (yet){near}; {shown} has {', '.join(names)}"
    if _imports(sys._getframe(2)):
        return ImportError(told, name=module.__name__)
    return AttributeError(told, name=name, obj=module)


def _imports(caller: FrameType) -> bool:
    """Whether a function that asks for a name is at ``from ... import``."""
    at = caller.f_lasti
    return at >= 0 and caller.f_code.co_code[at] == opmap["IMPORT_FROM"]
