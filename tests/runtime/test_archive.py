"""Saved programs: what was saved comes back, and nothing else is ever taken for a program."""

import dataclasses
import io
import json
import zipfile

import numpy as np
import pytest

from runtime.archive import program_from_bytes, program_to_bytes
from runtime.errors import ProgramError
from runtime.program import (
    VERSION,
    CheckInfo,
    Entry,
    KernelInfo,
    Program,
    Slot,
    TensorSpec,
)

HOSTILE = ["../../etc/passwd", "C:\\x", "__metadata__", "a/b", "nul\0", "é\u202e", "", "w"]


def sample(names=("w", "b")):
    initial = {name: np.arange(6, dtype="float32").reshape(2, 3) for name in names}
    entry = Entry(
        "step", ("N",), ("N", "2*N", "64*N"), (("2*N", ">=", 2),),
        (TensorSpec("x", "float32", ("N", 2), "train.py:3"),),
        tuple(names), ("table",), (TensorSpec("y", "float32", ("2*N",)),), tuple(names),
        "64*N", (Slot("t", 0, "64*N"),),
        (KernelInfo("k0", "map", ("add",), ("train.py:4",), "2*N", 3),),
        {3: CheckInfo("label {value} at {index}", "train.py:5")}, True, True,
    )  # fmt: skip
    constants = {
        "table": np.array(np.nan, dtype="float64"),
        "none": np.zeros((0, 3), dtype="bool"),
        "column": np.asfortranarray(np.arange(6, dtype="int64").reshape(2, 3)),
    }
    specs = tuple(TensorSpec(name, "float32", (2, 3)) for name in names)
    llvm = {"avx2": "define void @f() {\n ret void\n}\n", "../evil": "; nothing é"}
    return Program("p", VERSION, (entry,), specs, initial, constants, llvm, {"train.py:3": "x = 1"})


def assert_same(one, other):
    for field in dataclasses.fields(Program):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if field.name not in ("initial", "constants"):
            assert left == right, field.name
            continue
        assert list(left) == list(right)
        for key in left:
            assert left[key].dtype == right[key].dtype
            np.testing.assert_array_equal(left[key], right[key])
            assert left[key].shape == right[key].shape


def rewritten(content, part, change):
    """The archive with one part changed, its digest made right again."""
    import hashlib

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    if part != "manifest.json":
        manifest = json.loads(parts["manifest.json"])
        manifest["digests"][part] = hashlib.sha256(parts[part]).hexdigest()
        parts["manifest.json"] = json.dumps(manifest).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return stream.getvalue()


def with_json(**changes):
    def change(data):
        return json.dumps(json.loads(data) | changes).encode()

    return change


def test_a_saved_program_comes_back_whole(tmp_path):
    program = sample()
    path = tmp_path / "p.graphc"
    program.save(path)
    assert_same(program, Program.load(path))
    assert list(tmp_path.iterdir()) == [path]


def test_equal_programs_give_equal_files():
    assert program_to_bytes(sample()) == program_to_bytes(sample())


def test_hostile_names_are_only_names(tmp_path):
    program = sample(HOSTILE)
    program.save(tmp_path / "p.graphc")
    assert_same(program, Program.load(tmp_path / "p.graphc"))
    assert len(list(tmp_path.iterdir())) == 1


def test_every_truncation_is_an_error():
    content = program_to_bytes(sample())
    for length in range(0, len(content), 7):
        with pytest.raises(ProgramError):
            program_from_bytes(content[:length], "cut")


def test_every_damaged_byte_is_an_error_or_harmless():
    program, content = sample(), program_to_bytes(sample())
    refused = 0
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x41
        try:
            assert_same(program, program_from_bytes(bytes(damaged), "damaged"))
        except ProgramError:
            refused += 1
    assert refused > len(content) // 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a saved program"),
        (b"MZ" + bytes(100), "not a saved program"),
        (b"PK\3\4" + bytes(100), "truncated or damaged"),
    ],
)
def test_foreign_files(content, said):
    with pytest.raises(ProgramError, match=said):
        program_from_bytes(content, "foreign.bin")


def test_a_foreign_zip():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(ProgramError, match="not a saved program"):
        program_from_bytes(stream.getvalue(), "foreign.zip")


@pytest.mark.parametrize(
    ("version", "cure"), [(VERSION + 1, "update"), (0, "save the program again"), ("x", "save")]
)
def test_other_versions_say_what_to_do(version, cure):
    content = rewritten(program_to_bytes(sample()), "manifest.json", with_json(version=version))
    with pytest.raises(ProgramError, match=f"version {version!r}.*{cure}"):
        program_from_bytes(content, "old.graphc")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": 3}, "program.name should be str"),
        ({"entries": {}}, "entries should be a list"),
        ({"surprise": 1}, "unknown fields: surprise"),
        ({"initial": ["other"]}, "damaged"),
        ({"initial": []}, "no initial value"),
        ({"entries": [{}]}, "lacks"),
        ({"version": True}, "should be int"),
        ({"llvm": []}, "no LLVM text"),
    ],
)
def test_inconsistent_descriptions(changes, said):
    content = rewritten(program_to_bytes(sample()), "program.json", with_json(**changes))
    with pytest.raises(ProgramError, match=said):
        program_from_bytes(content, "odd.graphc")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sizes": ("2*N", "N", "64*N")}, "do not start"),
        ({"parameters": ("w", "q")}, "'q', which does not exist"),
        ({"constants": ("q",)}, "'q', which does not exist"),
        ({"updated": ("q",)}, "'q', which does not exist"),
        ({"arena_bytes": "M"}, "'M' is not in its table"),
        ({"arena_bytes": -1}, "not in its table"),
        ({"constraints": (("N", "<", 3),)}, "unknown relation"),
        ({"inputs": (TensorSpec("x", "float16", ()),)}, "float16"),
        ({"outputs": (TensorSpec("y", "bool", ("M",)),)}, "'M'"),
        ({"outputs": ()}, "marked as of one output"),
    ],
)
def test_inconsistent_entries(tmp_path, changes, said):
    program = sample()
    entry = dataclasses.replace(program.entries[0], **changes)
    with pytest.raises(ProgramError, match=said):
        dataclasses.replace(program, entries=(entry,)).save(tmp_path / "p")
    assert not list(tmp_path.iterdir())


def test_entries_whose_symbols_collide():
    program = sample()
    other = dataclasses.replace(program.entries[0], name="step.sizes")
    with pytest.raises(ProgramError, match=r"symbol 'step\.sizes' is there twice"):
        dataclasses.replace(program, entries=(program.entries[0], other)).save("unwritten")
    with pytest.raises(ProgramError, match="entry 'step' is there twice"):
        dataclasses.replace(program, entries=program.entries * 2).save("unwritten")


def test_a_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "p.graphc"
    sample().save(path)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        sample(["other"]).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
