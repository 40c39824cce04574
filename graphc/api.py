"""The faces users see: Graph, Executable, compile, evaluate, parse, benchmark.

A method that needs a picture, a table or the compiler imports it when it is called.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from graphc import arguments
from graphc.errors import UnsupportedError
from graphc.ir import graphs
from graphc.ops.random import random_updates
from graphc.recipe import Kept, Recipe, import_early
from graphc.tensor import Tensor
from runtime.executable import Executable as RuntimeExecutable
from runtime.state import State
from runtime.target import Target

if TYPE_CHECKING:
    import networkx

    from graphc.bench import Report
    from graphc.compiler import Compilation, Stages
    from graphc.symbolic.typeset import Formula

STAGES = ("graph", "optimized", "fused", "loops", "llvm", "asm")


class Graph:
    """A named function of its inputs: outputs to return and parameters to update.

    ``outputs`` is a Tensor or a mapping of names to Tensors; ``updates`` maps parameters to their
    new values, all computed from the old ones.  Generators of random numbers that the graph uses
    are advanced by it.  Its inputs, which a call may give by position, are those of ``inputs``
    (used or not: a graph may need one for its sizes alone), then all others that it uses in the
    order in which they were declared.

    Raises ``GraphcError`` subclasses where something is no Tensor, no parameter, no input, or of
    another shape or dtype than the parameter it updates.

    >>> import graphc
    >>> x = graphc.input("x", ("N", 3))
    >>> graph = Graph("double", outputs={"y": 2 * x})
    >>> print(graph.text(locations=False), end="")
    graph @double<N>(%x: f32[N, 3]) {
      %0 = constant() {value = f32[](2.0)} : f32[]
      %1 = broadcast(%0) {shape = [N, 3], axes = []} : f32[N, 3]
      %2 = multiply(%1, %x) : f32[N, 3]
      return y = %2
    }
    """

    def __init__(
        self,
        name: str,
        outputs: Tensor | Mapping[str, Tensor],
        updates: Mapping[Tensor, Any] | Sequence[tuple[Tensor, Any]] = (),
        *,
        inputs: Sequence[Tensor] | None = None,
        flush_denormals: bool | None = None,
    ) -> None:
        arguments.check_name(name, "a graph")
        self.single_output = isinstance(outputs, Tensor)
        results = arguments.named_outputs(outputs)
        changed = arguments.changed_parameters(updates)
        known = {parameter for parameter, _ in changed}
        for parameter, new in random_updates([*results.values(), *(v for _, v in changed)]):
            if parameter.value not in known:
                changed.append((parameter.value, new.value))
        found = graphs.collect(name, results, changed, flush_denormals=flush_denormals)
        self.ir = arguments.in_order(found, inputs)
        arguments.check_inputs(self.ir)

    @classmethod
    def of(cls, ir: graphs.Graph) -> Graph:
        """The face of an IR graph."""
        face = cls.__new__(cls)
        face.ir = ir
        face.single_output = list(ir.outputs) == ["output"]
        return face

    @property
    def name(self) -> str:
        """The name of the graph, and of its entry in a program."""
        return self.ir.name

    def __repr__(self) -> str:
        return f"<graph {self.name}: {len(self.ir.nodes)} nodes>"

    def __reduce__(self) -> NoReturn:
        error = UnsupportedError(
            f"{self!r} cannot be pickled", advice="keep its text(), which graphc.parse reads"
        )
        raise arguments.at(error)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and self.ir == other.ir

    def __hash__(self) -> int:
        return hash(self.ir)

    def text(
        self, *, locations: bool = True, constants: MutableMapping[str, np.ndarray] | None = None
    ) -> str:
        """The graph IR as text, which ``graphc.parse`` reads back.

        Arrays of more than 16 elements are given by their digest; a mapping passed as ``constants``
        is filled with them, and passed on to ``graphc.parse`` makes the graph one that runs.
        """
        from graphc.ir.printer import text

        return text(self.ir, locations=locations, constants=constants)

    def svg(self) -> str:
        """A picture as SVG text."""
        from graphc.viz.svg import svg

        return svg(self.ir)

    def html(self, *, formulas: bool = False) -> str:
        """A page of picture and text side by side, and with ``formulas`` the mathematics."""
        from graphc.viz.html import html

        return html(self.ir, formulas=formulas)

    def formulas(self) -> tuple[Formula, ...]:
        """The graph as mathematics, gradients included: each formula as text, LaTeX and MathML."""
        from graphc.viz.mathematics import mathematics

        return mathematics(self.ir)

    def to_dot(self) -> str:
        """The graph in Graphviz' language."""
        from graphc.viz.dot import to_dot

        return to_dot(self.ir)

    def to_networkx(self) -> networkx.MultiDiGraph:
        """The graph as networkx sees it, for analyses of one's own."""
        from graphc.analysis.networkx_view import to_networkx

        return to_networkx(self.ir)


class Executable(RuntimeExecutable):
    """A compiled program that remembers how it came about.  Made by ``graphc.compile``.

    Entries are called as ``exe.step(x=...)``; ``exe.state["w"]`` reads and writes parameters.
    """

    def __init__(
        self,
        compilation: Compilation | Kept,
        state: State | None,
        threads: int | None,
        **options: Any,
    ) -> None:
        self._made = compilation
        self._from_disk = isinstance(compilation, Kept)
        super().__init__(compilation.program, state, threads, **options)

    @property
    def compilation(self) -> Compilation:
        """What the compiler made of the graphs at every stage; of a program that came from the disk
        it is made when it is first asked for."""
        if isinstance(self._made, Kept):
            self._made = self._made.recipe.compile()
        return self._made

    def text(
        self,
        stage: str = "loops",
        entry: str | None = None,
        *,
        locations: bool | None = None,
        constants: MutableMapping[str, np.ndarray] | None = None,
    ) -> str:
        """The program at a stage: graph, optimized, fused, loops, llvm or asm; of one entry, or of
        all.  ``llvm`` and ``asm`` are one module for the whole program.

        ``locations`` asks for your lines beside what they became; graphs have them anyway.
        ``constants`` is that of ``Graph.text``.  ``graphc.parse_all`` reads graphs back.
        """
        arguments.check_choice(stage, "stage", STAGES)
        made = self.compilation
        if stage == "llvm":
            from graphc.report import with_lines

            return with_lines(made) if locations else made.llvm
        if stage == "asm":
            from runtime import jit

            return jit.assembly(made.llvm, made.target)
        chosen = self._stages(entry)
        if stage == "loops":
            from graphc.loops.printer import text as loops_text

            kernels = (call.kernel for s in chosen for call in s.plan.calls)
            return "\n".join(
                loops_text(kernel, locations=bool(locations)) for kernel in dict.fromkeys(kernels)
            )
        from graphc.ir.printer import text

        shown = locations is not False
        graphs = [getattr(stages, stage) for stages in chosen]
        return "\n".join(text(g, locations=shown, constants=constants) for g in graphs)

    def graph(self, stage: str = "graph", entry: str | None = None) -> Graph:
        """The graph of an entry (the first, unless named) as declared, optimized or fused."""
        arguments.check_choice(stage, "stage of a graph", STAGES[:3])
        return Graph.of(getattr(self._stages(entry)[0], stage))

    def report(self) -> str:
        """What the compiler did: time of each pass and stage, kernels, memory."""
        from graphc.report import report

        return report(self.compilation, self._library.seconds, self._from_disk)

    def why_not_fused(self, producer: str, consumer: str, entry: str | None = None) -> str:
        """The rule that kept two named values from being computed by one kernel."""
        from graphc.report import why_not_fused

        with arguments.at_user():
            return why_not_fused(self._stages(entry), producer, consumer)

    def _stages(self, entry: str | None) -> list[Stages]:
        """The stages of one entry, or of all."""
        names = [stages.graph.name for stages in self.compilation.entries]
        if entry is not None:
            arguments.check_choice(entry, "entry", names)
        return [s for s in self.compilation.entries if entry in (None, s.graph.name)]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the program with the parameters' present values, also as code that any machine of
        this architecture runs; ``runtime.load`` reads it without the compiler."""
        own = self.program
        self.program = self.compilation.portable()
        try:
            super().save(path)
        finally:
            self.program = own


def compile(
    *graphs: Graph | Tensor,
    fuse: bool = True,
    threads: int | None = None,
    state: State | None = None,
    target: Target | str | None = None,
    name: str | None = None,
    cache: bool = True,
) -> Executable:
    """Compile graphs to native code; each becomes an entry of one program with shared parameters.

    A single Tensor, or a Graph of one unnamed output, makes an executable that returns an ndarray.
    ``fuse=False`` computes each op by a kernel of its own; ``state`` shares another executable's
    parameters; ``target`` (or a level's name: avx512, avx2, baseline) restricts the instructions.
    With ``cache`` a program of the same graphs is taken from the disk where one is kept there.
    ``threads`` is the most that a call may use: unless given, what $GRAPHC_NUM_THREADS says, else
    the processors this process may run on; results are the same for any number.

    Raises ``ArgumentError`` for arguments of another kind and for names of entries that executables
    use themselves, ``StateError`` where ``state`` has a parameter of another type.

    >>> import graphc, numpy
    >>> x = graphc.input("x", ("N",))
    >>> double = compile(2 * x)
    >>> double(numpy.arange(3, dtype="float32"))
    array([0., 2., 4.], dtype=float32)
    """
    faces = [_graph(each, "compile takes Graphs and Tensors, one by one") for each in graphs]
    for face in faces:
        arguments.check_constants(face.ir)
    arguments.check_entries([face.name for face in faces], Executable)
    arguments.check_kind(fuse, bool, "fuse is True or False")
    arguments.check_kind(cache, bool, "cache is True or False")
    if threads is not None:
        arguments.check_count(threads, "threads")
    arguments.check_kind(state, State | None, "state is that of an executable, as in exe.state")
    import_early(threads)
    with arguments.at_user():
        recipe = Recipe(
            [face.ir for face in faces],
            arguments.known_target(target),
            name or faces[0].name,
            fuse,
            single_output=len(faces) == 1 and faces[0].single_output,
            threads=threads,
        )
        chosen = {} if target is None else {"target": recipe.target.name}
        made = recipe.reuse() if cache else recipe.compile()
        return Executable(made, state, threads, **chosen)


def _graph(what: Graph | Tensor, rule: str) -> Graph:
    """``what``, or the graph whose only output it is."""
    graph = Graph("main", what) if isinstance(what, Tensor) else what
    arguments.check_kind(graph, Graph, rule)
    return graph


def evaluate(what: Graph | Tensor, /, **inputs: Any) -> Any:
    """The value of a Tensor, or the outputs of a Graph by name, by the reference interpreter in
    NumPy: nothing is compiled, no parameter changed.

    >>> import graphc
    >>> x = graphc.input("x", (2,))
    >>> evaluate(x + 1, x=[1, 2])
    array([2., 3.], dtype=float32)
    """
    from graphc.ir.interpreter import evaluate as interpret

    graph = _graph(what, "evaluate takes a Graph or a Tensor")
    with arguments.at_user():
        outputs, _ = interpret(graph.ir, arguments.conformed(graph.ir, inputs))
    return outputs["output"] if graph.single_output else outputs


def parse(text: str, constants: Mapping[str, np.ndarray] | None = None) -> Graph:
    """The graph that ``text`` says; ``ParseError`` points at line and column where it says none.

    ``constants`` has the arrays that the text gives by their digest alone.

    >>> graph = parse("graph @negate<N>(%x: f32[N]) { %0 = negative(%x) : f32[N] return y = %0 }")
    >>> graph.name
    'negate'
    """
    from graphc.ir.parser import parse as parse_ir

    arguments.check_kind(text, str, "parse takes the text of a graph")
    if constants is not None:
        rule = "constants are a dict of digests to arrays, as text() fills it"
        arguments.check_kind(constants, Mapping, rule)
    return Graph.of(parse_ir(text, constants=constants))


def parse_all(text: str, constants: Mapping[str, np.ndarray] | None = None) -> tuple[Graph, ...]:
    """The graphs that ``text`` says one after the other, as ``exe.text("graph")`` of a program with
    several entries does.  They share their parameters and can be compiled together.

    >>> import graphc
    >>> x = graphc.input("x", ("N",))
    >>> exe = compile(Graph("f", {"y": x + 1}), Graph("g", {"y": x * 2}))
    >>> [graph.name for graph in parse_all(exe.text("optimized"))]
    ['f', 'g']
    """
    from graphc.ir.parser import parse_all as parse_ir

    return tuple(map(Graph.of, parse_ir(text, constants=constants)))


def benchmark(graph: Graph | Tensor, **options: Any) -> Report:
    """Time a graph fused, unfused and in NumPy; see ``graphc.bench.benchmark`` for the options.

    >>> import graphc
    >>> x = graphc.input("x", ("N",))
    >>> report = benchmark(2 * x + 1, sizes={"N": [1000]}, seconds=0.02)
    >>> report.results[0].variant("fused").timing.calls >= 3
    True
    """
    from graphc.bench import benchmark as measure

    with arguments.at_user():
        return measure(graph, **options)
