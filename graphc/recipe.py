"""Graphs with all that decides what they become: compiled now, or taken from the disk.

A program from the disk has been through every check when it was made; the stages that led to it are
made again only for those who look at them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from graphc.collector import collection_paused
from graphc.fingerprint import fingerprint
from graphc.ir.graphs import Graph
from runtime import preparation, program_cache
from runtime.frozen import frozen
from runtime.program import Program
from runtime.target import Target

if TYPE_CHECKING:
    from graphc.compiler import Compilation


def import_early(threads: int | None) -> None:
    """Where LLVM has to be asked what this machine is, nothing was kept here by anybody, and there
    will be a compilation: the compiler is imported while LLVM is loaded."""
    from runtime import jit

    if not jit.is_host_known():
        preparation.begin_to_compile(threads)
        with preparation.in_a_hurry(), collection_paused():
            import graphc.codegen.module
            import graphc.compiler  # noqa: F401


@frozen
class Recipe:
    """The arguments of ``graphc.compiler.compile_graphs``; ``threads`` the program is to run on."""

    graphs: Sequence[Graph]
    target: Target
    name: str
    fuse: bool
    single_output: bool
    threads: int | None

    def compile(self) -> Compilation:
        """Pass by pass; the compiler is imported now.  Machine code is made meanwhile."""
        with preparation.meanwhile(self.threads, self.target) as ready, collection_paused():
            from graphc.compiler import compile_graphs

            return compile_graphs(
                self.graphs,
                self.target,
                name=self.name,
                fuse=self.fuse,
                single_output=self.single_output,
                ready=ready,
            )

    def reuse(self) -> Compilation | Kept:
        """The program that is kept on the disk for these graphs; else they are compiled, and what
        they became is kept."""
        options = (self.name, self.fuse, self.single_output)
        identity = program_cache.wanted() and fingerprint(self.graphs, self.target, options)
        if not identity:
            return self.compile()
        parameters = (value for graph in self.graphs for value in graph.parameters)
        initial = {value.name or "": value.node.attributes["initial"] for value in parameters}
        program = program_cache.load(identity, initial)
        if program is not None:
            return Kept(self, program)
        made = self.compile()
        program_cache.store(identity, made.program)
        return made


class Kept(NamedTuple):
    """A program from the disk, and how it would be made."""

    recipe: Recipe
    program: Program
