"""Modules compiled by several threads, some of them before anybody asks."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

import graphc
from graphc.codegen import module
from runtime import jit, parts
from runtime.emission import Emission
from runtime.target import AVX2, Target


class Compiler:
    """Stands for LLVM: its object files are the texts."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.hold = threading.Event()
        self.hold.set()

    def __call__(self, text: str, target: Target) -> bytes:
        self.hold.wait()
        if "wrong" in text:
            raise RuntimeError(f"no text: {text}")
        self.seen.append(text)
        return text.encode()


@pytest.fixture
def compiler(tmp_path, monkeypatch) -> Compiler:
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    return Compiler()


def test_images_come_in_the_order_of_their_texts(compiler):
    texts = [f"text {number}" * (1 + number % 3) for number in range(40)]
    emission = Emission(compiler)
    expected = [text.encode() for text in texts]
    assert emission.images(texts, AVX2) == (expected, True)
    assert sorted(compiler.seen) == sorted(texts)
    assert emission.images(texts, AVX2) == (expected, False)
    assert len(compiler.seen) == 40
    assert emission.images([], AVX2) == ([], False)


def test_what_was_started_is_compiled_once(compiler):
    emission = Emission(compiler)
    for text in ("a", "b", "c"):
        emission.start(text, AVX2)
    assert emission.images(["b", "d", "a", "b"], AVX2)[0] == [b"b", b"d", b"a", b"b"]
    assert sorted(set(compiler.seen)) in (["a", "b", "d"], ["a", "b", "c", "d"])
    assert len(compiler.seen) <= 5


def test_what_is_forgotten_and_not_begun_is_not_compiled(compiler, monkeypatch):
    monkeypatch.setattr("runtime.processor.count", lambda: 2)
    compiler.hold.clear()
    emission = Emission(compiler)
    for number in range(10):
        emission.start(f"{number}", AVX2)
    emission.forget()
    compiler.hold.set()
    assert emission.images(["new"], AVX2) == ([b"new"], True)
    wait_for_threads()
    assert len(compiler.seen) <= 2


def test_the_first_mistake_is_raised_and_others_do_not_suffer(compiler):
    emission = Emission(compiler)
    emission.start("wrong 1", AVX2)
    with pytest.raises(RuntimeError, match="no text: wrong 1"):
        emission.images(["right", "wrong 1", "wrong 2"], AVX2)
    assert emission.images(["right"], AVX2) == ([b"right"], False)


def test_several_threads_may_ask_at_once(compiler):
    emission = Emission(compiler)
    found: dict[int, list[bytes]] = {}

    def ask(number: int) -> None:
        emission.start(f"own {number}", AVX2)
        if number % 3 == 0:
            emission.forget()
        texts = [f"shared {i}" for i in range(5)] + [f"own {number}"]
        found[number] = emission.images(texts, AVX2)[0]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    shared = [f"shared {i}".encode() for i in range(5)]
    assert found == {number: [*shared, f"own {number}".encode()] for number in range(12)}


def test_without_threads_the_caller_does_it_all(compiler, monkeypatch):
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    emission = Emission(compiler)
    emission.start("a", AVX2)
    assert emission.images(["b", "a", "c"], AVX2)[0] == [b"b", b"a", b"c"]
    assert emission._workers == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_child_compiles_by_itself(compiler, monkeypatch):
    monkeypatch.setattr("runtime.processor.count", lambda: 2)
    compiler.hold.clear()
    emission = Emission(compiler)
    emission.start("held by a thread that the child lacks", AVX2)
    child = os.fork()
    if child == 0:
        compiler.hold.set()
        images = emission.images(["held by a thread that the child lacks", "other"], AVX2)[0]
        os._exit(len(images))
    deadline = time.monotonic() + 30
    status = None
    while status is None and time.monotonic() < deadline:
        pid, code = os.waitpid(child, os.WNOHANG)
        status = os.waitstatus_to_exitcode(code) if pid else None
        time.sleep(0.01)
    compiler.hold.set()
    assert status == 2


def wait_for_threads() -> None:
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and "_work" in thread.name:
            thread.join(30)


@pytest.mark.parametrize("lines", (1, 40, 100_000))
def test_the_parts_handed_over_are_those_of_the_whole(lines, monkeypatch, tmp_path):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(parts, "LINES", lines)
    monkeypatch.setattr(module, "LINES", lines)
    x = graphc.input("x", ("N", 40))
    w = graphc.parameter("w", np.ones((40, 24), np.float32))
    loss = graphc.mean(graphc.softmax(graphc.tanh(x @ w) ** 1.5) + graphc.erf(x @ w))
    (dw,) = graphc.grad(loss, [w])
    graph = graphc.Graph("step", outputs={"loss": loss}, updates={w: w - 0.1 * dw})
    made = graphc.compile(graph, cache=False).compilation
    given: list[str] = []
    whole = module.emit_module([stages.plan for stages in made.entries], made.target, given.append)
    cut = parts.cut(whole)
    assert whole == made.llvm
    assert given == cut[: len(given)]
    assert len(given) >= (3 if lines <= 40 else 0)
    assert not jit.engine()._emission._started
