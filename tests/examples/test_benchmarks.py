"""The benchmarks' programs compute what NumPy computes, and their tables and charts are written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "examples" / "benchmarks"
_MARKERS = "before\n<!-- benchmark table -->\nold\n<!-- end of the benchmark table -->\nafter\n"


def _run(*arguments: str) -> str:
    command = [sys.executable, str(BENCHMARKS), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_small_work_is_right_and_in_the_table(tmp_path: Path) -> None:
    readme, found = tmp_path / "README.md", tmp_path / "rows.json"
    readme.write_text(_MARKERS)
    options = ("--quick", "--threads", "1", "--peers", "numpy")
    _run(*options, "--json", str(found), "--readme", str(readme))
    rows = json.loads(found.read_text())
    assert len(rows) > 10
    for row in rows:
        failed = {k: v for k, v in row["missing"].items() if v != "no such form"}
        failed = {k: v for k, v in failed.items() if "scipy" not in v}
        assert not failed, (row["work"], failed)
        assert row["minimum"]["graphc"] > 0, row["work"]
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert text.count("\n| ") == len(rows) + 1


def test_a_form_that_computes_something_else_is_not_timed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import catalogue  # type: ignore[import-not-found]
    from work import Program, Work, drawn  # type: ignore[import-not-found]
    from worker import Worker  # type: ignore[import-not-found]

    wrong = Program(lambda: None, lambda: [drawn((3,))[0] + 1])
    work = Work("sum", "", lambda: drawn((3,)), lambda x: x, {"graphc": lambda arrays, n: wrong})
    monkeypatch.setitem(catalogue.LISTS, "wrong", lambda: [work])
    worker = Worker("graphc", 1)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        worker.answer({"prepare": 0, "of": "wrong"})
    assert worker.program is None


def test_fit_is_timed_where_others_are_missing(tmp_path: Path) -> None:
    page = tmp_path / "keras.md"
    page.write_text(_MARKERS.replace("benchmark table", "fit table"))
    _run("--fit", "--quick", "--threads", "1", "--readme", str(page))
    text = page.read_text()
    assert "| graphc | 1 | " in text and "cached" in text and "old" not in text


def _bits(listed: str) -> None:
    """Fused and unfused, and one, two and four threads, give the same bits."""
    import catalogue

    for work in catalogue.LISTS[listed]():
        arrays = work.arrays()
        forms = [(form, n) for form in ("graphc", "graphc unfused") for n in (1, 2, 4)]
        found = [
            [np.asarray(array).tobytes() for array in work.forms[form](arrays, n).outputs()]
            for form, n in forms
            if form in work.forms
        ]
        for given, (form, threads) in zip(found, forms, strict=False):
            assert given == found[0], (work.name, form, threads)


def test_no_schedule_changes_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    _bits("quick_works")


@pytest.mark.slow
@pytest.mark.parametrize("listed", ("works", "others"))
def test_no_schedule_changes_a_bit_of_the_table(
    listed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    _bits(listed)


def test_the_times_of_compiling_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import compile_time  # type: ignore[import-not-found]

    costs = (0.1234, 5.2), (0.2, 7.0), (1.0, 8.0)
    names = ("chain 10", "graphc"), ("chain 10", "jax"), ("other", "graphc")
    found = {name: compile_time.Cost(*cost) for name, cost in zip(names, costs, strict=True)}
    assert compile_time.markdown(found) == (
        "| declaration to first results | graphc | jax |\n|---|---|---|\n"
        "| chain 10 | 0.123 s, 5 MB | 0.200 s, 7 MB |\n| other | 1.000 s, 8 MB |  |\n"
    )


def test_a_job_is_timed_with_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import compile_time

    cost = compile_time.first_results("graphc", "chain 10", 1)
    assert cost.seconds > 0 and cost.megabytes >= 0


@pytest.mark.slow
def test_charts_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    _run("--charts", str(tmp_path), "--threads", "1", "--peers", "numpy")
    names = {"batches.svg", "widths.svg", "depths.svg", "chains.svg"}
    assert {path.name for path in tmp_path.iterdir()} == names
