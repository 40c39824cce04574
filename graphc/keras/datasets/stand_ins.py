"""Made-up texts for machines without the real ones.  They are called stand-ins everywhere.

A text is a list of word numbers, 1 being the most frequent word.  Words follow Zipf's law; each
class favours some words of its own, and a part of the words is drawn from another class, so that
the classes overlap and a large network overfits.  Knows nothing of files.
"""

from __future__ import annotations

import numpy as np


def texts(
    samples: int, classes: int, vocabulary: int, *, own: float, noise: float, seed: int
) -> tuple[list[list[int]], np.ndarray]:
    """``samples`` made-up texts of 20 to 400 words and their classes, int64.

    ``own`` is the part of the words that come from a class's own list, ``noise`` the part of the
    texts that carry a wrong label; classes are as uneven as topics are.

    >>> x, y = texts(5, 2, 100, own=0.2, noise=0.0, seed=0)
    >>> len(x), y.shape, max(map(max, x)) <= 100
    (5, (5,), True)
    """
    rng = np.random.default_rng(seed)
    ranks = np.arange(1, vocabulary + 1)
    common = 1 / (ranks + 2.7)
    common_ends = np.cumsum(common / common.sum())
    favourites = rng.integers(vocabulary // 50, vocabulary, (classes, max(20, vocabulary // 60)))
    share = np.ones(2) / 2 if classes == 2 else 1 / np.arange(1, classes + 1)
    labels = rng.choice(classes, samples, p=share / share.sum())
    wrong = rng.random(samples) < noise
    shown = np.where(wrong, rng.integers(0, classes, samples), labels)
    lengths = np.clip(rng.lognormal(4.6, 0.6, samples), 20, 400).astype(int)
    made = []
    for label, length in zip(labels, lengths, strict=True):
        words = np.searchsorted(common_ends, rng.random(length)) + 1
        # How clearly a text speaks for its class differs from text to text.
        ours = rng.random(length) < own * rng.random()
        words[ours] = rng.choice(favourites[label], int(ours.sum()))
        made.append(np.minimum(words, vocabulary).tolist())
    return made, shown.astype(np.int64)
