"""The benchmarks' programs compute what NumPy computes, and their tables and charts are written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "examples" / "benchmarks"


def _page(root: Path, page: str, *names: str) -> Path:
    """A page below ``root`` whose tables of these names are old."""
    path = root / page
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [f"before\n<!-- {name} -->\nas before\n<!-- end of the {name} -->\n" for name in names]
    path.write_text("".join(parts) + "after\n")
    return path


def _run(*arguments: str) -> str:
    command = [sys.executable, str(BENCHMARKS), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_small_work_is_right_and_in_the_table(tmp_path: Path) -> None:
    readme, found = _page(tmp_path, "README.md", "benchmark table"), tmp_path / "rows.json"
    page = _page(tmp_path, "graphc/docs/benchmarks.md", "table of works", "table of others")
    options = ("--quick", "--threads", "1", "2", "--peers", "numpy")
    _run(*options, "--json", str(found), "--write", str(tmp_path))
    rows = json.loads(found.read_text())
    assert len(rows) > 10
    for row in rows:
        failed = {k: v for k, v in row["missing"].items() if v != "no such form"}
        failed = {k: v for k, v in failed.items() if "scipy" not in v}
        assert not failed, (row["work"], failed)
        assert row["minimum"]["graphc"] > 0, row["work"]
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "as before" not in text
    assert text.count("\n| ") == len(rows) // 2 + 2
    text = page.read_text()
    assert text.count("as before") == 1 and text.count("\n| ") == len(rows) + 2


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
    page = _page(tmp_path, "graphc/docs/keras.md", "fit table")
    _run("fit", "--quick", "--threads", "1", "--write", str(tmp_path))
    text = page.read_text()
    assert "| graphc | 1 | " in text and "cached" in text and "as before" not in text


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
    assert compile_time.in_markdown(found) == (
        "| declaration to first results | graphc | jax |\n| --- | --- | --- |\n"
        "| chain 10 | 0.123 s, 5 MB | 0.200 s, 7 MB |\n| other | 1.000 s, 8 MB |  |\n"
    )


def test_a_job_is_timed_with_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import compile_time

    cost = compile_time.first_results("graphc", "chain 10", 1)
    assert cost.seconds > 0 and cost.megabytes >= 0


def test_charts_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import charts  # type: ignore[import-not-found]
    from compare import Row  # type: ignore[import-not-found]

    times = {"graphc": 1e-5, "jax": 3e-4}, {"graphc": 2e-5, "jax": 5e-4, "numpy": 1e-3}
    for chart in charts.CHARTS:
        path = tmp_path / chart.file
        charts.draw(path, chart, 2, [Row("work", 2, minimum=minimum) for minimum in times])
        text = path.read_text()
        assert "jax" in text and "numpy" in text and "2 threads" in text and "openvino" not in text


def test_losses_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import table  # type: ignore[import-not-found]
    from compare import Row

    rows = [
        Row("a", 1, minimum={"graphc": 2e-3, "jax": 1e-3, "numpy": 4e-3}),
        Row("a", 2, minimum={"graphc": 5e-4, "graphc unfused": 8e-4, "numpy": 1e-3}),
        Row("b", 1, minimum={"graphc": 1e-6}),
    ]
    head, _, *lines = table.short(rows).splitlines()[-4:]
    assert head.count("|") == 10 and "2 threads: graphc" in head
    assert lines == [
        "| a | 2 ms |  | jax 1 ms | **2.00** | 500 us | 800 us | numpy 1 ms | 0.50 |",
        "| b | 1 us |  |  |  |  |  |  |  |",
    ]


def test_inputs_are_placed_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from work import placed  # type: ignore[import-not-found]

    arrays = [np.arange(5), np.float32(3).reshape(()), np.zeros((0, 4)), np.ones((30, 7), "f4")]
    copies = placed(arrays)
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(copy, array, strict=True)
        assert copy.flags.c_contiguous and not np.shares_memory(copy, array)
        assert copy.size == 0 or copy.ctypes.data % 64 == 0


def test_the_hottest_loop_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import peak  # type: ignore[import-not-found]

    loops = "".join(
        f".L{n}:\n" + "\tvfmadd231ps %a, %b, %c\n" * n + f"\tjl\t.L{n}\n" for n in (1, 3, 2)
    )
    text = f"other:\n{loops.replace('.L', '.M')}.Lfunc_end0:\nmain.1:\n{loops}.Lfunc_end1:\n"
    found = peak.hottest_loop(text, "main.1")
    assert found.startswith(".L3:") and found.count("fmadd") == 3 and found.endswith("\t.L3\n")
    with pytest.raises(ValueError, match=r"no function main\.2"):
        peak.hottest_loop(text, "main.2")
