"""Python's operators for what stands for a tensor: variables and symbolic inputs of layers."""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Callable
from typing import Any


class Operators:
    """Every operator becomes ``self._apply(function, *operands)``."""

    __slots__ = ()

    @abstractmethod
    def _apply(self, function: Callable[..., Any], *operands: Any) -> Any:
        """``function`` of ``operands``, of which this object is one."""

    def __add__(self, other: Any) -> Any:
        return self._apply(operator.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return self._apply(operator.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return self._apply(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._apply(operator.sub, other, self)

    def __mul__(self, other: Any) -> Any:
        return self._apply(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._apply(operator.mul, other, self)

    def __truediv__(self, other: Any) -> Any:
        return self._apply(operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._apply(operator.truediv, other, self)

    def __floordiv__(self, other: Any) -> Any:
        return self._apply(operator.floordiv, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._apply(operator.floordiv, other, self)

    def __mod__(self, other: Any) -> Any:
        return self._apply(operator.mod, self, other)

    def __rmod__(self, other: Any) -> Any:
        return self._apply(operator.mod, other, self)

    def __pow__(self, other: Any) -> Any:
        return self._apply(operator.pow, self, other)

    def __rpow__(self, other: Any) -> Any:
        return self._apply(operator.pow, other, self)

    def __matmul__(self, other: Any) -> Any:
        return self._apply(operator.matmul, self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return self._apply(operator.matmul, other, self)

    def __neg__(self) -> Any:
        return self._apply(operator.neg, self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self._apply(operator.abs, self)

    def __invert__(self) -> Any:
        return self._apply(operator.invert, self)

    def __and__(self, other: Any) -> Any:
        return self._apply(operator.and_, self, other)

    def __rand__(self, other: Any) -> Any:
        return self._apply(operator.and_, other, self)

    def __or__(self, other: Any) -> Any:
        return self._apply(operator.or_, self, other)

    def __ror__(self, other: Any) -> Any:
        return self._apply(operator.or_, other, self)

    def __xor__(self, other: Any) -> Any:
        return self._apply(operator.xor, self, other)

    def __rxor__(self, other: Any) -> Any:
        return self._apply(operator.xor, other, self)

    def __lt__(self, other: Any) -> Any:
        return self._apply(operator.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return self._apply(operator.le, self, other)

    def __gt__(self, other: Any) -> Any:
        return self._apply(operator.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return self._apply(operator.ge, self, other)

    def __eq__(self, other: object) -> Any:
        return self._apply(operator.eq, self, other)

    def __ne__(self, other: object) -> Any:
        return self._apply(operator.ne, self, other)

    def __getitem__(self, index: Any) -> Any:
        return self._apply(operator.getitem, self, index)

    # ``==`` compares elements, so these are found in a dict by identity.
    __hash__ = object.__hash__
