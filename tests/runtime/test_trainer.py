"""Training: batches, averages, callbacks, interruption, and resumption to the same bits."""

import dataclasses
import io
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from runtime.batches import Batches
from runtime.callbacks import Callback
from runtime.checkpoint import Checkpoints, load_checkpoint
from runtime.errors import CheckError, CheckpointError, InputNameError
from runtime.executable import Executable
from runtime.progress import Progress
from runtime.trainer import Trainer

COUNT = 23


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return {
        "x": rng.normal(size=COUNT).astype(np.float32),
        "labels": rng.integers(0, 4, COUNT).astype(np.int32),
    }


@pytest.fixture
def trainer(programs):
    return Trainer(Executable(programs.training()))


class Log(Callback):
    def __init__(self):
        self.events = []

    def on_fit_begin(self, trainer):
        self.events.append("begin")

    def on_epoch_begin(self, trainer, epoch):
        self.events.append(f"epoch {epoch}")

    def on_batch_end(self, trainer, step, metrics):
        self.events.append(step)

    def on_epoch_end(self, trainer, epoch, metrics):
        self.events.append(f"end {epoch}")

    def on_fit_end(self, trainer):
        self.events.append("done")


class At(Callback):
    """Does something after one certain step."""

    def __init__(self, epoch, step, action):
        self.at, self.action = (epoch, step), action

    def on_batch_end(self, trainer, step, metrics):
        if (trainer.epoch, step) == self.at:
            self.action(trainer)


@pytest.mark.parametrize("batch_size", [1, 5, 8, COUNT, 100])
def test_each_row_once_an_epoch(data, batch_size):
    batches = Batches(data, batch_size, seed=3)
    orders = []
    for epoch in range(3):
        seen, counts = [], []
        for batch in batches.epoch(epoch):
            assert batch.arrays["x"].flags.c_contiguous
            assert len(batch.arrays["labels"]) == batch.count
            seen += list(zip(batch.arrays["x"], batch.arrays["labels"], strict=True))
            counts.append(batch.count)
        assert sorted(seen) == sorted(zip(data["x"], data["labels"], strict=True))
        assert len(counts) == len(batches) and set(counts[:-1]) <= {batch_size}
        orders.append([float(x) for x, _ in seen])
    assert orders[0] != orders[1] != orders[2]


def test_an_epoch_can_be_entered_in_the_middle(data):
    batches = Batches(data, 4, seed=1)
    whole = [batch.arrays["x"].copy() for batch in batches.epoch(7)]
    rest = [batch.arrays["x"].copy() for batch in batches.epoch(7, first=3)]
    np.testing.assert_array_equal(np.concatenate(whole[3:]), np.concatenate(rest))


def test_batches_of_strided_swapped_and_deep_data():
    source = np.arange(240, dtype=">f8").reshape(2, 3, 4, 10)[..., ::2].T
    for batch in Batches({"a": source}, 3, shuffle=False).epoch(0):
        assert batch.arrays["a"].dtype.isnative
    got = [batch.arrays["a"].copy() for batch in Batches({"a": source}, 3).epoch(0)]
    assert sorted(np.concatenate(got)[:, 0, 0, 0]) == sorted(source[:, 0, 0, 0])


def test_unshuffled_batches_are_views_and_shuffled_ones_one_buffer(data):
    first, second = list(Batches(data, 4, shuffle=False).epoch(0))[:2]
    assert np.shares_memory(first.arrays["x"], data["x"])
    assert not np.shares_memory(first.arrays["x"], second.arrays["x"])
    iterator = Batches(data, 4).epoch(0)
    assert np.shares_memory(next(iterator).arrays["x"], next(iterator).arrays["x"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (({}, 4), "no data"),
        (({"x": np.zeros(2), "y": np.zeros(3)}, 4), "x has 2, y has 3"),
        (({"x": np.zeros(())}, 4), "rank 0"),
        (({"x": np.zeros((0, 3))}, 4), r"no samples: x \(0, 3\)"),
        (({"x": np.zeros(2)}, 0), "batch_size"),
        (({"x": np.zeros(2)}, 2.0), "batch_size"),
    ],
)
def test_data_that_cannot_be_cut(arguments, said):
    with pytest.raises(ValueError, match=said):
        Batches(*arguments)


def test_metrics_are_averages_over_samples(trainer, data):
    log = Log()
    history = trainer.fit(data, 2, 8, validation=data, callbacks=[log])
    mean = float(np.mean(data["x"], dtype=np.float64))
    assert history["loss"] == pytest.approx([mean, mean], abs=1e-6)
    assert history["val_loss"] == pytest.approx([mean, mean], abs=1e-6)
    assert history["val_above"] == [0, 0]
    assert history.samples == [COUNT, COUNT] and history.samples_per_second > 0
    assert log.events == [
        "begin", "epoch 0", 0, 1, 2, "end 0", "epoch 1", 0, 1, 2, "end 1", "done",
    ]  # fmt: skip
    assert trainer.executable.state["steps"] == 6
    with pytest.raises(KeyError, match="there are 'loss', 'val_above', 'val_loss'"):
        history["accuracy"]


def test_training_is_the_same_as_by_hand(programs, trainer, data):
    trainer.fit(data, 3, 7, seed=5)
    by_hand = Executable(programs.training())
    batches = Batches(data, 7, seed=5)
    for epoch in range(3):
        for batch in batches.epoch(epoch):
            by_hand.step(**batch.arrays)
    assert by_hand.state["w"] == trainer.executable.state["w"]
    assert trainer.executable.native_calls == 12


def test_fitting_again_goes_on(trainer, data):
    trainer.fit(data, 1, 8, seed=2)
    trainer.fit(data, 2, 8, seed=2)
    assert trainer.epoch == 3 and len(trainer.history.epochs) == 3


def test_a_callback_can_stop(trainer, data):
    def stop(trainer):
        trainer.stop = True

    history = trainer.fit(data, 5, 8, callbacks=[At(1, 0, stop)])
    assert len(history.epochs) == 1 and trainer.executable.state["steps"] == 4
    trainer.fit(data, 1, 8)
    assert trainer.executable.state["steps"] == 7 and trainer.epoch == 3


def test_an_exception_in_a_callback_ends_the_training_in_order(trainer, data):
    log = Log()

    def fail(trainer):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        trainer.fit(data, 5, 8, callbacks=[At(0, 1, fail), log])
    assert log.events[-1] == "done" and trainer.executable.state["steps"] == 2


def test_bad_data_leaves_the_state_of_the_step_before(trainer, data):
    data["labels"][20] = 77
    with pytest.raises(CheckError, match="label 77 at 4"):
        trainer.fit(data, 5, 8, shuffle=False)
    assert trainer.executable.state["steps"] == 2
    with pytest.raises(InputNameError, match="'label'; did you mean 'labels'"):
        trainer.fit({"x": data["x"], "label": data["labels"]}, 1)


def test_ctrl_c_finishes_the_step_and_leaves_all_usable(trainer, data):
    log = Log()
    handler = signal.getsignal(signal.SIGINT)

    def interrupt(trainer):
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trainer.fit(data, 5, 8, callbacks=[At(1, 1, interrupt), log])
    assert trainer.history.interrupted and len(trainer.history.epochs) == 1
    assert trainer.executable.state["steps"] == 5
    assert log.events[-2:] == [1, "done"]
    assert signal.getsignal(signal.SIGINT) is handler
    trainer.fit(data, 1, 8)
    assert not trainer.history.interrupted and len(trainer.history.epochs) == 2


def test_training_in_another_thread_leaves_signals_alone(trainer, data):
    import threading

    seen = []
    watch = At(0, 1, lambda _: seen.append(signal.getsignal(signal.SIGINT)))
    worker = threading.Thread(target=trainer.fit, args=(data, 1, 8), kwargs={"callbacks": [watch]})
    worker.start()
    worker.join()
    assert seen == [signal.default_int_handler] and trainer.epoch == 1


def test_every_callback_is_told_of_the_end_when_one_fails_at_the_beginning(trainer, data):
    class Failing(Callback):
        def on_fit_begin(self, trainer):
            raise RuntimeError("no")

    log = Log()
    with pytest.raises(RuntimeError, match="no"):
        trainer.fit(data, 1, 8, callbacks=[log, Failing()])
    assert log.events == ["begin", "done"]


def test_a_second_ctrl_c_interrupts_at_once(trainer, data):
    class Twice(Callback):
        def on_batch_end(self, trainer, step, metrics):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            raise AssertionError("never reached")

    with pytest.raises(KeyboardInterrupt):
        trainer.fit(data, 5, 8, callbacks=[Twice()])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_evaluate(trainer, data):
    found = trainer.evaluate("evaluate", {"x": data["x"]}, batch_size=5)
    assert found["loss"] == pytest.approx(float(data["x"].mean()), abs=1e-6)
    with pytest.raises(ValueError, match="updates parameters"):
        trainer.evaluate("step", data)
    with pytest.raises(ValueError, match="no entry is named 'evalate'; did you mean 'evaluate'"):
        trainer.evaluate("evalate", data)


def test_fixed_inputs_and_outputs_to_average(programs):
    trainer = Trainer(Executable(programs.affine()), "affine")
    trainer.fit({"x": np.zeros((5, 3), np.float32)}, 1, 2, fixed={"a": 2.0})
    assert trainer.executable.native_calls == 3
    with pytest.raises(ValueError, match="no output of rank 0"):
        trainer.evaluate("affine", {"x": np.zeros((5, 3), np.float32)}, fixed={"a": 2.0})


def killed(trainer):
    raise InterruptedError


@pytest.mark.parametrize(("epoch", "step"), [(0, 1), (1, 0), (1, 2), (2, 2), (3, 3)])
def test_a_resumed_training_gives_the_same_bits(programs, data, tmp_path, epoch, step):
    path = tmp_path / "c.safetensors"
    whole = Trainer(Executable(programs.training()))
    whole.fit(data, 4, 6, seed=9, validation={"x": data["x"]})
    cut = Trainer(Executable(programs.training()))
    with pytest.raises(InterruptedError):
        cut.fit(
            data, 4, 6, seed=9, validation={"x": data["x"]}, resume=path,
            callbacks=[Checkpoints(path, every_steps=1), At(epoch, step, killed)],
        )  # fmt: skip
    resumed = Trainer(Executable(programs.training()))
    resumed.fit(data, 4, 6, seed=9, validation={"x": data["x"]}, resume=path)
    for name in whole.executable.state:
        assert whole.executable.state[name].tobytes() == resumed.executable.state[name].tobytes()
    assert whole.history.epochs == resumed.history.epochs
    assert resumed.epoch == 4 and resumed.executable.native_calls < whole.executable.native_calls


def test_a_resumed_training_that_is_done_does_nothing(programs, trainer, data, tmp_path):
    path = tmp_path / "c.safetensors"
    trainer.fit(data, 2, 6, callbacks=[Checkpoints(path)])
    again = Trainer(Executable(programs.training()))
    again.fit(data, 2, 6, resume=path)
    assert again.executable.native_calls == 0 and again.epoch == 2


def test_resuming_with_other_data_is_refused(programs, trainer, data, tmp_path):
    path = tmp_path / "c.safetensors"
    trainer.fit(data, 1, 6, callbacks=[Checkpoints(path)])
    again = Trainer(Executable(programs.training()))
    for changes in ({"batch_size": 7}, {"seed": 1}, {"shuffle": False}):
        with pytest.raises(CheckpointError, match=next(iter(changes))):
            again.fit(data, 2, **{"batch_size": 6, **changes}, resume=path)
    assert again.executable.state["steps"] == 0 and again.history.epochs == []
    with pytest.raises(CheckpointError, match="nothing was trained"):
        again.save(path)


def test_damaged_checkpoints_change_nothing(programs, trainer, data, tmp_path):
    path = tmp_path / "c.safetensors"
    trainer.fit(data, 1, 6, callbacks=[Checkpoints(path)])
    content = path.read_bytes()
    again = Trainer(Executable(programs.training()))
    before = again.executable.state.snapshot()
    damaged = [content[:length] for length in range(0, len(content), 5)]
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 0x21
        damaged.append(bytes(changed))
    for bad in damaged:
        path.write_bytes(bad)
        with pytest.raises(CheckpointError, match=r"c\.safetensors"):
            again.fit(data, 1, 6, resume=path)
    for name, value in again.executable.state.snapshot().items():
        np.testing.assert_array_equal(value, before[name])
    path.write_bytes(content)
    again.fit(data, 1, 6, resume=path)
    assert again.executable.state["w"] == trainer.executable.state["w"]


def test_checkpoints_of_other_programs(programs, trainer, data, tmp_path):
    path = tmp_path / "c.safetensors"
    trainer.fit(data, 1, 6, callbacks=[Checkpoints(path)])
    other = Trainer(Executable(programs.affine()), "affine")
    x = {"x": np.zeros((COUNT, 3), np.float32)}
    with pytest.raises(CheckpointError, match=r"other parameters \(lacks \['b'\], has also"):
        other.fit(x, 1, 6, fixed={"a": 1.0}, resume=path)


def test_a_checkpoint_is_read_by_any_safetensors_tool(trainer, data, tmp_path):
    from safetensors import safe_open

    path = tmp_path / "c.safetensors"
    trainer.fit(data, 1, 6, callbacks=[Checkpoints(path)])
    with safe_open(path, framework="np") as file:
        assert sorted(file.keys()) == ["steps", "w"]
        assert file.get_tensor("w") == trainer.executable.state["w"]
    assert load_checkpoint(path).progress["epoch"] == 1


def test_a_full_disk_leaves_the_old_checkpoint(trainer, data, tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "c.safetensors"
    trainer.fit(data, 1, 6, callbacks=[Checkpoints(path)])
    before = path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limit[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            trainer.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_parameter_with_a_name_the_format_reserves(programs, data, tmp_path):
    program = programs.affine()
    entry = dataclasses.replace(program.entries[0], parameters=("__metadata__",))
    spec = dataclasses.replace(program.parameters[0], name="__metadata__")
    program = dataclasses.replace(
        program, entries=(entry,), parameters=(spec,), initial={"__metadata__": np.float32(1)[()]}
    )
    program = dataclasses.replace(program, initial={"__metadata__": np.array(1, np.float32)})
    trainer = Trainer(Executable(program), "affine")
    trainer.fit({"x": np.zeros((5, 3), np.float32)}, 1, 2, fixed={"a": 2.0})
    with pytest.raises(CheckpointError, match="rename it"):
        trainer.save(tmp_path / "c")


def test_progress_prints_a_line_an_epoch(trainer, data):
    stream = io.StringIO()
    trainer.fit(data, 10, 8, validation={"x": data["x"]}, callbacks=[Progress(stream)])
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("epoch  1/10  loss ") and "val_loss" in lines[0]
    assert lines[9].endswith("samples/s")


def test_progress_draws_a_bar_on_a_terminal(trainer, data):
    pytest.importorskip("rich")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    trainer.fit(data, 2, 8, callbacks=[Progress(stream)])
    assert "epoch 2/2  loss" in stream.getvalue()


def test_rich_is_loaded_for_a_terminal_alone():
    code = (
        "import sys, runtime.trainer, runtime.progress, runtime.executable, runtime.profiling\n"
        "bad = {'rich', 'sympy', 'networkx', 'graphc', 'llvmlite'} & set(sys.modules)\n"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
