"""Object files into memory without LLVM: a program from the disk needs nothing else.

Knows what LLVM makes of position-independent text on Linux and x86-64: calls, and addresses
relative to the code.  Anything else is refused, and is left to LLVM's own linker.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from runtime.memory import address_of

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QIIq")
_KIND = (b"\x7fELF\x02\x01", 1, 62)  # 64 bits and little-endian; relocatable; x86-64
_BYTES, _SYMBOLS, _RELOCATIONS, _ZEROS, _UNWINDING = 1, 2, 4, 8, 0x70000001
_WRITE, _ALLOCATE, _EXECUTE, _OF_THREADS = 1, 2, 4, 0x400
_ABSOLUTE, _RELATIVE, _CALL, _THROUGH_SLOT = 1, 2, 4, (9, 41, 42)
_UNDEFINED, _NO_SECTION = 0, 0xFF00
_SLOT = b"\xff\x25\x02\x00\x00\x00\x00\x00"  # jmp to the address that follows
_SLOT_BYTES, _ADDRESS = 16, len(_SLOT)


class NotLoadableError(Exception):
    """The objects need more than this module knows of."""


@dataclass(eq=False, repr=False)
class _Section:
    """A piece of an object that has to be in memory, ``place`` bytes after the beginning."""

    flags: int
    content: bytes
    size: int
    alignment: int
    relocations: bytes = b""
    place: int = 0


@dataclass(eq=False, repr=False)
class _Object:
    """What an object file says; a symbol is its name, section and offset."""

    sections: dict[int, _Section]
    symbols: list[tuple[str, int, int]]


class Image:
    """Objects in memory, linked to each other, to ``symbols`` and to what the process exports.

    ``addresses`` are valid while it is referenced.  Raises ``NotLoadableError``.
    """

    def __init__(self, objects: Sequence[bytes], symbols: Mapping[str, int]) -> None:
        try:
            read = [_read(content) for content in objects]
        except (struct.error, IndexError, ValueError) as error:
            raise NotLoadableError(f"no object file: {error}") from error
        self._foreign = symbols
        names = {name for each in read for name, _, _ in each.symbols if name}
        self._next_slot, ends = _arrange(read, _SLOT_BYTES * len(names))
        self._slots: dict[str, int] = {}
        # Private: a child of a fork has its own.
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._memory = mmap.mmap(-1, max(ends[-1], mmap.PAGESIZE), flags)
        _keep_while_alive(self, self._memory)
        self._base = address_of(np.frombuffer(self._memory, np.uint8))
        self.addresses = self._defined(read)
        for each in read:
            for section in each.sections.values():
                self._memory[section.place : section.place + len(section.content)] = section.content
                try:
                    self._relocate(each, section)
                except (struct.error, IndexError) as error:
                    raise NotLoadableError(f"out of reach: {error}") from error
        _protect(self._base, ends)

    def _defined(self, objects: Iterable[_Object]) -> dict[str, int]:
        found: dict[str, int] = {}
        for each in objects:
            for name, number, offset in each.symbols:
                if name and number in each.sections:
                    if name in found:
                        raise NotLoadableError(f"{name} is defined twice")
                    found[name] = self._base + each.sections[number].place + offset
        return found

    def _relocate(self, owner: _Object, section: _Section) -> None:
        for offset, kind, symbol, addend in _RELOCATION.iter_unpack(section.relocations):
            place = section.place + offset
            name, number, start = owner.symbols[symbol]
            if kind in _THROUGH_SLOT:
                target = self._slot(name) + _ADDRESS
            elif number in owner.sections:
                target = self._base + owner.sections[number].place + start
            elif name in self.addresses:
                target = self.addresses[name]
            elif kind == _CALL:
                target = self._slot(name)
            else:
                raise NotLoadableError(f"the address of {name or number}")
            if kind == _ABSOLUTE:
                struct.pack_into("<Q", self._memory, place, target + addend)
            elif kind in (_RELATIVE, _CALL, *_THROUGH_SLOT):
                distance = target + addend - (self._base + place)
                struct.pack_into("<i", self._memory, place, distance)
            else:
                raise NotLoadableError(f"relocation {kind}")

    def _slot(self, name: str) -> int:
        """Where the address of ``name`` is kept, behind a jump to it."""
        if not name:
            raise NotLoadableError("an address of something without a name")
        if name not in self._slots:
            place = self._slots[name] = self._next_slot
            address = self.addresses.get(name) or self._foreign.get(name) or _exported(name)
            struct.pack_into(f"<{_ADDRESS}sQ", self._memory, place, _SLOT, address)
            self._next_slot += _SLOT_BYTES
        return self._base + self._slots[name]


def _keep_while_alive(image: Image, memory: mmap.mmap) -> None:
    """Unmap with the image, but not at the interpreter's exit: a thread may still be in its code
    when all else is taken down."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(memory))
    release = weakref.finalize(image, ctypes.pythonapi.Py_DecRef, ctypes.py_object(memory))
    release.atexit = False


def _read(content: bytes) -> _Object:
    header = _HEADER.unpack_from(content)
    if (header[0][:6], *header[1:3]) != _KIND:
        raise NotLoadableError("an object of another kind")
    table, count = header[6], header[12]
    about = [_SECTION.unpack_from(content, table + i * _SECTION.size) for i in range(count)]
    sections: dict[int, _Section] = {}
    symbols: list[tuple[str, int, int]] = []
    for number, (_, kind, flags, _, offset, size, _, _, alignment, _) in enumerate(about):
        if not flags & _ALLOCATE or not size or kind == _UNWINDING:
            continue
        if kind not in (_BYTES, _ZEROS) or flags & _OF_THREADS:
            raise NotLoadableError(f"a section of kind {kind}")
        held = b"" if kind == _ZEROS else content[offset : offset + size]
        sections[number] = _Section(flags, held, size, max(alignment, 1))
    for _, kind, _, _, offset, size, link, info, _, _ in about:
        if kind == _SYMBOLS:
            names = content[about[link][4] :]
            symbols = [_symbol(names, *s) for s in _SYMBOL.iter_unpack(content[offset:][:size])]
        elif kind == _RELOCATIONS and info in sections:
            sections[info].relocations = content[offset : offset + size]
    return _Object(sections, symbols)


def _symbol(
    names: bytes, name: int, about: int, _: int, section: int, value: int, size: int
) -> tuple[str, int, int]:
    """Of local ones the name is left out."""
    if section >= _NO_SECTION:
        section = -1
    if about >> 4 == 0:
        return "", section, value
    return names[name : names.index(b"\0", name)].decode(), section, value


def _arrange(objects: Sequence[_Object], slots: int) -> tuple[int, tuple[int, int, int]]:
    """Gives each section its place.  Returns where slots can be, which are behind the code, and the
    ends of what is code, read and written."""
    place, first_slot, ends = 0, 0, []
    sections = [section for each in objects for section in each.sections.values()]
    for wanted in (_EXECUTE, 0, _WRITE):
        for section in sections:
            if section.flags & (_WRITE | _EXECUTE) == wanted:
                section.place = _rounded(place, section.alignment)
                place = section.place + section.size
        if wanted == _EXECUTE:
            first_slot = _rounded(place, _SLOT_BYTES)
            place = first_slot + slots
        place = _rounded(place, mmap.PAGESIZE)
        ends.append(place)
    return first_slot, (ends[0], ends[1], ends[2])


def _rounded(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


def _protect(base: int, ends: tuple[int, int, int]) -> None:
    """Code can be run, and neither it nor constants be written."""
    protect = ctypes.CDLL(None).mprotect
    protect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    code, constants, _ = ends
    for start, end, how in (
        (0, code, mmap.PROT_READ | mmap.PROT_EXEC),
        (code, constants, mmap.PROT_READ),
    ):
        if end > start and protect(base + start, end - start, how) != 0:
            raise NotLoadableError("the system does not let memory be run")


def _exported(name: str) -> int:
    """The address of what the process exports as ``name``."""
    try:
        function = ctypes.CDLL(None)[name]
    except AttributeError as error:
        raise NotLoadableError(f"nothing is named {name}") from error
    return ctypes.cast(function, ctypes.c_void_p).value or 0
