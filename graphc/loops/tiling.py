"""The register tile of a product: how many rows and vectors of columns it has.

Decides from sizes, strides and the target's registers and caches, by a small model of the cycles
that a product takes.  ``tests/tile_search.py`` times its choices against all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from math import gcd

from graphc.ir.dims import Size
from graphc.loops import ir
from runtime.frozen import frozen
from runtime.target import Target

# Extents that a run-time size is taken for.
_ROWS, _COLUMNS, _DEPTH = (32, 100, 128), 480, 128

# Of a product's depth, where it goes block by block: shallower where each step of the left operand
# is a row of its own.
BLOCK, BLOCK_OF_ROWS = 512, 256
STAGED_BYTES = 192 << 10  # of the stack, at most, for a panel of the right operand

FEW_ROWS = 12  # that read a panel: too few to copy it, they turn vectors of it in registers
# Steps of the depth in the blocks of a product of few rows that the right operand streams past, and
# how many of them are written out.
STREAMED, STREAMED_UNROLL = 8, 4

LINE = 64
_WAYS = 8  # of the caches of one core
# The vectors of the right operand that a row of accumulators must use so that fetching them does
# not slow the multiply-adds: from the first cache, the second, and beyond, where rows of few
# vectors cost more, since each row starts a page or a stream of its own.
_FIRST, _SECOND, _BEYOND, _BEYOND_ROW = 1.2, 2.4, 2.0, 8.0
_STREAM = 5.0  # the same from beyond the second cache, of panels that lie there in order of use
_WHOLE_ROWS = 2.0  # the same of rows that are read whole, a few side by side
# What a vector costs more that comes from memory or from a last cache full of other things, and
# one of a narrow row that shares its places in the first cache with the rows before it.
_FAR, _CROWDED_OUT = 15.0, 40.0
_WIDE = 4  # vectors of a row that is not narrow
# The same for the left operand and a column of accumulators, from the second cache and beyond.
_LEFT_SECOND, _LEFT_BEYOND = 0.15, 0.5
_TO_TURN = 4  # registers, beside the accumulators, in which vectors are turned without much ado
_PER_ROW = 0.001  # lost for each row: it is a stream of its own, and code
_CROWDED = 0.2  # lost where the rows of the left operand compete for one set of the first cache
_PER_TILE, _PER_ELEMENT = 20.0, 1.5  # cycles to begin and end a tile, and for each vector of it
_PER_BLOCK = 60.0  # cycles to leave a tile for the next block and to take it up again
_WIDEST_PANEL = 6  # vectors
_STREAMED_WIDTH = 4  # vectors
_COPIED = 4.0  # cycles to copy one vector to a panel, from memory to memory
_TURNED = 6.0  # cycles to copy one vector of a panel whose columns lie apart
_TURNED_HERE = 1.5  # the same of one that is turned in registers, beside multiply-adds
# Lost for a narrower last panel: it is as much code again, to compile and to fetch.
_PER_WIDTH = 0.035
# How much slower tiles may be that so many threads can share evenly, and cycles worth sharing.
_UNEVEN, _THREADS, _SHARED = 0.06, (2, 4, 8, 16), 20_000.0
_LATENCY = 4.0  # multiply-adds that must be under way at once


@frozen
class Product:
    """Sizes of a product; ``size`` is the bytes of an element, ``row_bytes`` the distance of two
    rows of the left operand (0 where they lie side by side), ``column_sum`` whether its epilogue
    sums columns, ``turned`` whether the right operand's columns lie apart, so that each panel is
    copied to the stack in order of use, ``panels`` the vectors of the panels that it is packed in,
    if it is, and ``here`` whether vectors of it are turned in registers instead of copied."""

    rows: Size
    columns: Size
    depth: Size
    size: int
    row_bytes: int = 0
    column_sum: bool = False
    turned: bool = False
    panels: int = 0
    here: bool = False


@lru_cache(maxsize=1024)
def choose_tile(product: Product, target: Target) -> tuple[int, int]:
    """Height in rows and width in vectors of a register tile.

    A tile of h rows and v vectors keeps h*v accumulators, v vectors of the right operand and a
    splat of the left one in registers.
    """
    limit = target.vector_registers - 1
    step = ir.TREE if product.column_sum else 1
    most = product.rows if isinstance(product.rows, int) and step == 1 else limit
    heights = range(step, max(step, min(most, limit)) + 1, step)
    lanes = target.lanes(product.size)
    columns = product.columns if isinstance(product.columns, int) else _COLUMNS
    widest = max(1, -(-columns // lanes))
    if _is_turned_here(product):
        widest = 1
    elif product.turned:
        depth = product.depth if isinstance(product.depth, int) else _DEPTH
        steps = _at_once(product, depth)
        widest = max(1, min(widest, STAGED_BYTES // max(1, steps * target.vector_bytes)))
    widths = [product.panels] if product.panels else range(1, min(widest, limit) + 1)
    fits = [(h, v) for h in heights for v in widths if h * v + v <= limit]
    return min(fits, key=lambda tile: _cycles_shared(product, tile, target), default=(step, 1))


def _are_few(product: Product) -> bool:
    """Whether so few rows read a panel that nothing is gained by copying it."""
    return isinstance(product.rows, int) and product.rows <= FEW_ROWS


def _is_turned_here(product: Product) -> bool:
    return product.turned and (product.here or _are_few(product))


def block(product: Product) -> int | None:
    """The depth of the blocks that the tiles should go through one by one: what is not packed, and
    perhaps deep, then stays in the second cache.  ``None`` where they should not."""
    if _are_few(product):
        return None
    depth, size = product.depth, BLOCK if product.row_bytes else BLOCK_OF_ROWS
    return size if not product.panels and (not isinstance(depth, int) or depth > 2 * size) else None


@lru_cache(maxsize=1024)
def choose_across(product: Product, target: Target) -> tuple[int, int] | None:
    """Rows and vectors of columns of a tile whose lanes lie along the rows while it is folded, and
    are turned afterwards; ``None`` where ``choose_tile``'s is faster or rows cannot be vectors."""
    rows, columns = product.rows, product.columns
    rows = rows if isinstance(rows, int) else _ROWS[-1]
    lanes = target.lanes(product.size)
    if not isinstance(columns, int) or not rows or not columns or product.panels:
        return None
    product = replace(product, rows=rows)
    apart = product.row_bytes > 0  # and turned vector by vector
    turned = replace(
        product, rows=columns, columns=rows, row_bytes=0, column_sum=False, turned=apart, here=apart
    )
    most = 1 if apart else -(-rows // lanes)
    free = target.vector_registers - (_TO_TURN if apart else 0)
    vectors = [v for v in range(1, most + 1) if columns * v + v < free]
    if not vectors or (product.column_sum and lanes % ir.TREE):
        return None
    best = min(vectors, key=lambda v: cycles(turned, (columns, v), target))
    blocks = -(-rows // lanes) * -(-columns // lanes)
    turning = blocks * lanes * lanes.bit_length()
    here = cycles(product, choose_tile(product, target), target)
    if cycles(turned, (columns, best), target) + turning >= here:
        return None
    return best * lanes, -(-columns // lanes)


@lru_cache(maxsize=1024)
def choose_streamed(product: Product, target: Target) -> tuple[int, int] | None:
    """Rows and vectors of a tile that goes down ``STREAMED`` rows of the right operand and waits
    for the next ones, so that these stream past whole; ``None`` where there are not few rows of a
    large operand, or ``choose_tile``'s is faster, which goes all the way down."""
    rows, columns, depth = product.rows, product.columns, product.depth
    if not isinstance(columns, int) or not isinstance(depth, int) or not isinstance(rows, int):
        return None
    if not rows or not _are_few(product) or product.turned or product.panels or product.column_sum:
        return None
    stride, needed = columns * product.size, -(-columns // target.lanes(product.size))
    height, vectors = choose_tile(product, target)
    near, crowded = depth * stride <= target.l2_bytes, _is_crowded(stride, STREAMED + 1, target)
    if needed <= vectors or (near and not crowded):
        return None
    fetched = (_SECOND if near else _BEYOND) + _BEYOND_ROW / vectors
    fetched += _CROWDED_OUT if crowded and vectors < _WIDE and not near else 0
    fetched += _FAR if _is_beyond(depth, stride, target) else 0
    down = rows * _slowed(fetched / height)
    most = target.vector_registers - 1
    height = min(rows, most // 2)
    vectors = min(needed, _STREAMED_WIDTH, most // (height + 1))
    ends = _PER_TILE / 2 / vectors + _PER_ELEMENT * height
    tiles = -(-rows // height)
    past = tiles * (height * _slowed(_WHOLE_ROWS / rows) + ends / STREAMED)
    return (height, vectors) if past < down else None


@lru_cache(maxsize=1024)
def packed_width(product: Product, target: Target) -> int | None:
    """The vectors of the panels in which the right operand is to be packed before the product;
    ``None`` where that does not pay."""
    columns, depth = product.columns, product.depth
    if product.panels or not isinstance(columns, int) or not isinstance(depth, int):
        return None
    if not isinstance(product.rows, int) or _are_few(product):
        return None  # nothing reads it again, or perhaps nothing does
    if block(product) and not product.row_bytes:
        return None  # it is copied block by block
    gathered = product.turned and depth * target.vector_bytes > STAGED_BYTES
    if not gathered and not _is_far(product, depth, columns, target):
        return None
    lanes = target.lanes(product.size)
    tiles = [
        replace(product, turned=False, panels=v)
        for v in range(1, min(_WIDEST_PANEL, -(-columns // lanes)) + 1)
    ]
    packed = min(tiles, key=lambda p: cycles(p, choose_tile(p, target), target))
    copying = depth * -(-columns // lanes) * (_TURNED if product.turned else _COPIED)
    there = cycles(packed, choose_tile(packed, target), target) + copying
    if not gathered and there >= cycles(product, choose_tile(product, target), target):
        return None
    return packed.panels


def _is_far(product: Product, depth: int, columns: int, target: Target) -> bool:
    """Whether the right operand is too large for the second cache, or so laid out that a panel of
    one vector is."""
    stride = columns * product.size
    panel = depth * target.vector_bytes
    return depth * stride > target.l2_bytes or panel > 0.75 * _room(target.l2_bytes, stride, 1)


def _cycles_shared(product: Product, tile: tuple[int, int], target: Target) -> float:
    """``cycles``, and a little more where threads would get unequal numbers of tiles: of tiles that
    are about as fast, those are best that any number of threads can share."""
    alone, (height, vectors) = cycles(product, tile, target), tile
    rows, columns = product.rows, product.columns
    if not isinstance(rows, int) or not isinstance(columns, int) or alone < _SHARED:
        return alone
    tiles = -(-rows // height) * -(-columns // (vectors * target.lanes(product.size)))
    uneven = sum(min(1.0, -(-tiles // threads) * threads / tiles - 1) for threads in _THREADS)
    return alone * (1 + _UNEVEN * uneven / len(_THREADS))


def cycles(product: Product, tile: tuple[int, int], target: Target) -> float:
    """About how long a product takes in tiles of ``tile``."""
    if isinstance(product.rows, int):
        return _cycles(product, product.rows, tile, target)
    return sum(_cycles(product, rows, tile, target) for rows in _ROWS)


def _cycles(product: Product, rows: int, tile: tuple[int, int], target: Target) -> float:
    height, vectors = tile
    depth = product.depth if isinstance(product.depth, int) else _DEPTH
    columns = product.columns if isinstance(product.columns, int) else _COLUMNS
    lanes = target.lanes(product.size)
    total, steps = 0.0, _at_once(product, depth)
    widths = list(_cuts(-(-columns // lanes), vectors))
    large = isinstance(product.rows, int) and rows * columns * product.size > target.l2_bytes
    apart = _BEYOND_ROW if large else 0.0
    for v, panels in widths:
        inside = (rows + v * lanes) * steps * product.size <= target.l2_bytes
        left = (_LEFT_SECOND if inside else _LEFT_BEYOND) / v
        first, again = _fetching(product, depth, columns, v, target)
        if product.turned and not _is_turned_here(product):
            total += panels * depth * v * _TURNED
        for h, tiles in _rows(product, rows, height):
            busy = max(h * v, _LATENCY)
            lost = 1 + _PER_ROW * h
            lost += _CROWDED if _is_crowded(product.row_bytes, h, target) else 0
            once = [depth * busy * _slowed(need / h + left) * lost for need in (first, again)]
            ends = _PER_TILE + _PER_ELEMENT * h * v + h * apart
            ends += (_PER_BLOCK + _PER_ELEMENT * h * v) * (-(-depth // max(1, steps)) - 1)
            if _is_turned_here(product):
                ends += depth * v * _TURNED_HERE
            fresh = min(1, tiles) if h == height or rows < height else 0
            total += panels * (fresh * once[0] + (tiles - fresh) * once[1] + tiles * ends)
    return total * (1 + _PER_WIDTH * (len(widths) - 1))


def _at_once(product: Product, depth: int) -> int:
    """Steps of the depth that are gone through before the next tile of rows."""
    return min(depth, block(product) or depth)


def _rows(product: Product, rows: int, height: int) -> Iterable[tuple[int, int]]:
    """Heights of tiles and how many there are of each: a static extent is cut evenly."""
    if not isinstance(product.rows, int):  # the last tile is whole, and clamped
        return [(height, -(-rows // height))]
    if not product.column_sum and rows > 0:
        height = -(-rows // -(-rows // height))
    return _cuts(rows, height)


def _cuts(extent: int, tile: int) -> Iterator[tuple[int, int]]:
    yield tile, extent // tile
    if extent % tile:
        yield extent % tile, 1


def _slowed(need: float) -> float:
    """How much fetching at ``need`` of the speed of multiply-adds slows them: they overlap."""
    return float((1 + need**4) ** 0.25)


def _fetching(
    product: Product, depth: int, columns: int, vectors: int, target: Target
) -> tuple[float, float]:
    """What fetching a panel of the right operand costs for the first tile of rows, and again."""
    steps = _at_once(product, depth)
    in_order = product.turned or product.panels > 0 or steps < depth
    beyond = _STREAM if in_order else _BEYOND + _BEYOND_ROW / vectors
    panel = steps * vectors * target.vector_bytes
    stride = vectors * target.vector_bytes if in_order else columns * product.size
    first = _SECOND if steps * columns * product.size <= target.l2_bytes else beyond
    if panel <= 0.75 * _room(target.l1_bytes, stride, vectors):
        return first, _FIRST
    return first, _SECOND if panel <= 0.75 * _room(target.l2_bytes, stride, vectors) else beyond


def _room(cache: int, stride: int, vectors: int) -> float:
    """The bytes of a cache that rows of ``vectors``, ``stride`` bytes apart, reach."""
    return cache * min(1.0, reach(stride, cache) * vectors)


def reach(stride: int, cache: int) -> float:
    """The share of a cache's sets that one line of each row reaches."""
    period = cache // _WAYS
    return max(1, period // max(LINE, gcd(stride, period))) * LINE / period


def _is_beyond(depth: int, stride: int, target: Target) -> bool:
    """Whether the right operand takes up so much of the third cache that it may not stay there."""
    return depth * stride > target.l3_bytes // 4


def _is_crowded(stride: int, rows: int, target: Target) -> bool:
    """Whether one line of each of ``rows`` rows does not fit in the first cache."""
    if not stride:
        return False
    period = target.l1_bytes // _WAYS
    return rows > _WAYS * max(1, period // max(LINE, gcd(stride, period)))
