"""One seed for everything that draws random numbers."""

from __future__ import annotations

import random as python_random

import numpy as np

from graphc.keras.random import set_global_seed


def set_random_seed(seed: int) -> None:
    """Seeds Python's ``random``, NumPy's global generator and ``keras.random``: initial weights,
    dropout and the order of samples are the same in each run.

    Raises ``ValueError`` for what is no int from 0 to 2**32 - 1.

    >>> from graphc import keras
    >>> draws = []
    >>> for _ in range(2):
    ...     set_random_seed(7)
    ...     draws.append(keras.random.uniform((3,)))
    >>> bool((draws[0] == draws[1]).all())
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"set_random_seed: the seed should be an int of 32 bits, not {seed!r}")
    python_random.seed(seed)
    np.random.seed(seed)
    set_global_seed(seed)
