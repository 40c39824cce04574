"""What an object file leaves undefined, read from its own tables: ELF, Mach-O and COFF, 64 bits."""

from __future__ import annotations

import struct
from collections.abc import Iterator


def undefined_symbols(image: bytes) -> set[str]:
    """The names that the linker must find elsewhere, as C spells them."""
    if image[:4] == b"\x7fELF":
        return set(_elf(image))
    if struct.unpack_from("<I", image)[0] == 0xFEEDFACF:
        return {name.removeprefix("_") for name in _macho(image)}
    return set(_coff(image))


def _text(image: bytes, start: int) -> str:
    return image[start : image.index(b"\0", start)].decode()


def _elf(image: bytes) -> Iterator[str]:
    (table,) = struct.unpack_from("<Q", image, 0x28)
    entry, count = struct.unpack_from("<HH", image, 0x3A)
    sections = [struct.unpack_from("<IIQQQQII", image, table + i * entry) for i in range(count)]
    for _, kind, _, _, start, size, link, _ in sections:
        if kind != 2:
            continue
        for at in range(start + 24, start + size, 24):  # the first symbol is none
            name, _, _, section = struct.unpack_from("<IBBH", image, at)
            if section == 0:
                yield _text(image, sections[link][4] + name)


def _macho(image: bytes) -> Iterator[str]:
    (commands,) = struct.unpack_from("<I", image, 16)
    at = 32
    for _ in range(commands):
        kind, length = struct.unpack_from("<II", image, at)
        if kind == 2:
            start, count, names, _ = struct.unpack_from("<IIII", image, at + 8)
            for symbol in range(start, start + 16 * count, 16):
                name, type_, _, _, _ = struct.unpack_from("<IBBHQ", image, symbol)
                if type_ & 0x0E == 0:
                    yield _text(image, names + name)
        at += length


def _coff(image: bytes) -> Iterator[str]:
    start, count = struct.unpack_from("<II", image, 8)
    number = 0
    while number < count:
        at = start + 18 * number
        short, value, section, _, storage, extra = struct.unpack_from("<8sIhHBB", image, at)
        if section == 0 and storage == 2 and value == 0:
            zeros, offset = struct.unpack("<II", short)
            strings = start + 18 * count
            yield short.rstrip(b"\0").decode() if zeros else _text(image, strings + offset)
        number += 1 + extra
