"""PyDataset: batches by their numbers, made by a class of the user's while the model trains."""

from __future__ import annotations

from typing import Any


class PyDataset:
    """The base of data that comes in batches; give it to ``fit``, ``evaluate`` or ``predict``.

    A subclass has ``__getitem__(index)``, which gives ``(x, y)`` or ``(x, y, sample_weight)`` of a
    batch, and ``__len__``, the number of batches; or ``num_batches``, which may be ``None`` for
    data without an end.  ``fit`` with ``shuffle=True`` asks for the batches in random order.
    ``on_epoch_begin`` and ``on_epoch_end`` are called around each pass.  Batches are made in the
    thread that trains: ``workers``, ``use_multiprocessing`` and ``max_queue_size`` are taken for
    Keras' sake.

    >>> import numpy
    >>> class Halves(PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, index):
    ...         return numpy.full((4, 1), index), numpy.full((4, 1), index / 2)
    >>> from graphc import keras
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> len(model.fit(Halves(), epochs=3, verbose=0).epoch)
    3
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """The batch number ``index``."""
        raise NotImplementedError(f"{type(self).__name__} must have __getitem__")

    @property
    def num_batches(self) -> int | None:
        """How many batches there are; ``None`` where they do not end."""
        if not hasattr(self, "__len__"):
            raise NotImplementedError(f"{type(self).__name__} must have __len__ or num_batches")
        return len(self)

    def on_epoch_begin(self) -> None:
        """Before the first batch of a pass."""

    def on_epoch_end(self) -> None:
        """After the last batch of a pass."""
