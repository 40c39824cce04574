"""The plan of the house as data: which part may import which, and how large a piece may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(p for part in ("graphc", "runtime") for p in (ROOT / part).rglob("*.py"))
WRITTEN = sorted(
    [*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]
)

LAYERS = (
    "location naming collector",
    "errors",
    "ir",
    "tensor operands numpy_protocol",
    "ops initializers",
    "symbolic",
    "autodiff",
    "analysis",
    "passes",
    "loops",
    "codegen",
    "compiler fingerprint report",
    "api arguments recipe",
    "keras viz bench __main__",
)
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts.split()}
SEES_RUNTIME = {"api", "arguments", "recipe", "keras", "bench", "__main__"}
SEES_PROGRAMS = SEES_RUNTIME | {"loops", "codegen", "compiler", "fingerprint", "report", "viz"}
PLAIN_RUNTIME = {"runtime.frozen", "runtime.target", "runtime.program", "runtime.parts"}
ONLY_HOME = {
    "sympy": "graphc/symbolic/",
    "llvmlite": "runtime/jit",
    "networkx": "graphc/analysis/",
}


def part_of(module: str) -> str:
    """The part of graphc that ``module`` belongs to: ``graphc.ir.dims`` is in ``ir``."""
    return module.split(".")[1] if "." in module else "graphc"


def module_name(path: Path) -> str:
    """The dotted name of a source file."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    """Whether ``name`` is one of the project's own modules or packages."""
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def type_checking_nodes(tree: ast.Module) -> set[ast.AST]:
    """Everything under ``if TYPE_CHECKING:``: imports that never run."""
    blocks = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
    ]
    return {inner for block in blocks for inner in ast.walk(block)}


def imports(tree: ast.Module, module: str, *, package: bool) -> Iterator[tuple[str, ast.AST]]:
    """The full names of all modules that a file imports, at the top or inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")[: -(node.level - package) or None]
                base = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                own = base.split(".")[0] in ("graphc", "runtime")
                yield (inner if own and is_module(inner) else base), node
