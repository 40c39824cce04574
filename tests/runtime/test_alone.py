"""The runtime without the compiler: nothing of it is imported, and ``import runtime`` is light."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np

from runtime.executable import Executable

ROOT = Path(__file__).parents[2]
BARRED = ("graphc", "sympy", "networkx")
BLOCK = f"""
import sys
class Barred:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BARRED!r}:
            raise ImportError("barred: " + name)
sys.meta_path.insert(0, Barred())
"""


def run(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", BLOCK + code, *map(str, arguments)],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip


def test_a_saved_program_is_loaded_called_and_trained_without_the_compiler(programs, tmp_path):
    path = tmp_path / "p.graphc"
    exe = Executable(programs.training())
    exe.step(np.ones(4, np.float32), np.zeros(4, np.int32))
    exe.save(path)
    code = """
import numpy as np, runtime
exe = runtime.load(sys.argv[1])
data = {"x": np.ones(5, np.float32), "labels": np.zeros(5, np.int32)}
runtime.Trainer(exe).fit(data, 2, 3, validation=data)
print(exe.state["w"], exe.state["steps"], exe.native_calls)
"""
    assert run(code, path).split() == ["-1.5", "5", "8"]


def test_importing_the_package_loads_nothing_heavy():
    code = """
import runtime
heavy = {"numpy", "llvmlite", "safetensors", "rich"} & set(sys.modules)
assert not heavy, heavy
assert runtime.Program.__name__ == "Program" and "llvmlite" not in sys.modules
"""
    run(code)


def test_imports_stay_within_their_borders():
    """llvmlite in one file, rich inside functions, the compiler nowhere."""
    for path in (ROOT / "runtime").rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                assert top not in BARRED, (path, name)
                assert top not in ("pickle", "shelve", "marshal"), (path, name)
                assert top != "llvmlite" or path.name == "jit.py", path
                assert top != "rich" or node not in tree.body, path


def test_every_public_thing_is_documented():
    for path in (ROOT / "runtime").glob("*.py"):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        for node in tree.body:
            public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"
            assert not public or ast.get_docstring(node), (path, node.name)


def test_the_examples_of_the_docstrings():
    import doctest
    from importlib import import_module

    ran = 0
    for path in sorted((ROOT / "runtime").glob("*.py")):
        result = doctest.testmod(import_module(f"runtime.{path.stem}"))
        assert result.failed == 0, path
        ran += result.attempted
    assert ran >= 10
