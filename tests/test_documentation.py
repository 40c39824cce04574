"""Public names say what they do, with an example; every example in a docstring runs."""

from __future__ import annotations

import doctest
import importlib
import inspect

import pytest

import graphc
from tests.structure import SOURCES, module_name

MODULES = [module_name(path) for path in SOURCES if path.name != "__main__.py"]
FUNCTIONS = [
    name
    for name in graphc.__all__
    if inspect.isfunction(getattr(graphc, name)) or inspect.isclass(getattr(graphc, name))
]
NEED_NO_EXAMPLE = {"DType", "Dim", "Executable"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_names_are_documented(name: str) -> None:
    text = inspect.getdoc(getattr(graphc, name)) or ""
    assert text, f"graphc.{name} has no docstring"
    assert ">>>" in text or name in NEED_NO_EXAMPLE, f"graphc.{name} has no example"


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module: str) -> None:
    found = doctest.testmod(
        importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert not found.failed


def test_public_names_exist() -> None:
    for name in graphc.__all__:
        assert getattr(graphc, name) is not None or name == "newaxis", name
    assert set(graphc.__all__) <= set(dir(graphc))
