"""LLVM text to native code, and what the host's processor is.

The only home of llvmlite.binding, which is imported when first needed.  Owns the process's one
linker and keeps compiled code alive while any ``Library`` is.  Knows nothing of graphs or frames.
"""

from __future__ import annotations

import ctypes
import itertools
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from runtime import object_cache
from runtime.target import AVX2, AVX512, BASELINE, Target

_DEFINED = re.compile(r'^define (?!internal|private)[^@]*@(?:"([^"]+)"|([-\w$.]+))\(', re.MULTILINE)
_LEVELS = {target.name: target for target in (AVX512, AVX2, BASELINE)}
_switching = threading.Lock()
_making = threading.Lock()


class Library:
    """Linked native code.  Its addresses are valid while the library is referenced.

    ``seconds`` is the time that "code" took, from the text to an object file or to finding one in
    the cache, and that of "linking" it.
    """

    def __init__(self, tracker: Any, owner: Engine) -> None:
        self.seconds: dict[str, float] = {}
        self._tracker = tracker
        self._owner = owner

    def address(self, symbol: str) -> int:
        """The address of the function called ``symbol``; ``KeyError`` where there is none."""
        address: int = self._tracker[symbol]
        if not address:
            raise KeyError(symbol)
        return address

    def keep(self) -> None:
        """Never unload it, at the interpreter's exit neither: it has threads that run in it."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))


class Engine:
    """One linker for the whole process; get it with ``engine()``.

    ``compilations`` counts texts compiled to machine code (a hit in the object cache is none).
    """

    def __init__(self) -> None:
        binding = _binding()
        self._linker = binding.create_lljit_compiler(
            _target_machine(host_target()), use_jit_link=True
        )
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self.compilations = 0

    def compile(
        self, text: str, target: Target, symbols: Mapping[str, int] | None = None
    ) -> Library:
        """Native code of a module's ``text`` made for ``target``, which this host must be able
        to execute; ``symbols`` are addresses of what it declares and the process does not export.
        ``RuntimeError`` says what LLVM found wrong with the text."""
        target = resolve(target)
        start = time.perf_counter()
        key = object_cache.key(text, _llvm_version(), target)
        image = object_cache.load(key)
        if image is None:
            image = emit_object(text, target)
            with self._lock:
                self.compilations += 1
            object_cache.store(key, image)
        compiled = time.perf_counter()
        library = self._link(image, _exported(text), symbols or {})
        library.seconds["code"] = compiled - start
        library.seconds["linking"] = time.perf_counter() - compiled
        return library

    def _link(self, image: bytes, exported: list[str], symbols: Mapping[str, int]) -> Library:
        builder = _binding().JITLibraryBuilder().add_object_img(image).add_current_process()
        for symbol in exported:
            builder.export_symbol(symbol)
        for symbol, address in symbols.items():
            builder.import_symbol(symbol, address)
        with self._lock:
            name = f"graphc.{next(self._numbers)}"
            return Library(builder.link(self._linker, name), self)


def engine() -> Engine:
    """The process's engine, made at the first call."""
    with _making:
        return _engine()


@cache
def _engine() -> Engine:
    return Engine()


def compile(
    text: str, target: Target | str | None = None, symbols: Mapping[str, int] | None = None
) -> Library:
    """``engine().compile`` for a target, its name, or the host."""
    return engine().compile(text, resolve(target), symbols)


def emit_object(text: str, target: Target) -> bytes:
    """The object file of a module's ``text``; no linker is needed, so any target will do."""
    module = _parsed(text, target)
    with _addresses_as_they_are():
        image: bytes = _target_machine(target).emit_object(module)
    return image


def assembly(text: str, target: Target | str | None = None) -> str:
    """The assembly of a module's ``text``, for any target that LLVM knows."""
    target = resolve(target)
    module = _parsed(text, target)
    with _addresses_as_they_are():
        listing: str = _target_machine(target).emit_assembly(module)
    return listing


@contextmanager
def _addresses_as_they_are() -> Iterator[None]:
    """Without LLVM's loop strength reduction.  Up to four fifths of the time of a kernel go there,
    on addresses that are bases, steps and constant offsets already: its code is no faster for it.
    The switch is the whole process's, so it is set back for other users of LLVM."""
    with _switching:
        _binding().set_option("graphc", "-disable-lsr=true")
        try:
            yield
        finally:
            _binding().set_option("graphc", "-disable-lsr=false")


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
    triple = target.triple or str(_binding().get_default_triple())
    return replace(target, triple=triple, cpu=target.cpu or _binding().get_host_cpu_name())


def why_not_executable(target: Target) -> str | None:
    """What keeps this host from running code made for the complete ``target``; else ``None``."""
    host = host_target()
    here, there = (t.triple.split("-")[0] for t in (host, target))
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
    binding = _binding()
    found = binding.get_host_cpu_features()
    triple, cpu = binding.get_default_triple(), binding.get_host_cpu_name()
    level = _level(triple, found)
    features = ",".join(f"{'+' if on else '-'}{name}" for name, on in sorted(found.items()))
    if level is AVX512:
        features += ",-prefer-256-bit"
    sizes = _cache_sizes()
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
        return Target("neon", "", "", "", 16, 32, has_fma=True, has_masks=False)
    if architecture != "x86_64":
        return Target("generic", "", "", "", 16, 16, has_fma=False, has_masks=False)
    if all(features.get(name) for name in ("avx512f", "avx512vl", "avx512bw", "avx512dq")):
        return AVX512
    return AVX2 if features.get("avx2") and features.get("fma") else BASELINE


def _cache_sizes() -> dict[str, int]:
    """Bytes of the first core's caches by level, where the system says them."""
    found: dict[str, int] = {}
    for entry in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            kind, level, size = (
                (entry / name).read_text().strip() for name in ("type", "level", "size")
            )
        except OSError:
            continue
        if kind != "Instruction" and level in "123" and size[:-1].isdigit():
            found[level] = int(size[:-1]) << {"K": 10, "M": 20}.get(size[-1], 0)
    return found


@cache
def _binding() -> Any:
    """llvmlite.binding, ready for every target it was built with."""
    binding = import_module("llvmlite.binding")
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    return binding


def _llvm_version() -> str:
    return ".".join(map(str, _binding().llvm_version_info))


@cache
def _target_machine(target: Target) -> Any:
    return (
        _binding()
        .Target.from_triple(target.triple)
        .create_target_machine(
            cpu=target.cpu,
            features=target.features,
            opt=3,
            reloc="pic",
            codemodel="small",
            jit=True,
        )
    )


def _parsed(text: str, target: Target) -> Any:
    module = _binding().parse_assembly(text)
    module.triple = target.triple
    module.data_layout = str(_target_machine(target).target_data)
    module.verify()
    return module


def _exported(text: str) -> list[str]:
    return [quoted or plain for quoted, plain in _DEFINED.findall(text)]
