"""What the processor is, kept on disk."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import cache_files, jit, processor
from runtime.target import AVX2, AVX512, Target

SAID = """processor : 0
vendor_id : Some
cpu family : 1
model : 2
model name : Some Processor
stepping : 3
cpu MHz : {clock}
flags : {flags}

processor : 1
"""


class Machine:
    """A machine that says what it is told to."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._said = folder / "cpuinfo"
        self.asked = 0
        monkeypatch.setattr(processor, "_SAID", self._said)
        monkeypatch.setenv("GRAPHC_CACHE_DIR", str(folder / "cache"))
        self.says("sse avx")

    def says(self, flags: str, clock: str = "3000") -> None:
        self._said.write_text(SAID.format(flags=flags, clock=clock))
        processor._name.cache_clear()

    def says_nothing(self) -> None:
        self._said.unlink()
        processor._name.cache_clear()

    def target(self, target: Target = AVX512) -> Target:
        def detect() -> Target:
            self.asked += 1
            return target

        return processor.host_target(detect)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    yield Machine(tmp_path, monkeypatch)
    processor._name.cache_clear()


def test_it_is_found_once(machine: Machine) -> None:
    assert [machine.target() for _ in range(3)] == [AVX512] * 3
    machine.says("sse avx", clock="1234")
    assert machine.target() == AVX512 and machine.asked == 1


def test_another_processor_and_another_llvm_are_looked_at(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.target(AVX512)
    machine.says("sse")
    assert machine.target(AVX2) == AVX2
    machine.says("sse avx")
    assert machine.target(AVX2) == AVX512
    monkeypatch.setattr(processor, "compiler", lambda: "newer")
    processor._name.cache_clear()
    assert machine.target(AVX2) == AVX2


def test_an_emulated_processor_is_looked_at_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the system still speaks of the machine that emulates it."""
    machine.target(AVX512)
    monkeypatch.setattr(processor, "_instructions", lambda: ["fewer"])
    processor._name.cache_clear()
    assert machine.target(AVX2) == AVX2


def test_a_damaged_file_and_one_of_another_form_are_none(machine: Machine) -> None:
    machine.target()
    (file,) = Path(cache_files.directory()).glob("*.target")
    file.write_bytes(file.read_bytes()[:-3])
    assert machine.target(AVX2) == AVX2 and machine.asked == 2
    for content in (b"[1]", b"{}", b'{"name": 1, "speed": 2}', b"no"):
        cache_files.store(file.name, [content])
        assert machine.target(AVX2) == AVX2


def test_where_the_system_says_little_llvm_is_asked(machine: Machine) -> None:
    machine.says("")
    machine.target(), machine.target()
    machine.says_nothing()
    machine.target()
    assert machine.asked == 3


def test_the_compiler_is_known_without_loading_it() -> None:
    code = (
        "import sys; from runtime import processor; print(processor.compiler())\n"
        "assert not any('llvmlite' in name for name in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert "llvmlite" in done.stdout and done.stdout.strip() == processor.compiler()


def test_the_kept_target_is_the_one_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    found = jit._detected()
    assert processor.host_target(jit._detected) == found
    assert processor.host_target(lambda: AVX2) == (found if list(tmp_path.iterdir()) else AVX2)
