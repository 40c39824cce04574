"""The examples in docstrings run, and every public function has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re

import pytest

import graphc
from graphc.tensor import functions

MODULES = [
    "graphc.tensor",
    "graphc.operands",
    "graphc.initializers",
    "graphc.naming",
    "graphc.ops.declare",
]


@pytest.mark.parametrize("name", sorted(functions))
def test_examples_of_public_functions(name: str) -> None:
    function = functions[name]
    if not function.__module__.startswith("graphc.") or not hasattr(graphc, name):
        pytest.skip("made by a test")
    assert function.__doc__, name
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind == p.KEYWORD_ONLY and p.default is p.empty for p in parameters):
        pytest.skip("not for users")
    needed = set(re.findall(r"graphc\.(?:ops\.)?(\w+)\(", function.__doc__))
    if missing := {n for n in needed if not hasattr(graphc, n)}:
        pytest.skip(f"its example needs {missing}")
    runner = doctest.DocTestRunner()
    tests = doctest.DocTestParser().get_doctest(function.__doc__, {}, name, None, None)
    assert tests.examples, f"{name} has no example"
    assert runner.run(tests).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_modules(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def test_all_modules_of_ops_are_found() -> None:
    found = {module.name for module in pkgutil.iter_modules(graphc.ops.__path__)}
    assert {"arithmetic", "reductions", "shapes"} <= found
    for name in graphc.ops.__all__:
        assert callable(getattr(graphc, name))
