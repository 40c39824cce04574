"""Keras' helpers: labels, seeds, pictures of models, the progress bar."""

from __future__ import annotations

from graphc.keras.utils.progbar import Progbar

__all__ = ["Progbar"]
