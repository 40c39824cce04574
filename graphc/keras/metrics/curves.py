"""Metrics over many thresholds: the area under a curve, and F-scores of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import graphc
from graphc.errors import ArgumentError
from graphc.keras import ops
from graphc.keras.calling import tensor, universal
from graphc.keras.config import epsilon
from graphc.keras.metrics.base import Metric
from graphc.keras.metrics.decisions import decisions, is_even
from graphc.keras.pairs import pair
from graphc.keras.registry import fail
from graphc.keras.variables import Variable

_CURVES = ("ROC", "PR", "PRGAIN")
_SUMS = ("interpolation", "majoring", "minoring")


class AUC(Metric):
    """The area under the ROC or the precision-recall curve, of counts at ``num_thresholds``.

    With ``multi_label`` each label has a curve, and the areas are averaged, by ``label_weights``.
    ``ArgumentError`` for an unknown ``curve`` or ``summation_method``.

    >>> float(AUC()([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]).round(3))
    0.75
    """

    def __init__(
        self, num_thresholds: int = 200, curve: str = "ROC",
        summation_method: str = "interpolation", name: str | None = None, dtype: Any = None,
        thresholds: Sequence[float] | None = None, multi_label: bool = False,
        num_labels: int | None = None, label_weights: Any = None, from_logits: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(dtype, name)
        self.curve, self.summation_method = str(curve).upper(), str(summation_method).lower()
        if self.curve not in _CURVES:
            raise fail(ArgumentError(f"curve is one of {_CURVES}, not {curve!r}"))
        if self.summation_method not in _SUMS:
            raise fail(ArgumentError(f"summation_method is one of {_SUMS}"))
        if thresholds is None and num_thresholds < 2:
            raise fail(ArgumentError(f"num_thresholds is 2 or more, not {num_thresholds}"))
        self._given, inner = thresholds, sorted(thresholds or ())
        if thresholds is None:
            inner = [(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)]
        self._even = thresholds is None or is_even([0.0, *inner, 1.0])
        self.thresholds = [-epsilon(), *inner, 1.0 + epsilon()]
        self.num_thresholds = len(self.thresholds)
        self.multi_label, self.num_labels = multi_label, num_labels
        self.label_weights = label_weights
        self.from_logits = from_logits
        self._counts: list[Variable] = []
        if not multi_label or num_labels:
            self._build(num_labels)

    def _build(self, labels: int | None) -> None:
        size = (self.num_thresholds,) if labels is None else (self.num_thresholds, labels)
        names = ("true_positives", "false_positives", "true_negatives", "false_negatives")
        self._counts = [self.add_variable(size, name=name) for name in names]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        if not self._counts:
            self._build(ops.shape(y_pred)[-1])
        found = ops.sigmoid(y_pred) if self.from_logits else y_pred
        counts = decisions(
            y_true, found, self.thresholds, sample_weight, dtype=self.dtype, even=self._even,
            multi_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights,
        )  # fmt: skip
        for variable, added in zip(self._counts, counts, strict=True):
            variable.assign_add(added)

    def result(self) -> Any:
        """The area by now."""
        interpolated = self.curve == "PR" and self.summation_method == "interpolation"
        parts = self._between_counts() if interpolated else self._trapezoids()
        if not self.multi_label:
            return ops.sum(parts)
        areas = ops.sum(parts, axis=0)
        if self.label_weights is None:
            return ops.mean(areas)
        shares = np.asarray(self.label_weights, self.dtype)
        return ops.divide_no_nan(ops.sum(areas * shares), shares.sum())

    def _trapezoids(self) -> Any:
        """The areas between neighbouring thresholds."""
        tp, fp, tn, fn = (v.value for v in self._counts)
        recall = ops.divide_no_nan(tp, tp + fn)
        if self.curve == "ROC":
            x, y = ops.divide_no_nan(fp, fp + tn), recall
        elif self.curve == "PR":
            x, y = recall, ops.divide_no_nan(tp, tp + fp)
        else:
            odds = ops.divide_no_nan(tp + fn, tn + fp)
            gains = [1.0 - odds * ops.divide_no_nan(wrong, tp) for wrong in (fn, fp)]
            x = ops.maximum(ops.where(tp == 0, 0.0, gains[0]), 0.0)
            y = ops.where(tp == 0, 1.0, gains[1])
        mean = {
            "interpolation": lambda a, b: (a + b) / 2.0,
            "minoring": ops.minimum,
            "majoring": ops.maximum,
        }[self.summation_method]
        return (x[:-1] - x[1:]) * mean(y[:-1], y[1:])

    def _between_counts(self) -> Any:
        """The areas under the precision-recall curve that counts between two thresholds would give
        (Davis and Goadrich, 2006)."""
        tp, fp, _, fn = (v.value for v in self._counts)
        positive = tp + fp
        before, after = positive[:-1], positive[1:]
        gained = tp[:-1] - tp[1:]
        slope = ops.divide_no_nan(gained, ops.maximum(before - after, 0.0))
        start = tp[1:] - slope * after
        both = (before > 0) & (after > 0)
        ratio = ops.where(both, ops.divide_no_nan(before, ops.maximum(after, 0.0)), 1.0)
        area = slope * (gained + start * ops.log(ratio))
        return ops.divide_no_nan(area, ops.maximum(tp[1:] + fn[1:], 0.0))

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        own = ("num_thresholds", "curve", "summation_method", "multi_label", "num_labels",
               "label_weights", "from_logits")  # fmt: skip
        config = super().get_config() | {name: getattr(self, name) for name in own}
        return config if self._given is None else {**config, "thresholds": self.thresholds[1:-1]}


@universal
def _class_counts(
    y_true: Any, y_pred: Any, sample_weight: Any, threshold: float | None, dtype: str
) -> Any:
    """For each class: true positives, false positives, false negatives, and the weights of its
    labels."""
    true, found = (tensor(x, dtype) for x in pair("fbeta_score", y_true, y_pred))
    if threshold is None:
        largest = graphc.max(found, axis=-1, keepdims=True)
        chosen = (found == largest) & (graphc.abs(found) > 1e-9)
    else:
        chosen = found > threshold
    taken = graphc.astype(chosen, dtype)
    weight: Any = 1.0
    if sample_weight is not None:
        weight = graphc.expand_dims(tensor(sample_weight, dtype), 1)
    sums = (taken * true, taken * (1 - true), (1 - taken) * true, true)
    return tuple(graphc.sum(x * weight, axis=0) for x in sums)


class FBetaScore(Metric):
    """The weighted harmonic mean of precision and recall, for each class or averaged.

    Labels are one-hot rows.  ``average`` is ``None``, ``micro``, ``macro`` or ``weighted``; without
    a ``threshold`` the largest prediction of a row is chosen.

    >>> score = FBetaScore(average="micro")
    >>> round(float(score([[0, 1], [1, 0]], [[0.2, 0.8], [0.3, 0.7]])), 5)
    0.5
    """

    def __init__(
        self, average: str | None = None, beta: float = 1.0, threshold: float | None = None,
        name: str | None = "fbeta_score", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(dtype, name)
        if average not in (None, "micro", "macro", "weighted"):
            raise fail(ArgumentError(f"average is micro, macro, weighted or None, not {average!r}"))
        if beta <= 0:
            raise fail(ArgumentError(f"beta is above 0, not {beta}"))
        self.average, self.beta, self.threshold = average, beta, threshold
        self._counts: list[Variable] = []

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        if not self._counts:
            size = () if self.average == "micro" else (ops.shape(y_pred)[-1],)
            names = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")
            self._counts = [self.add_variable(size, name=name) for name in names]
        counts = _class_counts(y_true, y_pred, sample_weight, self.threshold, self.dtype)
        for variable, added in zip(self._counts, counts, strict=True):
            variable.assign_add(ops.sum(added) if self.average == "micro" else added)

    def result(self) -> Any:
        """The score by now, or that of each class."""
        tp, fp, fn, weights = (v.value for v in self._counts)
        eps = epsilon()
        precision, recall = (ops.divide(tp, tp + wrong + eps) for wrong in (fp, fn))
        square = self.beta**2
        scores = (1 + square) * precision * recall / (precision * square + recall + eps)
        if self.average == "weighted":
            return ops.sum(scores * (weights / (ops.sum(weights) + eps)))
        return ops.mean(scores) if self.average is not None else scores

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        own = ("average", "beta", "threshold")
        return super().get_config() | {name: getattr(self, name) for name in own}


class F1Score(FBetaScore):
    """``FBetaScore`` with ``beta`` 1."""

    def __init__(
        self, average: str | None = None, threshold: float | None = None,
        name: str | None = "f1_score", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        config = super().get_config()
        del config["beta"]
        return config
