"""Borders and outer sizes: arrows of imports, lengths, homes of libraries, lazy imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.structure import (
    ONLY_HOME,
    PLAIN_RUNTIME,
    RANK,
    ROOT,
    SEES_PROGRAMS,
    SEES_RUNTIME,
    SOURCES,
    WRITTEN,
    imports,
    module_name,
    part_of,
    type_checking_nodes,
)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def wrong_arrow(module: str, imported: str) -> str | None:
    """Why ``module`` may not import ``imported``; ``None`` where it may."""
    if module.startswith("runtime"):
        return "the runtime never imports graphc" if imported.startswith("graphc") else None
    part = part_of(module)
    if part == "graphc":
        return None
    if imported.split(".")[0] == "runtime":
        seen = part in SEES_RUNTIME or (part in SEES_PROGRAMS and imported in PLAIN_RUNTIME)
        return None if seen else f"{part} may not see {imported}"
    if imported.split(".")[0] != "graphc" or imported == "graphc":
        return None
    target = part_of(imported)
    if RANK[target] <= RANK[part]:
        return None
    return f"{part} stands below {target}"


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_imports_point_down(path: Path) -> None:
    tree = ast.parse(path.read_text())
    module = module_name(path)
    never_run = type_checking_nodes(tree)
    wrong = [
        f"{named(path)}:{node.lineno}: imports {imported}: {reason}"
        for imported, node in imports(tree, module, package=path.name == "__init__.py")
        if node not in never_run and not (part_of(module) == "api" and is_lazy(tree, node))
        if (reason := wrong_arrow(module, imported))
    ]
    assert not wrong, "\n".join(wrong)


def is_lazy(tree: ast.Module, node: ast.AST) -> bool:
    """Whether an import stands inside a function: the faces import what they need when called."""
    return node not in tree.body


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_every_part_has_its_place(path: Path) -> None:
    module = module_name(path)
    if module.startswith("graphc."):
        assert part_of(module) in RANK, f"{module} has no place among the layers"


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_libraries_stay_at_home(path: Path) -> None:
    tree = ast.parse(path.read_text())
    never_run = type_checking_nodes(tree)
    for imported, node in imports(tree, module_name(path), package=path.name == "__init__.py"):
        home = ONLY_HOME.get(imported.split(".")[0])
        if home is not None and node not in never_run:
            assert named(path).startswith(home), f"{named(path)}:{node.lineno}: {imported}"


@pytest.mark.parametrize("path", WRITTEN, ids=named)
def test_pieces_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400, f"{named(path)} has {text.count(chr(10))} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 50, f"{named(path)}:{node.lineno}: {node.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_modules_say_what_they_are_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{named(path)} has no docstring"


MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:home|root|work|Users|tmp)/\w+|[A-Z]:\\\\Users")


PROSE = [*ROOT.glob("*.md"), *ROOT.glob("graphc/docs/*.md")]


@pytest.mark.parametrize("path", [*WRITTEN, *PROSE], ids=named)
def test_no_paths_of_a_machine(path: Path) -> None:
    if path != Path(__file__).resolve():
        assert not MACHINE_PATHS.findall(path.read_text())


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


HEAVY = "{'sympy', 'networkx', 'llvmlite', 'rich', 'safetensors', 'runtime.jit'} & set(sys.modules)"


def test_importing_graphc_is_light() -> None:
    assert run_python(f"import sys, graphc; print({HEAVY})").strip() == "set()"


def test_importing_runtime_is_light() -> None:
    code = "import sys, runtime; print({m for m in sys.modules if m.startswith('graphc')})"
    assert run_python(code).strip() == "set()"


def test_nothing_recurses_by_default() -> None:
    """Graphs of 100,000 nodes are legal, so nobody may lean on a higher recursion limit."""
    for path in WRITTEN:
        if path != Path(__file__).resolve():
            assert "setrecursionlimit" not in path.read_text(), named(path)
