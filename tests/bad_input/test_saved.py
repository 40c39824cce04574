"""A compiled program on the disk: whatever happened to the file, a clear error or the program."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc
import runtime
from runtime.archive import program_from_bytes, program_to_bytes
from runtime.errors import ProgramError


def _training() -> tuple[graphc.Graph, ...]:
    w = graphc.parameter("w", np.ones((4, 3), np.float32))
    x, labels = graphc.input("x", ("N", 4)), graphc.input("labels", ("N",), graphc.int32)
    loss = graphc.mean(graphc.sparse_categorical_crossentropy(labels, x @ w, from_logits=True))
    (dw,) = graphc.grad(loss, [w])
    step = graphc.Graph("step", {"loss": loss}, {w: w - 0.1 * dw})
    return step, graphc.Graph("predict", {"y": graphc.softmax(x @ w)})


@cache
def _content() -> bytes:
    return program_to_bytes(graphc.compile(*_training()).compilation.portable())


def _refused_or_same(content: bytes) -> None:
    try:
        program = program_from_bytes(content, "step.graphc")
    except ProgramError as error:
        assert str(error).startswith("step.graphc: ")
        return
    assert program_to_bytes(program) == _content()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_flipped_bytes(data: st.DataObject) -> None:
    content = bytearray(_content())
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=4)):
        content[place] ^= data.draw(st.integers(1, 255))
    _refused_or_same(bytes(content))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_regions_lost_repeated_and_zeroed(data: st.DataObject) -> None:
    content = _content()
    first = data.draw(st.integers(0, len(content)))
    last = data.draw(st.integers(first, min(len(content), first + 5000)))
    middle = {
        "lost": b"",
        "zeroed": bytes(last - first),
        "repeated": content[first:last] * 2,
    }[data.draw(st.sampled_from(["lost", "zeroed", "repeated"]))]
    _refused_or_same(content[:first] + middle + content[last:])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_truncated_anywhere(place: int) -> None:
    content = _content()
    with pytest.raises(ProgramError, match=r"step\.graphc: (truncated|not a saved)"):
        program_from_bytes(content[: place % len(content)], "step.graphc")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_foreign_content(content: bytes, as_zip: bool) -> None:
    with pytest.raises(ProgramError):
        program_from_bytes(b"PK\3\4" + content if as_zip else content, "step.graphc")


def _rewritten(change: Callable[[dict[str, Any]], None]) -> bytes:
    """The program with its description changed by someone who also mended the digests."""
    import hashlib

    with zipfile.ZipFile(io.BytesIO(_content())) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    plain = json.loads(parts["program.json"])
    change(plain)
    parts["program.json"] = json.dumps(plain).encode()
    manifest = json.loads(parts["manifest.json"])
    manifest["digests"]["program.json"] = hashlib.sha256(parts["program.json"]).hexdigest()
    parts["manifest.json"] = json.dumps(manifest).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return stream.getvalue()


def _everywhere(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = [path]
    for key, item in items if isinstance(value, dict | list) else ():
        found += _everywhere(item, (*path, key)) if isinstance(item, dict | list) else [
            (*path, key)
        ]  # fmt: skip
    return found


STRANGE: list[Any] = [
    None,
    True,
    -1,
    2**70,
    1.5,
    "",
    "\0",
    "../x",
    "N\u202e",
    [],
    {},
    [[]],
    {"a": 1},
]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_description_with_something_strange_in_it(data: st.DataObject) -> None:
    """Whatever a field holds, loading says so or gives a program whose entries can be made."""

    def change(plain: dict[str, Any]) -> None:
        path = data.draw(st.sampled_from(_everywhere(plain)[1:]))
        at: Any = plain
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = data.draw(st.sampled_from(STRANGE))

    content = _rewritten(change)
    try:
        program = program_from_bytes(content, "step.graphc")
        runtime.Executable(program)
    except ProgramError as error:
        assert "\n" not in str(error)


def test_the_errors_of_loading(
    tmp_path: Path, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = _content()
    middle = bytearray(content)
    middle[content.index(b"arrays.safetensors") + 60] ^= 1
    newer = content.replace(b'"version": 1', b'"version": 9')
    files = {
        "empty": b"",
        "text": b"graph @g() { }",
        "truncated": content[: len(content) // 2],
        "damaged": bytes(middle),
        "newer": newer if newer != content else _with_version(9),
        "older": _with_version(0),
        "another archive": _zip({"a.txt": b"a"}),
    }
    lines = []
    for name, data in files.items():
        Path("step.graphc").write_bytes(data)
        with pytest.raises(ProgramError) as raised:
            runtime.load("step.graphc")
        lines.append(f"### {name}\n{type(raised.value).__name__}: {raised.value}\n")
    golden("errors/saved.txt", "\n".join(lines))


def _zip(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return stream.getvalue()


def _with_version(version: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(_content())) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts["manifest.json"]) | {"version": version}
    return _zip(parts | {"manifest.json": json.dumps(manifest).encode()})


def test_names_of_every_kind_survive(tmp_path: Path) -> None:
    names = ["größe", "out", "self", "what", "a.b", "x1", "N", "main", "frame"]
    tensors = [graphc.input(name, ("N",)) for name in names]
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    exe = graphc.compile(graphc.Graph("größe", {"a b": total, 'quo"te': -total, "ü\n": 2 * total}))
    exe.save(tmp_path / "é.graphc")
    again = runtime.load(tmp_path / "é.graphc")
    given = {name: np.full(2, number, "float32") for number, name in enumerate(names)}
    found = again.entries["größe"](**given)
    assert list(found) == ["a b", 'quo"te', "ü\n"] and found["a b"].tolist() == [36.0, 36.0]
    with pytest.raises(ValueError, match="no input is named 'grösse'; did you mean 'größe'"):
        again(**{**given, "grösse": 1})
