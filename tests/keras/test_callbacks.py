"""Callbacks: who is told what and when, and the same decisions as Keras' own."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from graphc.keras import callbacks as ours
from graphc.keras.callbacks.base import HOOKS


class FakeModel:
    """What callbacks need of a model."""

    def __init__(self) -> None:
        self.optimizer = SimpleNamespace(learning_rate=np.float32(0.5))
        self.stop_training = False
        self.metrics: list[Any] = []
        self.weights = 0
        self.saved: list[str] = []

    def get_weights(self) -> list[np.ndarray]:
        return [np.array(self.weights)]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.weights = int(weights[0])

    def save(self, path: str, overwrite: bool = True) -> None:
        self.saved.append(os.path.basename(path))
        Path(path).write_text("model")

    save_weights = save


def run(callbacks: list[Any], losses: list[float], steps: int = 2, **logs: float) -> FakeModel:
    """A training of one epoch a loss; the weights are the number of epochs done."""
    model = FakeModel()
    told = ours.CallbackList(
        callbacks, add_history=True, model=model, epochs=len(losses), steps=steps, verbose=0
    )
    with told:
        told.on_train_begin()
        for epoch, loss in enumerate(losses):
            told.on_epoch_begin(epoch)
            for step in range(steps):
                told.on_train_batch_begin(step)
                told.on_train_batch_end(step, lambda loss=loss: {"loss": loss})
            model.weights += 1
            told.on_epoch_end(epoch, {"loss": loss, **logs})
            if model.stop_training:
                break
        told.on_train_end()
    return model


def test_every_hook_is_called_in_order() -> None:
    seen: list[str] = []
    watching = ours.LambdaCallback(
        **{hook: (lambda *_, hook=hook, **__: seen.append(hook)) for hook in HOOKS}
    )
    run([watching], [1.0])
    told = ours.CallbackList([watching])
    told.on_test_begin()
    told.on_test_batch_begin(0)
    told.on_test_batch_end(0, {})
    told.on_test_end({})
    told.on_predict_begin()
    told.on_predict_batch_begin(0)
    told.on_predict_batch_end(0, {})
    told.on_predict_end()
    batch = ["on_train_batch_begin", "on_train_batch_end"]
    assert seen == [
        "on_train_begin", "on_epoch_begin", *batch, *batch, "on_epoch_end", "on_train_end",
        "on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end",
        "on_predict_begin", "on_predict_batch_begin", "on_predict_batch_end", "on_predict_end",
    ]  # fmt: skip


class OldStyle(ours.Callback):
    """Written for the names without ``train``."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches.append(batch)


def test_old_names_of_batch_hooks() -> None:
    old = OldStyle()
    assert ours.CallbackList([old]).wants("on_train_batch_end")
    assert not ours.CallbackList([old]).wants("on_train_batch_begin")
    run([old], [1.0, 1.0], steps=3)
    assert old.batches == [0, 1, 2, 0, 1, 2]


def test_metrics_are_read_only_where_somebody_wants_them() -> None:
    def read() -> dict[str, float]:
        raise AssertionError("nobody asked")

    quiet = ours.CallbackList([ours.EarlyStopping("loss"), ours.ModelCheckpoint("a.keras")])
    quiet.on_test_batch_end(0, read)
    assert not quiet.wants("on_test_batch_end") and not quiet.wants("on_train_batch_begin")
    nan = ours.CallbackList([ours.TerminateOnNaN()])
    with pytest.raises(AssertionError, match="nobody asked"):
        nan.on_train_batch_end(0, read)


def test_history_keeps_what_a_raising_callback_leaves() -> None:
    def fail(epoch: int, logs: Any) -> None:
        if epoch == 2:
            raise RuntimeError("no more")

    model = FakeModel()
    told = ours.CallbackList([], add_history=True, model=model)
    told.append(ours.LambdaCallback(on_epoch_begin=fail))
    with pytest.raises(RuntimeError, match="no more") as caught, told:
        told.on_train_begin()
        for epoch in range(4):
            told.on_epoch_begin(epoch)
            told.on_epoch_end(epoch, {"loss": 1.0 / (epoch + 1)})
    assert model.history.history == {"loss": [1.0, 0.5]}  # type: ignore[attr-defined]
    assert "LambdaCallback.on_epoch_begin (epoch 2)" in caught.value.__notes__[0]


def test_what_is_no_callback() -> None:
    with pytest.raises(TypeError, match="pass an object of it"):
        ours.CallbackList([ours.EarlyStopping])
    with pytest.raises(TypeError, match=r"'early' \(str\) is not a keras.callbacks.Callback"):
        ours.CallbackList(["early"])
    assert len(ours.CallbackList([[ours.History()], ours.TerminateOnNaN()]).callbacks) == 2
    with pytest.raises(TypeError, match="no hook is named 'on_epoch_stop'"):
        ours.LambdaCallback(on_epoch_stop=print)


def test_restoring_the_best_weights() -> None:
    stopping = ours.EarlyStopping("loss", patience=2, restore_best_weights=True)
    model = run([stopping], [3.0, 1.0, 2.0, 2.0, 0.0])
    assert (stopping.stopped_epoch, stopping.best_epoch, model.weights) == (3, 1, 2)


def test_direction_of_a_metric() -> None:
    assert run([ours.EarlyStopping("accuracy")], [1.0], accuracy=0.5).weights == 1
    unknown = ours.EarlyStopping("weather")
    with pytest.raises(ValueError, match="pass mode='max' or mode='min'"):
        run([unknown], [1.0, 1.0], weather=1.0)
    own = ours.EarlyStopping("weather", patience=0)
    model = FakeModel()
    model.metrics = [SimpleNamespace(name="weather", _direction="up")]
    own.set_model(model)
    for epoch, value in enumerate((1.0, 2.0, 1.5)):
        own.on_epoch_end(epoch, {"weather": value})
    assert own.stopped_epoch == 2


def test_a_metric_that_is_not_measured() -> None:
    with pytest.warns(UserWarning, match="depends on 'val_loss', which is not measured.*loss"):
        run([ours.EarlyStopping()], [1.0])


@pytest.mark.parametrize("raises", [False, True])
def test_terminate_on_nan(raises: bool) -> None:
    callback = ours.TerminateOnNaN(raise_error=raises)
    if raises:
        with pytest.raises(RuntimeError, match="the loss is inf after batch 0"):
            run([callback], [1.0, float("inf"), 1.0])
    else:
        assert run([callback], [1.0, float("nan"), 1.0]).weights == 2


def test_csv_logger_appends(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    run([ours.CSVLogger(path)], [1.0, 0.5])
    run([ours.CSVLogger(path, append=True)], [0.25])
    assert path.read_text().splitlines() == [
        "epoch,loss,val_loss", "0,1.0,NA", "1,0.5,NA", "0,0.25,NA",
    ]  # fmt: skip


def test_checkpoint_paths(tmp_path: Path) -> None:
    best = ours.ModelCheckpoint(
        tmp_path / "deep" / "{epoch:02d}-{loss:.1f}.keras", "loss", save_best_only=True
    )
    assert run([best], [3.0, 4.0, 2.0]).saved == ["01-3.0.keras", "03-2.0.keras"]
    batches = ours.ModelCheckpoint(
        tmp_path / "{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=3
    )
    assert run([batches], [1.0, 1.0], steps=4).saved == ["1-3.weights.h5", "2-2.weights.h5"]
    with pytest.raises(KeyError, match="names 'val_loss'; there are: epoch, loss"):
        run([ours.ModelCheckpoint(tmp_path / "{val_loss}.keras")], [1.0])
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(IsADirectoryError):
        run([ours.ModelCheckpoint(tmp_path / "folder.keras")], [1.0])


def test_checkpoint_arguments() -> None:
    with pytest.raises(ValueError, match="ends in"):
        ours.ModelCheckpoint("model")
    with pytest.raises(ValueError, match="ends in"):
        ours.ModelCheckpoint("model.keras", save_weights_only=True)
    with pytest.raises(ValueError, match="save_freq"):
        ours.ModelCheckpoint("model.keras", save_freq="batch")


def test_schedules() -> None:
    model = run([ours.LearningRateScheduler(lambda epoch: 0.1 * (epoch + 1))], [1.0, 1.0])
    assert model.history.history["learning_rate"] == [0.1, 0.2]  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="should return a float, not None"):
        run([ours.LearningRateScheduler(lambda epoch, rate: None)], [1.0])
    with pytest.raises(ValueError, match="factor should be below 1"):
        ours.ReduceLROnPlateau(factor=1.0)


def test_one_line_an_epoch_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    told = ours.CallbackList(add_progbar=True, epochs=2, steps=2, verbose=1)
    told.on_train_begin()
    for epoch in range(2):
        told.on_epoch_begin(epoch)
        for step in range(2):
            told.on_train_batch_end(step, {"loss": 9.0})
        told.on_test_begin()
        told.on_test_batch_end(0, {"loss": 7.0})
        told.on_test_end({"loss": 7.0})
        told.on_epoch_end(epoch, {"loss": 0.5, "val_loss": 1e-5})
    told.on_train_end()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Epoch 2/2 - 2/2 - 0s - ")
    assert lines[1].endswith("/step - loss: 0.5000 - val_loss: 1.0000e-05")


@pytest.mark.parametrize("verbose", [0, 1, 2, "auto"])
def test_evaluation_shows_a_line(verbose: Any, capsys: pytest.CaptureFixture[str]) -> None:
    told = ours.CallbackList(add_progbar=True, epochs=1, steps=None, verbose=verbose)
    told.on_test_begin()
    for step in range(3):
        told.on_test_batch_end(step, {"loss": 9.0})
    told.on_test_end({"loss": 0.25})
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == (verbose != 0)
    assert not shown or (shown[0].startswith("3/3 - ") and shown[0].endswith("loss: 0.2500"))


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    told = ours.CallbackList(add_progbar=True, epochs=2, steps=3, verbose=1)
    with pytest.raises(KeyboardInterrupt), told:
        told.on_train_begin()
        told.on_epoch_begin(0)
        told.on_epoch_end(0, {"loss": 0.5})
        told.on_epoch_begin(1)
        raise KeyboardInterrupt
    shown = screen.getvalue()
    assert "Epoch 1/2 - 3/3" in shown and "loss: 0.5000" in shown
    # The cursor that the bar hid is there again.
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l")


def trace(library: Any, make: Any, seed: int) -> list[Any]:
    """What a callback does in a random training."""
    rng = np.random.default_rng(seed)
    model = FakeModel()
    callback = make(library, np.random.default_rng(seed + 1))
    callback.set_model(model)
    callback.on_train_begin()
    seen: list[Any] = []
    for epoch in range(12):
        model.weights = epoch
        logs = {"loss": float(rng.integers(0, 5)) / 4, "accuracy": float(rng.integers(0, 4)) / 4}
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, logs)
        seen.append((logs, float(model.optimizer.learning_rate), model.stop_training))
        if model.stop_training:
            break
    callback.on_train_end()
    return [*seen, model.weights, model.saved]


def stopping(library: Any, rng: np.random.Generator) -> Any:
    monitor, mode = [("loss", "min"), ("accuracy", "max"), ("loss", "auto")][rng.integers(3)]
    return library.EarlyStopping(
        monitor,
        mode=mode,
        min_delta=float(rng.choice([0.0, 0.25, 0.3])),
        patience=int(rng.integers(0, 4)),
        baseline=None if rng.random() < 0.5 else 0.5,
        restore_best_weights=bool(rng.integers(2)),
        start_from_epoch=int(rng.integers(0, 4)),
    )


def plateau(library: Any, rng: np.random.Generator) -> Any:
    monitor, mode = [("loss", "min"), ("accuracy", "max"), ("loss", "auto")][rng.integers(3)]
    return library.ReduceLROnPlateau(
        monitor,
        factor=0.5,
        mode=mode,
        patience=int(rng.integers(0, 4)),
        min_delta=float(rng.choice([1e-4, 0.25])),
        cooldown=int(rng.integers(0, 3)),
        min_lr=float(rng.choice([0.0, 0.1])),
    )


def schedule(library: Any, rng: np.random.Generator) -> Any:
    return library.LearningRateScheduler(lambda epoch, rate: float(rate) * 0.75)


@pytest.mark.parametrize("make", [stopping, plateau, schedule])
def test_same_decisions_as_keras(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    pytest.importorskip("jax")
    theirs = pytest.importorskip("keras").callbacks
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(60):
            assert trace(ours, make, seed) == trace(theirs, make, seed), seed
