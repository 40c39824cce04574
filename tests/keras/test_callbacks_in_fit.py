"""Callbacks at work in ``fit``: what they change, and what remains when they fail."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphc import keras
from graphc.keras import callbacks, layers
from tests.structure import ROOT

RNG = np.random.default_rng(3)
X = RNG.standard_normal((64, 5)).astype(np.float32)
Y = X @ np.array([[1.0], [-2.0], [0.5], [0.0], [3.0]], np.float32) + np.float32(0.3)


def model(rate: Any = 0.05, seed: int = 5) -> Any:
    keras.utils.set_random_seed(seed)
    made = keras.Sequential([keras.Input((5,)), layers.Dense(1)])
    made.compile(optimizer=keras.optimizers.SGD(rate), loss="mse", metrics=["mae"])
    return made


def fit(made: Any, *watching: Any, epochs: int = 4, **more: Any) -> Any:
    return made.fit(X, Y, epochs=epochs, batch_size=16, verbose=0, callbacks=list(watching), **more)


def test_history_has_all_names_in_keras_order() -> None:
    schedule = callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (epoch + 1))
    history = fit(model(), schedule, validation_split=0.25)
    assert list(history.history) == ["loss", "mae", "val_loss", "val_mae", "learning_rate"]
    np.testing.assert_allclose(history.history["learning_rate"], [0.1, 0.05, 0.1 / 3, 0.025], 1e-6)
    assert history.epoch == [0, 1, 2, 3]
    assert history.params == {"verbose": 0, "epochs": 4, "steps": 3}


def test_a_scheduled_rate_changes_the_steps() -> None:
    still = model()
    before = still.get_weights()
    fit(still, callbacks.LearningRateScheduler(lambda epoch: 0.0))
    for old, new in zip(before, still.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    halved = model(0.1)
    fit(halved, callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2), epochs=3)
    assert float(halved.optimizer.learning_rate) == pytest.approx(0.0125)


def test_reducing_on_a_plateau() -> None:
    made = model(0.5)
    plateau = callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    fit(made, plateau, epochs=4)
    assert float(made.optimizer.learning_rate) == pytest.approx(0.0625)


def test_stopping_restores_the_best_weights() -> None:
    made = model()
    kept: list[Any] = []
    keep = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append((logs["val_loss"], made.get_weights()))
    )
    rising = callbacks.LearningRateScheduler(lambda epoch: 0.05 if epoch < 3 else 0.9)
    stopping = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    fit(made, rising, keep, stopping, epochs=20, validation_data=(X, Y))
    best = min(range(len(kept)), key=lambda i: kept[i][0])
    assert stopping.stopped_epoch == best + 2 == len(kept) - 1
    for wanted, found in zip(kept[best][1], made.get_weights(), strict=True):
        np.testing.assert_array_equal(wanted, found)


def test_stopping_within_an_epoch() -> None:
    made = model()
    seen: list[int] = []

    def stop(batch: int, logs: Any) -> None:
        seen.append(batch)
        if len(seen) == 6:
            made.stop_training = True

    fit(made, callbacks.LambdaCallback(on_train_batch_end=stop))
    assert seen == [0, 1, 2, 3, 0, 1]


def test_metrics_of_batches_are_running_averages() -> None:
    seen: list[float] = []
    note = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(logs["loss"])
    )
    history = fit(model(), note, epochs=1)
    assert len(seen) == 4 and seen[-1] == pytest.approx(history.history["loss"][0])


@pytest.mark.parametrize("hook", ["on_train_batch_end", "on_epoch_end", "on_test_begin"])
def test_a_callback_that_raises_loses_nothing(hook: str) -> None:
    calls: list[int] = []

    def fail(*_: Any, **__: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("the weather")

    made = model()
    with pytest.raises(RuntimeError, match="the weather") as caught:
        fit(made, callbacks.LambdaCallback(**{hook: fail}), validation_data=(X, Y))
    assert f"LambdaCallback.{hook}" in caught.value.__notes__[0]
    epochs = {"on_train_batch_end": 0, "on_epoch_end": 2, "on_test_begin": 2}[hook]
    assert len(made.history.epoch) == epochs
    assert made.history.history.get("loss", []) == made.history.history.get("loss", [])[:epochs]
    reached = made.evaluate(X, Y, verbose=0)[0]
    assert reached < model().evaluate(X, Y, verbose=0)[0]
    fit(made, epochs=1)
    assert made.evaluate(X, Y, verbose=0)[0] < reached


def test_control_c_keeps_history_and_weights(tmp_path: Path) -> None:
    made = model()
    stopping = callbacks.EarlyStopping("loss", patience=99, restore_best_weights=True)
    log = callbacks.CSVLogger(tmp_path / "log.csv")
    ended: list[Any] = []
    last: list[Any] = []

    def interrupt(batch: int, logs: Any) -> None:
        last[:] = made.get_weights()
        if batch == 2 and len(made.history.epoch) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    watching = callbacks.LambdaCallback(on_train_batch_end=interrupt, on_train_end=ended.append)
    with pytest.raises(KeyboardInterrupt):
        fit(made, watching, stopping, log, epochs=50)
    assert made.history.epoch == [0, 1]
    assert made.evaluate(X, Y, verbose=0)[0] < made.history.history["loss"][0]
    # The weights are those of the last step, not those of the best epoch; files are whole.
    assert not ended and stopping.best_weights is not None
    for reached, kept in zip(last, made.get_weights(), strict=True):
        np.testing.assert_array_equal(reached, kept)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3


def test_checkpoints_of_the_best(tmp_path: Path) -> None:
    made = model()
    path = tmp_path / "best.keras"
    kept = callbacks.ModelCheckpoint(path, "loss", save_best_only=True)
    rising = callbacks.LearningRateScheduler(lambda epoch: 0.05 if epoch < 2 else 0.9)
    fit(made, rising, kept, epochs=5)
    loaded = keras.models.load_model(path)
    assert loaded.evaluate(X, Y, verbose=0)[0] < made.evaluate(X, Y, verbose=0)[0]
    weights = callbacks.ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_weights_only=True)
    fit(made, weights, epochs=2)
    assert sorted(p.name for p in tmp_path.glob("*.h5")) == ["1.weights.h5", "2.weights.h5"]


def test_a_full_disk_keeps_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = model()
    path = tmp_path / "model.keras"
    fit(made, callbacks.ModelCheckpoint(path), epochs=1)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        fit(made, callbacks.ModelCheckpoint(path), epochs=1)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.keras"]
    keras.models.load_model(path)


_KILLED = """
import os, signal, sys
sys.path.insert(0, {root!r})
from tests.keras.test_callbacks_in_fit import X, Y, model, callbacks, fit
calls = 0
real = os.fsync
def killed(descriptor):
    global calls
    calls += 1
    if calls == {when}:
        os.kill(os.getpid(), signal.SIGKILL)
    real(descriptor)
os.fsync = killed
fit(model(), callbacks.ModelCheckpoint({path!r}), epochs=9)
"""


def test_a_killed_process_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    code = textwrap.dedent(_KILLED).format(root=str(ROOT), path=str(path), when=5)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert keras.models.load_model(path).evaluate(X, Y, verbose=0)[0] >= 0


def test_nan_ends_the_training(capsys: pytest.CaptureFixture[str]) -> None:
    made = model(rate=1e30)
    with pytest.warns(UserWarning) as warned:
        fit(made, callbacks.TerminateOnNaN(), epochs=5)
    assert len(made.history.epoch) <= 1, warned
    assert "terminating training" in capsys.readouterr().out


@pytest.mark.parametrize("verbose", [0, 1, 2, "auto"])
def test_what_fit_prints(verbose: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made = model()
    made.fit(X, Y, epochs=2, batch_size=16, verbose=verbose, validation_data=(X, Y))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == (2 if verbose else 0)
    for epoch, line in enumerate(lines, 1):
        assert line.startswith(f"Epoch {epoch}/2 - 4/4 - ")
        assert [part in line for part in (" - loss: ", " - mae: ", " - val_loss: ")] == [True] * 3


def test_generators_of_unknown_length(capsys: pytest.CaptureFixture[str]) -> None:
    def batches() -> Any:
        for start in range(0, 48, 16):
            yield X[start : start + 16], Y[start : start + 16]

    model().fit(batches(), verbose=1)
    assert capsys.readouterr().out.startswith("3/3 - ")
    model().predict(X, batch_size=16, verbose=1)
    assert capsys.readouterr().out.startswith("4/4 - ")


def test_custom_training_loops_may_use_the_list() -> None:
    made = model()
    with callbacks.CallbackList(
        [callbacks.EarlyStopping("loss", patience=0)], add_history=True, model=made, epochs=9
    ) as told:
        told.on_train_begin()
        for epoch in range(9):
            told.on_epoch_begin(epoch)
            loss = made.train_on_batch(X, Y)[0] if epoch < 3 else np.inf
            told.on_epoch_end(epoch, {"loss": float(loss)})
            if made.stop_training:
                break
        told.on_train_end()
    assert made.history.epoch == [0, 1, 2, 3]
