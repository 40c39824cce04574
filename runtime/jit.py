"""LLVM text to native code, and what the host's processor is.

The only home of llvmlite.binding, which is imported where its linker is needed.  Owns the process's
one linker and keeps compiled code alive while any ``Library`` is.  Knows nothing of graphs or
frames.
"""

from __future__ import annotations

import ctypes
import itertools
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

from runtime import llvm, loading, object_cache, parts, processor
from runtime.emission import Emission
from runtime.once import Once
from runtime.target import AVX2, AVX512, BASELINE, NEON, Target

_DEFINED = re.compile(r'^define (?!internal|private)[^@]*@(?:"([^"]+)"|([-\w$.]+))\(', re.MULTILINE)
_LEVELS = {target.name: target for target in (AVX512, AVX2, BASELINE)}
_ELSEWHERE = "x86_64-unknown-linux-gnu"


class Library:
    """Linked native code.  Its addresses are valid while the library is referenced.

    ``seconds`` is the time that "code" took, from the text to object files or to finding them in
    the cache, and that of "linking" them.
    """

    def __init__(self, addresses: Any, owner: object) -> None:
        self.seconds: dict[str, float] = {}
        self._addresses = addresses
        self._owner = owner

    def address(self, symbol: str) -> int:
        """The address of the function called ``symbol``; ``KeyError`` where there is none."""
        address: int = self._addresses[symbol]
        if not address:
            raise KeyError(symbol)
        return address

    def keep(self) -> None:
        """Never unload it, at the interpreter's exit neither: it has threads that run in it."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))


class Engine:
    """Makes the process's libraries; get it with ``engine()``.

    ``compilations`` counts texts compiled to machine code (a hit in the object cache is none).
    """

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._emission = Emission(emit_object)
        self.compilations = 0

    def start(self, text: str, target: Target) -> None:
        """Begin to compile a module that ``compile`` will find as a part of one."""
        self._emission.start(text, target)

    def forget(self) -> None:
        """``compile`` will not be called for what was started."""
        self._emission.forget()

    def compile(
        self, text: str, target: Target, symbols: Mapping[str, int] | None = None
    ) -> Library:
        """Native code of a module's ``text`` made for ``target``, which this host must be able
        to execute; ``symbols`` are addresses of what it declares and the process does not export.
        ``RuntimeError`` says what LLVM found wrong with the text."""
        target = resolve(target)
        start = time.perf_counter()
        key = object_cache.key(text, processor.compiler(), target)
        images = object_cache.load(key)
        if images is None:
            images, compiled_now = self._emission.images(parts.cut(text), target)
            with self._lock:
                self.compilations += compiled_now
            if len(images) > 1:  # else it is kept already
                object_cache.store(key, images)
        compiled = time.perf_counter()
        library = self._link(images, text, symbols or {})
        library.seconds["code"] = compiled - start
        library.seconds["linking"] = time.perf_counter() - compiled
        return library

    def _link(self, images: Sequence[bytes], text: str, symbols: Mapping[str, int]) -> Library:
        try:
            image = loading.Image(images, symbols)
        except loading.NotLoadableError:
            return self._link_by_llvm(images, _exported(text), symbols)
        return Library(image.addresses, image)

    def _link_by_llvm(
        self, images: Sequence[bytes], exported: Sequence[str], symbols: Mapping[str, int]
    ) -> Library:
        builder = _binding().JITLibraryBuilder().add_current_process()
        for image in images:
            builder.add_object_img(image)
        for symbol in exported:
            builder.export_symbol(symbol)
        for symbol, address in symbols.items():
            builder.import_symbol(symbol, address)
        with self._lock:
            name = f"graphc.{next(self._numbers)}"
            return Library(builder.link(_linker(), name), _linker())


@cache
def _linker() -> Any:
    """LLVM's, for the whole process."""
    binding, host = _binding(), host_target()
    machine = binding.Target.from_triple(host.triple).create_target_machine(
        cpu=host.cpu, features=host.features, reloc="pic", codemodel="small", jit=True
    )
    return binding.create_lljit_compiler(machine, use_jit_link=True)


@cache
def _binding() -> Any:
    """llvmlite.binding, ready for this machine."""
    binding = import_module("llvmlite.binding")
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


@Once
def engine() -> Engine:
    """The process's engine, made at the first call."""
    return Engine()


def compile(
    text: str, target: Target | str | None = None, symbols: Mapping[str, int] | None = None
) -> Library:
    """``engine().compile`` for a target, its name, or the host."""
    return engine().compile(text, resolve(target), symbols)


def emit_object(text: str, target: Target) -> bytes:
    """The object file of a module's ``text``."""
    with _machine(target) as machine:
        return machine.object_file(text)


def assembly(text: str, target: Target | str | None = None) -> str:
    """The assembly of a module's ``text``, for any target that LLVM knows."""
    with _machine(resolve(target)) as machine:
        return machine.assembly(text)


def resolve(target: Target | str | None) -> Target:
    """The complete target meant by a ``Target``, the name of a level (avx512, avx2, baseline) or
    ``None`` (the host): with its triple and its processor.

    Raises ``ValueError`` for an unknown name.
    """
    if target is None:
        return host_target()
    if isinstance(target, str):
        if target == "host":
            return host_target()
        if target not in _LEVELS:
            raise ValueError(f"no target is named {target!r}; there are {', '.join(_LEVELS)}")
        target = _LEVELS[target]
    if target.triple and target.cpu:
        return target
    host = host_target()
    triple = host.triple
    if target.name in _LEVELS and not triple.startswith("x86_64"):
        triple = _ELSEWHERE  # its code can be looked at here
    return replace(target, triple=target.triple or triple, cpu=target.cpu or host.cpu)


def why_not_executable(target: Target) -> str | None:
    """What keeps this host from running code made for the complete ``target``; else ``None``."""
    host = host_target()
    here, there = host.architecture, target.architecture
    if here != there:
        return f"its code is for {there}, this machine is {here}"
    levels = list(_LEVELS)
    both_known = host.name in levels and target.name in levels
    if both_known and levels.index(target.name) < levels.index(host.name):
        return f"this machine has the instructions of {host.name} only"
    return None


@cache
def host_target() -> Target:
    """This machine: its processor's name and features as LLVM says them, its cache sizes."""
    return processor.host_target(_detected)


def is_host_known() -> bool:
    """Whether ``host_target`` does without LLVM, which takes a while to load."""
    return host_target.cache_info().currsize > 0 or processor.kept_target() is not None


def _detected() -> Target:
    triple, cpu, found = llvm.host()
    level = _level(triple, found)
    features = ",".join(f"{'+' if on else '-'}{name}" for name, on in sorted(found.items()))
    if level is AVX512:
        features += ",-prefer-256-bit"
    sizes = processor.cache_sizes()
    return replace(
        level,
        triple=triple,
        cpu=cpu,
        features=features,
        l1_bytes=sizes.get("1", level.l1_bytes),
        l2_bytes=sizes.get("2", level.l2_bytes),
        l3_bytes=sizes.get("3", level.l3_bytes),
    )


def _level(triple: str, features: dict[str, bool]) -> Target:
    architecture = triple.split("-")[0]
    if architecture in ("aarch64", "arm64"):
        return NEON
    if architecture != "x86_64":
        return Target("generic", "", "", "", 16, 16, has_fma=False, has_masks=False)
    if all(features.get(name) for name in ("avx512f", "avx512vl", "avx512bw", "avx512dq")):
        return AVX512
    return AVX2 if features.get("avx2") and features.get("fma") else BASELINE


_idle: dict[Target, list[llvm.Machine]] = {}


@contextmanager
def _machine(target: Target) -> Iterator[llvm.Machine]:
    """A target machine that no other thread uses."""
    idle = _idle.setdefault(target, [])
    try:
        machine = idle.pop()
    except IndexError:
        machine = llvm.Machine(target.triple, target.cpu, target.features)
    try:
        yield machine
    except BaseException:
        machine.dispose()  # LLVM does not say what it is good for then
        raise
    idle.append(machine)


def _exported(text: str) -> list[str]:
    return [quoted or plain for quoted, plain in _DEFINED.findall(text)]
