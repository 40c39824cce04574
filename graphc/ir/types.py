"""The type of a value: element type and shape."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir import dims
from graphc.ir.dims import Shape, Size
from graphc.ir.dtypes import DType


@dataclass(frozen=True)
class TensorType:
    """Element type and shape of one value; a size is an ``int`` or a polynomial of named dims."""

    dtype: DType
    shape: Shape

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> Size:
        return dims.product(self.shape)

    def with_dtype(self, dtype: DType) -> TensorType:
        return TensorType(dtype, self.shape)

    def with_shape(self, shape: Shape) -> TensorType:
        return TensorType(self.dtype, shape)

    def __str__(self) -> str:
        return f"{self.dtype.short}[{', '.join(map(str, self.shape))}]"
