"""The kinds of random kernels, by name."""

from tests.loops.columns import block_kernels, column_kernels
from tests.loops.kernels import (
    batched_kernels,
    dot_kernels,
    elementwise_kernels,
    gather_kernels,
    normalised_kernels,
    product_kernels,
    row_kernels,
    tree_kernels,
)

KINDS = {
    "elementwise": elementwise_kernels(),
    "rows": row_kernels(),
    "columns": column_kernels(),
    "blocks": block_kernels(),
    "tree": tree_kernels(),
    "product": product_kernels(),
    "normalised": normalised_kernels(),
    "dots": dot_kernels(),
    "batched": batched_kernels(),
    "gather": gather_kernels(),
}
LONG = {"long dots": dot_kernels((8191, 8192, 8193, 17000))}  # several blocks of lanes
