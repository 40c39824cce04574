"""``keras.datasets.imdb``: 50,000 film reviews as word numbers, liked (1) or not (0)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from graphc.keras.datasets import stand_ins
from graphc.keras.datasets.sequences import Coding, coded, read_ragged, shuffled
from graphc.keras.datasets.sources import Split, cache_directory, given_or_cached, none_of, say

_DEFAULT = "imdb.npz"
_WORDS = "imdb_word_index.json"
_ADVICE = (
    "Give the path of an imdb.npz, or practise on made-up texts: "
    "keras.datasets.imdb.stand_in(num_words=10000)."
)


def load_data(
    path: str | os.PathLike[str] = _DEFAULT,
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Split:
    """``(x_train, y_train), (x_test, y_test)``: object arrays of lists of ints, labels 0 or 1.

    ``path`` names an ``imdb.npz``, by itself or within Keras' cache.  Words are numbered by
    frequency, from ``index_from`` on; those from ``num_words`` on and the first ``skip_top`` become
    ``oov_char``; reviews of ``maxlen`` words or more are left out.  Raises ``DataFileError`` where
    the file is not there; ``stand_in`` makes texts to practise with.
    """
    found = given_or_cached(path, _DEFAULT)
    if found is None:
        raise none_of("imdb", [f"{cache_directory() / _DEFAULT} is not there"], _ADVICE)
    arrays = read_ragged(found, ("x_train", "y_train", "x_test", "y_test"))
    order = np.random.RandomState(seed)
    coding = Coding(num_words, skip_top, maxlen, start_char, oov_char, index_from)
    train = shuffled(arrays["x_train"], arrays["y_train"], order)
    test = shuffled(arrays["x_test"], arrays["y_test"], order)
    return say("imdb", (coded(*train, coding), coded(*test, coding)), str(found))


def stand_in(
    num_words: int | None = 10000, samples: int = 5000, seed: int = 0, **coding: Any
) -> Split:
    """Made-up reviews in the form of ``load_data``: half of ``samples`` to train, half to test.

    They are no reviews: word numbers drawn at random, some from a list of each class.

    >>> (x_train, y_train), (x_test, y_test) = stand_in(samples=10)
    imdb stand-in: 5 samples to train, 5 to test, from random numbers: these are no reviews
    """
    words, labels = stand_ins.texts(samples, 2, 20000, own=0.2, noise=0.04, seed=seed)
    half = samples // 2
    how = Coding(num_words, **coding)
    data = coded(words[:half], labels[:half], how), coded(words[half:], labels[half:], how)
    return say("imdb stand-in", data, "random numbers: these are no reviews")


def get_word_index(path: str | os.PathLike[str] = _WORDS) -> dict[str, int]:
    """The number of each word by frequency, from ``imdb_word_index.json``; in ``load_data`` it is
    higher by ``index_from``.  Raises ``DataFileError`` where the file is not there."""
    found = given_or_cached(path, _WORDS)
    if found is None:
        raise none_of(
            "imdb", [f"{cache_directory() / _WORDS} is not there"], f"Give the path of a {_WORDS}."
        )
    index: dict[str, int] = json.loads(Path(found).read_text(encoding="utf-8"))
    return index
