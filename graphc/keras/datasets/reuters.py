"""``keras.datasets.reuters``: 11,228 short news texts as word numbers, on 46 topics."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from graphc.keras.datasets import stand_ins
from graphc.keras.datasets.sequences import Coding, coded, read_ragged, shuffled
from graphc.keras.datasets.sources import Split, cache_directory, given_or_cached, none_of, say

_DEFAULT = "reuters.npz"
_WORDS = "reuters_word_index.json"
_ADVICE = (
    "Give the path of a reuters.npz, or practise on made-up texts: "
    "keras.datasets.reuters.stand_in(num_words=10000)."
)


def load_data(
    path: str | os.PathLike[str] = _DEFAULT,
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Split:
    """``(x_train, y_train), (x_test, y_test)``: object arrays of lists of ints, topics 0 to 45.

    ``path`` names a ``reuters.npz``, by itself or within Keras' cache; ``test_split`` is the part
    to test with.  The other arguments are those of ``imdb.load_data``.  Raises ``DataFileError``
    where the file is not there; ``stand_in`` makes texts to practise with.
    """
    found = given_or_cached(path, _DEFAULT)
    if found is None:
        raise none_of("reuters", [f"{cache_directory() / _DEFAULT} is not there"], _ADVICE)
    arrays = read_ragged(found, ("x", "y"))
    words, labels = shuffled(arrays["x"], arrays["y"], np.random.RandomState(seed))
    coding = Coding(num_words, skip_top, maxlen, start_char, oov_char, index_from)
    return say("reuters", _split(*coded(words, labels, coding), test_split), str(found))


def stand_in(
    num_words: int | None = 10000,
    samples: int = 6000,
    test_split: float = 0.2,
    seed: int = 0,
    **coding: Any,
) -> Split:
    """Made-up news in the form of ``load_data``, on 46 topics as uneven as real ones.

    They are no news: word numbers drawn at random, some from a list of each topic.

    >>> (x_train, y_train), (x_test, y_test) = stand_in(samples=10)
    reuters stand-in: 8 samples to train, 2 to test, from random numbers: these are no news
    """
    words, labels = stand_ins.texts(samples, 46, 20000, own=0.7, noise=0.06, seed=seed)
    data = _split(*coded(words, labels, Coding(num_words, **coding)), test_split)
    return say("reuters stand-in", data, "random numbers: these are no news")


def get_word_index(path: str | os.PathLike[str] = _WORDS) -> dict[str, int]:
    """The number of each word by frequency, from ``reuters_word_index.json``; in ``load_data`` it
    is higher by ``index_from``.  Raises ``DataFileError`` where the file is not there."""
    found = given_or_cached(path, _WORDS)
    if found is None:
        raise none_of(
            "reuters",
            [f"{cache_directory() / _WORDS} is not there"],
            f"Give the path of a {_WORDS}.",
        )
    index: dict[str, int] = json.loads(Path(found).read_text(encoding="utf-8"))
    return index


def _split(words: np.ndarray, labels: np.ndarray, test_split: float) -> Split:
    cut = int(len(words) * (1 - test_split))
    return (words[:cut], labels[:cut]), (words[cut:], labels[cut:])
