"""Classes of values are dataclasses, compared by their content."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import dataclass, field
from typing import Any

import pytest

from runtime.frozen import frozen


class Plain:
    """Defaults of each kind."""

    a: int
    b: str = "b"
    c: tuple[int, ...] = ()


class Partly:
    """One field is not looked at."""

    a: int
    b: int = field(default=0, compare=False)


class Made:
    """A default that is made anew."""

    a: int = 0
    b: list[int] = field(default_factory=list, compare=False)


def made(form: type, make: Any) -> Any:
    """``form``, made by ``make``."""
    own = {k: v for k, v in vars(form).items() if k not in ("__dict__", "__weakref__")}
    return make(type(form.__name__, (), own))


@pytest.mark.parametrize(
    ("form", "given"),
    [
        (Plain, [{"a": 1}, {"a": 1, "b": "x"}, {"a": 2, "c": (1, 2)}]),
        (Partly, [{"a": 1}, {"a": 1, "b": 2}, {"a": 2}]),
        (Made, [{}, {"a": 3}, {"b": [1]}]),
    ],
)
def test_it_behaves_as_a_frozen_dataclass(form: type, given: list[dict[str, Any]]) -> None:
    standard, ours = made(form, dataclass(frozen=True)), made(form, frozen)
    names = [each.name for each in dataclasses.fields(standard)]
    assert [each.name for each in dataclasses.fields(ours)] == names
    for one in given:
        x, y = standard(**one), ours(**one)
        assert repr(x) == repr(y) and vars(x) == vars(y)
        assert y != x and y != 1 and copy.deepcopy(y) == y
        assert dataclasses.replace(y) == y and hash(y) == hash(ours(**one))
        for other in given:
            assert (y == ours(**other)) == (x == standard(**other))
    with pytest.raises(TypeError):
        ours(1, 2, 3, 4)


def test_other_classes_of_equal_content_are_not_equal() -> None:
    assert made(Plain, frozen)(1) != made(Plain, frozen)(1)


def test_defaults_are_made_anew() -> None:
    ours = made(Made, frozen)
    assert ours().b is not ours().b


@frozen
class Size:
    """Compared by what it stands for."""

    value: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and abs(self.value) == abs(other.value)

    def __hash__(self) -> int:
        return hash(abs(self.value))

    def __repr__(self) -> str:
        return f"<{self.value}>"


def test_what_a_class_says_itself_stays() -> None:
    assert Size(3) == Size(-3) and len({Size(3), Size(-3)}) == 1 and repr(Size(3)) == "<3>"


def test_it_can_be_pickled_and_matched() -> None:
    assert pickle.loads(pickle.dumps(Size(3))) == Size(3)
    match Size(4):
        case Size(value):
            assert value == 4
