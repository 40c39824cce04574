"""The user's line is named wherever the mistake is made: cells, text without a file, libraries."""

from __future__ import annotations

import linecache
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import graphc
from graphc.errors import GraphcError, ShapeError


def _failing(text: str, file: str, names: dict[str, Any] | None = None) -> str:
    with pytest.raises(GraphcError) as raised:
        exec(compile(text, file, "exec"), {"graphc": graphc, **(names or {})})
    return str(raised.value)


def _remembered(text: str, file: str) -> None:
    """As IPython does it: the text of a cell is put where tracebacks look for it."""
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)


CELL = 'x = graphc.input("x", (3,))\ny = graphc.input("y", (4,))\nz = x + y\n'


@pytest.mark.parametrize("ipython", [True, False])
def test_a_notebook_cell(ipython: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    file = "<ipython-input-7-0123456789ab>"
    _remembered(CELL, file)
    if ipython:
        module = types.ModuleType("IPython")
        names = types.SimpleNamespace(format_code_name=lambda name: ("Cell", "In[7]"))
        module.get_ipython = lambda: types.SimpleNamespace(compile=names)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "IPython", module)
    else:
        monkeypatch.delitem(sys.modules, "IPython", raising=False)
    told = _failing(CELL, file)
    shown = "In[7]" if ipython else file
    assert told.splitlines()[-1] == f"  {shown}:3   z = x + y"
    assert f'y = graphc.input("y", (4,))   {shown}:2' in told


def test_text_without_a_source() -> None:
    told = _failing(CELL, "<string>")
    assert told.splitlines()[0] == "add: cannot broadcast (3) with (4)"
    assert told.splitlines()[-1] == "  <string>:3"


def test_a_function_of_a_library_that_the_user_calls(tmp_path: Path) -> None:
    """The line where the op was called is named; the traceback leads on to the user's."""
    text = "def dense(x, w):\n    return x @ w\n"
    file = tmp_path / "layers.py"
    file.write_text(text)
    scope: dict[str, Any] = {}
    exec(compile(text, str(file), "exec"), scope)
    program = 'x = graphc.input("x", (2, 3))\ny = dense(x, x)\n'
    told = _failing(program, "<cell>", {"dense": scope["dense"]})
    assert told.splitlines()[-1] == "  layers.py:2   return x @ w"
    assert "<cell>:1" in told


def test_a_list_comprehension_and_a_lambda(tmp_path: Path) -> None:
    text = (
        'x = graphc.input("x", (3,))\n'
        "shift = lambda v: graphc.sum(v, axis=3)\n"
        "pieces = [\n"
        "    shift(x) for _ in range(2)\n"
        "]\n"
    )
    file = tmp_path / "train.py"
    file.write_text(text)
    assert _failing(text, str(file)).splitlines()[-1].startswith("  train.py:2   shift = lambda")
    text = text.replace("shift(x)", "graphc.sum(x, axis=3)")
    file = tmp_path / "other.py"
    file.write_text(text)
    assert _failing(text, str(file)).splitlines()[-1].startswith("  other.py:4   graphc.sum(x")


def test_an_expression_over_several_lines(tmp_path: Path) -> None:
    text = (
        'x = graphc.input("x", (3,))\n'
        'y = graphc.input("y", (4,))\n'
        "z = (\n"
        "    2 * x\n"
        "    + graphc.exp(\n"
        "        y\n"
        "    )\n"
        ")\n"
    )
    file = tmp_path / "train.py"
    file.write_text(text)
    assert _failing(text, str(file)).splitlines()[-1] == "  train.py:4   2 * x"


def test_a_tensor_that_outlives_its_source(tmp_path: Path) -> None:
    text = 'x = graphc.input("x", (3,))\n'
    file = tmp_path / "gone.py"
    file.write_text(text)
    scope: dict[str, Any] = {"graphc": graphc}
    exec(compile(text, str(file), "exec"), scope)
    file.unlink()
    linecache.checkcache()
    with pytest.raises(ShapeError) as raised:
        scope["x"] + graphc.zeros(4)
    assert "gone.py:1" in str(raised.value)


def test_a_call_of_a_compiled_program_names_where_the_input_was_declared() -> None:
    file = "<ipython-input-9-0123456789ab>"
    text = 'x = graphc.input("x", ("N", 3))\nf = graphc.compile(x + 1)\nf([[1.0, 2.0]])\n'
    _remembered(text, file)
    with pytest.raises(ValueError, match=r"input 'x': expected shape \(N, 3\), got \(1, 2\)") as it:
        exec(compile(text, file, "exec"), {"graphc": graphc})
    assert f"declared at {file}:1" in str(it.value)
    assert any(entry.path == file and entry.lineno == 3 for entry in map(_place, it.traceback))


def _place(entry: Any) -> types.SimpleNamespace:
    return types.SimpleNamespace(path=entry.frame.code.raw.co_filename, lineno=entry.lineno + 1)
