"""The user's line is found from inside the package, and can be overridden."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import graphc
from graphc import location
from graphc.location import Location

_PACKAGE = str(Path(graphc.__file__).parent)


def _inside(depth: int) -> object:
    """A function whose frames belong to graphc, ``depth`` calls deep."""
    source = "def f(g, n):\n    return f(g, n - 1) if n else g()\n"
    scope: dict[str, object] = {}
    exec(compile(source, f"{_PACKAGE}/made_up.py", "exec"), scope)
    return lambda: scope["f"](location.capture, depth)  # type: ignore[operator]


def test_capture_leaves_the_package() -> None:
    call = _inside(5)
    found = call()  # type: ignore[operator]
    assert found is not None and found.file == "test_location.py"
    assert found.text.startswith("return lambda: scope")


def test_same_line_is_the_same_object() -> None:
    first, second = [location.capture() for _ in range(2)]
    assert first is second


def test_override_and_nesting() -> None:
    outer, inner = Location("a.py", 1), Location("b.py", 2)
    with location.at(outer):
        assert location.capture() == outer
        with location.at(inner):
            assert location.capture() == inner
        with location.at(None):
            assert location.capture() == outer
    assert location.capture() != outer


def test_path_takes_no_part_in_equality() -> None:
    assert Location("a.py", 1, "/x/a.py") == Location("a.py", 1)
    assert str(Location("a.py", 1)) == '"a.py":1' and Location("a.py", 1).text == ""


def test_notebook_cell(monkeypatch: object) -> None:
    class Compiler:
        def format_code_name(self, name: str) -> tuple[str, str] | None:
            return ("Cell", "In[3]") if name == "<cell>" else None

    module = types.ModuleType("IPython")
    shell = types.SimpleNamespace(compile=Compiler())
    module.get_ipython = lambda: shell  # type: ignore[attr-defined]
    scope: dict[str, object] = {"capture": location.capture}
    monkeypatch.setitem(sys.modules, "IPython", module)  # type: ignore[attr-defined]
    exec(compile("\nfound = capture()", "<cell>", "exec"), scope)
    assert scope["found"] == Location("In[3]", 2)


def test_only_graphc_frames_gives_none_or_user() -> None:
    assert location.capture() is not None
