"""Classes of values are as ``dataclasses`` makes them."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any

import pytest

from runtime.frozen import frozen


class Plain:
    """Defaults of each kind."""

    a: int
    b: str = "b"
    c: tuple[int, ...] = ()
    d: list[int] = field(default_factory=list)


class Partly:
    """One field is not looked at."""

    a: int
    b: int = field(default=0, compare=False)
    c: int = field(default=1, compare=True)


class Empty:
    """No fields."""


class Checked:
    """With a check, and its own words."""

    value: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", float(self.value))

    def __repr__(self) -> str:
        return f"<{self.value}>"


class OwnEquality:
    """Compared by its size; not hashed."""

    value: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnEquality) and abs(self.value) == abs(other.value)


def made(form: type, make: Any) -> Any:
    """``form``, made by ``make``."""
    own = {name: value for name, value in vars(form).items() if "__dict__" not in name}
    own.pop("__weakref__", None)
    return make(type(form.__name__, (), own))


@pytest.mark.parametrize(
    ("form", "given"),
    [
        (Plain, [{"a": 1}, {"a": 1, "b": "x"}, {"a": 2, "c": (1, 2)}, {"a": 2, "d": [3]}]),
        (Partly, [{"a": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}]),
        (Empty, [{}]),
        (Checked, [{"value": 1}, {"value": 2.5}]),
    ],
)
def test_it_behaves_as_a_dataclass(form: type, given: list[dict[str, Any]]) -> None:
    standard, ours = made(form, dataclass(frozen=True)), made(form, frozen)
    assert [f.name for f in dataclasses.fields(ours)] == [
        f.name for f in dataclasses.fields(standard)
    ]
    for one in given:
        x, y = standard(**one), ours(**one)
        assert repr(x) == repr(y) and vars(x) == vars(y)
        assert y != x and y != 1 and copy.deepcopy(y) == y and copy.copy(y) == y
        assert dataclasses.replace(y) == y
        assert ours(*one.values()) == y or form is Plain
        for other in given:
            assert (y == ours(**other)) == (x == standard(**other))
        if "d" not in one and form is not Plain:
            assert hash(y) == hash(ours(**one)) == hash(x)
    with pytest.raises(TypeError):
        ours(1, 2, 3, 4, 5)


def test_defaults_are_made_anew() -> None:
    ours = made(Plain, frozen)
    assert ours(1).d is not ours(1).d


def test_it_cannot_be_changed() -> None:
    point = made(Plain, frozen)(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'a'"):
        point.a = 2
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'a'"):
        del point.a
    with pytest.raises(FrozenInstanceError):
        point.new = 1


def test_ones_own_equality_stays() -> None:
    standard, ours = made(OwnEquality, dataclass(frozen=True)), made(OwnEquality, frozen)
    assert ours.__eq__ is OwnEquality.__eq__
    assert hash(ours(3)) == hash(standard(3))


@frozen
class Kept:
    """At the top, for pickle."""

    value: int


def test_it_can_be_pickled_and_matched() -> None:
    assert pickle.loads(pickle.dumps(Kept(3))) == Kept(3)
    match Kept(4):
        case Kept(value):
            assert value == 4


@pytest.mark.parametrize("option", ("init", "repr", "kw_only", "hash"))
def test_what_it_does_not_do_is_refused(option: str) -> None:
    class Other:
        """With an option."""

        a: int = field(default=1, **{option: option in ("kw_only", "hash")})

    with pytest.raises(TypeError, match="a: of a field"):
        frozen(Other)
